"""
The WebSocket end points: who may connect where, and what a connection then hears.

`/private/ws?listenKey=..&events=..`, `/private/ws/<key>` and `/private/stream` with SUBSCRIBE
carry private events. The legacy `/ws/<key>` and the public paths answer 101 and stay silent, as
production does; so does a URL without `events=` while `strict_events` is on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from aiohttp import WSMsgType, web

from exchanges.simulator.private_socket import PING, PONG, TEXT, PrivateSocket

if TYPE_CHECKING:
    from exchanges.simulator.exchange import SimulatedExchange

#: what is answered to a text; None: nothing
Replier: TypeAlias = Callable[[str], Awaitable[bytes | None]]
#: how long the peer may take to answer a close frame
CLOSING = 1.0
GOING_AWAY = 1001
NO_PONG = 1008


def add_routes(app: web.Application, exchange: SimulatedExchange) -> None:
    """Register the WebSocket paths."""

    async def private(request: web.Request) -> web.StreamResponse:
        return await serve(request, exchange, is_deaf=False)

    async def deaf(request: web.Request) -> web.StreamResponse:
        return await serve(request, exchange, is_deaf=True)

    for path in ("/private/ws", "/private/ws/{key}", "/private/stream"):
        app.router.add_get(path, private)
    for path in ("/ws", "/ws/{key:.*}", "/stream", "/public/{key:.*}", "/market/{key:.*}"):
        app.router.add_get(path, deaf)


async def serve(
    request: web.Request, exchange: SimulatedExchange, *, is_deaf: bool
) -> web.StreamResponse:
    """One connection from its handshake to its end."""
    texts = listen_keys_of(request)
    if refuses(exchange, texts):
        return web.Response(status=503, text="Service Unavailable")
    response, transport = await opened(request)
    if transport is None:
        return response
    socket = PrivateSocket(response=response, transport=transport)
    socket.events = events_of(request)
    socket.is_wrapped = request.path == "/private/stream"
    is_unnamed = socket.events is None and not socket.is_wrapped
    socket.is_deaf = is_deaf or (exchange.config.strict_events and is_unnamed)
    await live(socket, exchange, texts)
    return response


async def opened(
    request: web.Request,
) -> tuple[web.WebSocketResponse, asyncio.Transport | None]:
    """The handshake; no transport if the client has gone meanwhile."""
    response = web.WebSocketResponse(autoping=False, compress=False, timeout=CLOSING)
    await response.prepare(request)
    transport = request.transport
    return response, transport if isinstance(transport, asyncio.Transport) else None


async def live(socket: PrivateSocket, exchange: SimulatedExchange, texts: list[str]) -> None:
    """Listen on these keys, answer what is asked, until somebody hangs up."""
    exchange.hub.sockets.add(socket)
    for text in texts:
        attach(socket, exchange, text)

    async def replied(text: str) -> bytes:
        return json.dumps(react(socket, exchange, text)).encode()

    await attend(socket, exchange, replied)


async def attend(socket: PrivateSocket, exchange: SimulatedExchange, reply: Replier) -> None:
    """Answer what is asked and ping, until somebody hangs up."""
    tending = asyncio.get_running_loop().create_task(tend(socket, exchange))
    try:
        await answer(socket, reply)
    finally:
        tending.cancel()
        exchange.hub.detach(socket)


def listen_keys_of(request: web.Request) -> list[str]:
    """The keys named in the URL, in either form."""
    in_path = request.match_info.get("key", "")
    return [in_path] if in_path else request.query.getall("listenKey", [])


def events_of(request: web.Request) -> frozenset[str] | None:
    """The events named in the URL; None if none are."""
    named = set(filter(None, request.query.get("events", "").split("/")))
    if "ALGO_ORDER_UPDATE" in named:
        named.add("ALGO_UPDATE")
    return frozenset(named) or None


def refuses(exchange: SimulatedExchange, texts: list[str]) -> bool:
    """Whether a fault keeps this connection out."""
    keys = [exchange.hub.keys.find(text) for text in texts]
    boards = [exchange.board.of(key.api_key) for key in keys if key] or [exchange.board.of()]
    share = max(faults.refuse_connect for faults in boards)
    return exchange.connect_chance.random() < share


def attach(socket: PrivateSocket, exchange: SimulatedExchange, text: str) -> bool:
    """Let the socket hear this key; an unknown key is not refused, it just hears nothing."""
    key = exchange.hub.keys.find(text)
    if key:
        exchange.hub.attach(socket, key)
    return key is not None


async def answer(socket: PrivateSocket, reply: Replier) -> None:
    """Read what the client says, one message after the other."""
    loop = asyncio.get_running_loop()
    socket.last_pong = loop.time()
    async for message in socket.response:
        if message.type is WSMsgType.PING:
            socket.write(PONG, bytes(message.data))
        elif message.type is WSMsgType.PONG:
            socket.last_pong = loop.time()
        elif message.type is WSMsgType.TEXT:
            said = await reply(message.data)
            if said is not None:
                socket.write(TEXT, said)


def react(socket: PrivateSocket, exchange: SimulatedExchange, text: str) -> dict[str, Any]:
    """The answer to a SUBSCRIBE or anything else."""
    try:
        asked = json.loads(text)
        method, params, number = asked["method"], asked.get("params", []), asked.get("id")
    except (ValueError, TypeError, KeyError, AttributeError):
        return {"error": {"code": 3, "msg": "Invalid JSON"}}
    if method == "SUBSCRIBE":
        for stream in params:
            attach(socket, exchange, str(stream).partition("@")[0])
        return {"result": None, "id": number}
    if method == "LIST_SUBSCRIPTIONS":
        return {"result": [key.text for key in socket.keys], "id": number}
    return {"error": {"code": 2, "msg": f"Unknown method: {method}"}, "id": number}


async def tend(socket: PrivateSocket, exchange: SimulatedExchange) -> None:
    """Ping the client, drop it if it does not answer, and drop it when its day is over."""
    loop = asyncio.get_running_loop()
    born = loop.time()
    while True:
        config = exchange.config
        left = born + config.socket_lifetime - loop.time()
        await asyncio.sleep(max(0.0, min(config.ping_interval, left)))
        if loop.time() - born >= config.socket_lifetime:
            exchange.hub.drop([socket], GOING_AWAY)
            return
        if loop.time() - socket.last_pong > config.pong_timeout:
            exchange.hub.drop([socket], NO_PONG)
            return
        socket.write(PING, str(exchange.clock.now()).encode())
