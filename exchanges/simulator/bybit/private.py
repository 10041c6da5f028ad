"""
The private socket: `/v5/private`, for every house at once.

A connection without traffic either way is cut after ten minutes, or after what `max_active_time`
in its URL says (30s to 600s, or minutes as `2m`); that is looked at every 30 seconds, so it is not
exact. Source: "Connect" of v5.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiohttp import WSMsgType, web

from exchanges.simulator.bybit import clocks, topics
from exchanges.simulator.bybit.config import config_of
from exchanges.simulator.bybit.session import Session
from exchanges.simulator.private_socket import PONG, TEXT, PrivateSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exchanges.simulator.bybit.config import BybitConfig
    from exchanges.simulator.exchange import SimulatedExchange

#: how long the peer may take to answer a close frame
CLOSING: Final = 1.0
#: how often idle connections are looked for
LOOK: Final = 30.0
LEAST_ACTIVE: Final = 30
MOST_ACTIVE: Final = 600
ACTIVE_TIME: Final = re.compile(r"(\d{1,4})([sm])")
GOING_AWAY: Final = 1001
#: what parts the head of a frame from its rows
ROWS: Final = '"data":['


@dataclass(slots=True, kw_only=True, eq=False)
class BybitSocket(PrivateSocket):
    """A socket that puts its own topic's name on frames, and may join their rows."""

    #: the topic under which each event is told here
    shown: dict[str, str] = field(default_factory=dict)
    joins: Callable[[], bool]
    #: when anything last came or went
    last_traffic: float = 0.0
    _gathered: dict[str, list[str]] = field(default_factory=dict)

    def send(self, text: str, _key: str) -> None:
        """Queue a frame under the name that was subscribed to."""
        named = topics.renamed(text, self.shown)
        head, parts, rows = named.partition(ROWS)
        if not parts or not self.joins():
            self.write(TEXT, named.encode())
            return
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self._leave)
        self._gathered.setdefault(head.split('"', 4)[3], [head]).append(rows[:-2])

    def _leave(self) -> None:
        for head, *rows in self._gathered.values():
            self.write(TEXT, f"{head}{ROWS}{','.join(rows)}]}}".encode())
        self._gathered.clear()

    def write(self, opcode: int, payload: bytes) -> None:
        """Queue a frame; the connection is alive as long as something is sent."""
        PrivateSocket.write(self, opcode, payload)
        self.last_traffic = asyncio.get_running_loop().time()


class PrivateEndpoint:
    """`/v5/private` before the houses that are open."""

    def __init__(self, houses: Mapping[str, SimulatedExchange]) -> None:
        """Every socket may hear all of them."""
        self._houses = list(houses.values())
        self._first = self._houses[0]
        self._connections = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection from its handshake to its end."""
        if any(refuses(house, None) for house in self._houses):
            return web.Response(status=503, text="Service Unavailable")
        response = web.WebSocketResponse(autoping=False, compress=False, timeout=CLOSING)
        await response.prepare(request)
        if not isinstance(request.transport, asyncio.Transport):
            return response
        socket = BybitSocket(
            response=response,
            transport=request.transport,
            events=frozenset(),
            joins=lambda: any(config.batches_rows for config in self._configs()),
        )
        await self._live(socket, active_time(request, self._configs()[0]))
        return response

    def _configs(self) -> list[BybitConfig]:
        return [config_of(house) for house in self._houses]

    async def _live(self, socket: BybitSocket, patience: float) -> None:
        self._connections += 1
        session = Session(
            conn_id=f"sim{self._connections:08d}-{self._first.seed}",
            secret_of=self._secret_of,
            margin_ms=lambda: max(config.auth_margin_ms for config in self._configs()),
        )
        self._first.hub.sockets.add(socket)
        loop = asyncio.get_running_loop()
        tending = [
            loop.create_task(self._watch(socket, patience)),
            loop.create_task(self._end_day(socket)),
        ]
        try:
            await self._converse(socket, session)
        finally:
            for task in tending:
                task.cancel()
            for house in self._houses:
                house.hub.detach(socket)

    async def _converse(self, socket: BybitSocket, session: Session) -> None:
        loop = asyncio.get_running_loop()
        socket.last_traffic = loop.time()
        async for message in socket.response:
            socket.last_traffic = loop.time()
            if message.type is WSMsgType.PING:
                socket.write(PONG, bytes(message.data))
            elif message.type is WSMsgType.TEXT:
                await asyncio.sleep(max(config.answer_after for config in self._configs()))
                self._react(socket, session, message.data)

    def _react(self, socket: BybitSocket, session: Session, text: str) -> None:
        was = session.api_key
        say(socket, session.react(text, clocks.now(self._houses)))
        socket.shown = topics.events(session.topics)
        socket.events = frozenset(socket.shown)
        if session.api_key and not was:
            self._attach(socket, session.api_key)

    def _attach(self, socket: BybitSocket, api_key: str) -> None:
        """Hear the account wherever it is, unless a fault keeps it out."""
        known = [house for house in self._houses if api_key in house.accounts]
        if any(refuses(house, api_key) for house in known):
            socket.abort()
            return
        for house in known:
            house.hub.attach_account(socket, api_key)

    def _secret_of(self, api_key: str) -> str | None:
        for house in self._houses:
            account = house.accounts.get(api_key)
            if account and not house.board.of(api_key).invalid_key:
                return account.api_secret
        return None

    async def _watch(self, socket: BybitSocket, patience: float) -> None:
        """Cut the connection when nothing has come or gone for so long."""
        loop, look = asyncio.get_running_loop(), LOOK * self._configs()[0].active_time_scale
        while True:
            await asyncio.sleep(look)
            if loop.time() - socket.last_traffic >= patience:
                self._first.hub.drop([socket], "abort")
                return

    async def _end_day(self, socket: BybitSocket) -> None:
        """No day's end is documented; `socket_lifetime` is when the server restarts."""
        await asyncio.sleep(min(config.socket_lifetime for config in self._configs()))
        self._first.hub.drop([socket], GOING_AWAY)


def refuses(house: SimulatedExchange, api_key: str | None) -> bool:
    """Whether a fault keeps a connection out: everybody's, or an account's once it is known."""
    share = house.board.of(api_key).refuse_connect
    if api_key and share == house.board.of().refuse_connect:
        return False
    return house.connect_chance.random() < share


def say(socket: BybitSocket, answer: dict[str, Any]) -> None:
    """Send an answer; a mute socket still answers, as servers whose feed is stuck do."""
    socket.write(TEXT, json.dumps(answer, separators=(",", ":")).encode())


def active_time(request: web.Request, config: BybitConfig) -> float:
    """How long this connection may be without traffic."""
    found = ACTIVE_TIME.fullmatch(request.query.get("max_active_time", ""))
    if found is None:
        return config.active_time * config.active_time_scale
    seconds = int(found[1]) * (60 if found[2] == "m" else 1)
    return min(max(seconds, LEAST_ACTIVE), MOST_ACTIVE) * config.active_time_scale
