"""Spot's paths: REST under `/api`, the WebSocket API at `/ws-api/v3`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

from exchanges.simulator import connections
from exchanges.simulator.binance_rest import limited
from exchanges.simulator.binance_spot import account, market, orders, trades
from exchanges.simulator.binance_spot.connection import Connection, SpotSocket
from exchanges.simulator.binance_spot.rest import SpotRest
from exchanges.simulator.errors import SERVICE_UNAVAILABLE
from exchanges.simulator.limits import LimitReached
from exchanges.simulator.rest import RestDoor

if TYPE_CHECKING:
    from exchanges.simulator.binance_spot.house import SpotExchange
    from exchanges.simulator.call import Endpoint

MODULES: Final = (orders, trades, account, market)
#: weight of a handshake
CONNECTING: Final = 2
#: share of a connection's life that is left when its end is announced
NOTICE: Final = 0.1


def endpoints() -> list[Endpoint]:
    """Everything under `/api/v3`."""
    return [endpoint for module in MODULES for endpoint in module.endpoints()]


def add_routes(app: web.Application, house: SpotExchange) -> None:
    """Register the paths of spot."""

    async def serve_house(request: web.Request) -> web.StreamResponse:
        return await serve(request, house)

    app.router.add_route("*", "/api/{rest:.*}", RestDoor(SpotRest(house, endpoints())).handle)
    app.router.add_get("/ws-api/v3", serve_house)


async def serve(request: web.Request, house: SpotExchange) -> web.StreamResponse:
    """One connection from its handshake to its end."""
    status = refused_with(house)
    if status:
        return web.Response(status=status)
    response, transport = await connections.opened(request)
    if transport is None:
        return response
    socket = SpotSocket(response=response, transport=transport)
    house.hub.sockets.add(socket)
    tells_limits = request.query.get("returnRateLimits", "true").lower() != "false"
    connection = Connection(house, socket, endpoints(), tells_limits=tells_limits)
    after = house.config.socket_lifetime * (1 - NOTICE)
    notice = asyncio.get_running_loop().call_later(
        after, lambda: socket.announce_end(house.clock.now())
    )
    try:
        await connections.attend(socket, house, connection.reply)
    finally:
        notice.cancel()
    return response


def refused_with(house: SpotExchange) -> int | None:
    """The status by which a limit or a fault keeps this connection out; nobody is known yet."""
    try:
        house.limits.check_ban()
        house.limits.spend(CONNECTING)
    except LimitReached as reached:
        return limited(reached).status
    is_refused = house.connect_chance.random() < house.board.of().refuse_connect
    return SERVICE_UNAVAILABLE if is_refused else None
