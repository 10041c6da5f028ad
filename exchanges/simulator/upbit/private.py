"""
The private socket, `/websocket/v1/private`: a token at the door, binary frames, an idle clock.

A connection on which nothing is said by either side for two minutes is closed. After a text PING
the server says that it is up, and goes on saying so. Source: "WebSocket guide".
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiohttp import WSMsgType, web

from exchanges.simulator.errors import ApiError
from exchanges.simulator.limits import LimitReached
from exchanges.simulator.private_socket import BINARY, PONG, PrivateSocket
from exchanges.simulator.upbit import errors
from exchanges.simulator.upbit.config import config_of
from exchanges.simulator.upbit.door import origin_charge
from exchanges.simulator.upbit.subscription import RequestError, Subscription

if TYPE_CHECKING:
    from exchanges.simulator.accounts import Account
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.upbit.token import Tokens

PATH: Final = "/websocket/v1/private"
#: how long the peer may take to answer a close frame
CLOSING: Final = 1.0
GOING_AWAY: Final = 1001
UP: Final = '{"status":"UP"}'


@dataclass(slots=True, kw_only=True, eq=False)
class UpbitSocket(PrivateSocket):
    """A socket that sends binary frames of what was subscribed to, in the form asked for."""

    subscription: Subscription = field(default_factory=Subscription)
    #: when anything last came or went
    last_traffic: float = 0.0

    def send(self, text: str, key: str) -> None:
        """Queue a frame, if its market was asked for."""
        del key
        if self.subscription.wants(text):
            self.write(BINARY, self.subscription.formed(text).encode())

    def write(self, opcode: int, payload: bytes) -> None:
        """Queue a frame; the connection is alive as long as something is sent."""
        PrivateSocket.write(self, opcode, payload)
        self.last_traffic = asyncio.get_running_loop().time()


class PrivateEndpoint:
    """The end point before its house."""

    def __init__(self, house: SimulatedExchange, tokens: Tokens) -> None:
        """`tokens` remembers nonces, those of REST too."""
        self._house = house
        self._tokens = tokens

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection from its handshake to its end."""
        try:
            account = self._admit(request)
        except ApiError as error:
            body = {"error": {"name": error.code, "message": error.message}}
            return web.json_response(body, status=error.status)
        if self._refuses(account):
            return web.Response(status=503, text="Service Unavailable")
        response = web.WebSocketResponse(autoping=False, compress=False, timeout=CLOSING)
        await response.prepare(request)
        if not isinstance(request.transport, asyncio.Transport):
            return response
        socket = UpbitSocket(
            response=response, transport=request.transport, events=frozenset(), opcode=BINARY
        )
        await self._live(socket, account)
        return response

    def _admit(self, request: web.Request) -> Account:
        if "Origin" in request.headers:
            self._count_origin()
        header = request.headers.get("Authorization", "")
        account = self._tokens.check(header, self._house.accounts, ())
        if self._house.board.of(account.api_key).invalid_key:
            raise errors.unauthorised(name="invalid_access_key")
        return account

    def _count_origin(self) -> None:
        try:
            self._house.limits.count([origin_charge(self._house)])
        except LimitReached:
            raise errors.too_many() from None

    def _refuses(self, account: Account) -> bool:
        """Whether a fault keeps this connection out."""
        share = self._house.board.of(account.api_key).refuse_connect
        return self._house.connect_chance.random() < share

    async def _live(self, socket: UpbitSocket, account: Account) -> None:
        self._house.hub.attach_account(socket, account.api_key)
        loop = asyncio.get_running_loop()
        tending = [
            loop.create_task(self._watch(socket)),
            loop.create_task(self._end_day(socket)),
        ]
        try:
            await self._converse(socket, tending)
        finally:
            for task in tending:
                task.cancel()
            self._house.hub.detach(socket)

    async def _converse(self, socket: UpbitSocket, tending: list[asyncio.Task[None]]) -> None:
        loop = asyncio.get_running_loop()
        socket.last_traffic = loop.time()
        async for message in socket.response:
            socket.last_traffic = loop.time()
            if message.type is WSMsgType.PING:
                socket.write(PONG, bytes(message.data))
            elif message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                text = text_of(message.data)
                if text == "PING":
                    tending.append(loop.create_task(self._say_up(socket)))
                else:
                    react(socket, text)

    async def _say_up(self, socket: UpbitSocket) -> None:
        while True:
            socket.write(BINARY, UP.encode())
            await asyncio.sleep(config_of(self._house).status_interval)

    async def _watch(self, socket: UpbitSocket) -> None:
        """Close the connection when nothing was said for so long."""
        loop = asyncio.get_running_loop()
        left = 1.0
        while left > 0:
            patience = config_of(self._house).idle_timeout
            left = socket.last_traffic + patience - loop.time()
            await asyncio.sleep(max(left, 0.0))
        self._house.hub.drop([socket], GOING_AWAY)

    async def _end_day(self, socket: UpbitSocket) -> None:
        """No day's end is documented; `socket_lifetime` is when the server restarts."""
        await asyncio.sleep(self._house.config.socket_lifetime)
        self._house.hub.drop([socket], GOING_AWAY)


def text_of(data: str | bytes) -> str:
    """What a client said, in either kind of frame."""
    return data if isinstance(data, str) else data.decode("utf-8", "replace")


def react(socket: UpbitSocket, text: str) -> None:
    """Take a request; only a refusal and a list are answered."""
    try:
        answer = socket.subscription.hear(text)
    except RequestError as error:
        refused = {"error": {"name": error.name, "message": error.name.replace("_", " ").lower()}}
        answer = json.dumps(refused)
    socket.events = frozenset(socket.subscription.types)
    if answer is not None:
        socket.write(BINARY, answer.encode())
