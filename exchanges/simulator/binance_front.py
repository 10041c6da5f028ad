"""Binance before its houses: which paths lead to which engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from exchanges.simulator import (
    binance_coin,
    binance_wallet,
    connections,
    limits,
    rest_account,
    rest_algo,
    rest_batch,
    rest_market,
    rest_orders,
    rest_streams,
    rest_trades,
)
from exchanges.simulator.binance_dialect import FuturesDialect
from exchanges.simulator.binance_rest import BinanceRest
from exchanges.simulator.binance_spot import front as spot
from exchanges.simulator.binance_spot.house import SpotExchange, for_spot
from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.exchange import SimulatedExchange
from exchanges.simulator.rest import RestDoor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exchanges.simulator.call import Endpoint

#: asked by clients that load all of Binance's markets; nothing of it exists here
EMPTY_LISTS: Final = (
    "/sapi/v1/capital/config/getall",
    "/sapi/v1/margin/allPairs",
    "/sapi/v1/margin/isolated/allPairs",
)
#: where the end points of the derivatives are
DERIVATIVES: Final = (
    rest_orders, rest_trades, rest_account, rest_streams, rest_market, rest_algo, rest_batch
)  # fmt: skip


class BinanceFront:
    """Binance's protocols. Implements `fronts.Front`."""

    market_types: tuple[str, ...] = ("FUTURES", "COIN_FUTURES", "SPOT")

    def open(
        self,
        market_type: str,
        *,
        seed: int,
        faults: Mapping[str, object] | None,
        config: SimulatorConfig | None,
    ) -> SimulatedExchange:
        """A house of Binance's."""
        if market_type == "SPOT":
            return SpotExchange(seed=seed, config=for_spot(config), faults=faults)
        if market_type == "COIN_FUTURES":
            return binance_coin.open_house(seed=seed, faults=faults, config=config)
        return SimulatedExchange(
            seed=seed,
            config=config or SimulatorConfig(),
            faults=faults,
            dialect=FuturesDialect(),
            market_type=market_type,
        )

    def add_routes(self, app: web.Application, houses: Mapping[str, SimulatedExchange]) -> None:
        """Register Binance's paths."""
        for path in EMPTY_LISTS:
            app.router.add_get(path, nothing)
        binance_wallet.add_routes(app, houses)
        join([house for kind, house in houses.items() if kind != "SPOT"])
        if "COIN_FUTURES" in houses:
            binance_coin.add_routes(app, houses["COIN_FUTURES"])
        for kind, house in houses.items():
            if isinstance(house, SpotExchange):
                spot.add_routes(app, house)
            elif kind == "FUTURES":
                connections.add_routes(app, house)
                door = RestDoor(BinanceRest(house, derivatives()))
                app.router.add_route("*", "/fapi/{rest:.*}", door.handle)


def join(contracts: Sequence[SimulatedExchange]) -> None:
    """USD-M and COIN-M are one system: common weights, order counts and position mode."""
    if len(contracts) > 1:
        limits.share(contracts)
    for house in contracts:
        house.kin = tuple(each for each in contracts if each is not house)


def derivatives() -> list[Endpoint]:
    """The end points of contracts."""
    return [endpoint for module in DERIVATIVES for endpoint in module.endpoints()]


async def nothing(_request: web.Request) -> web.Response:
    """An empty list."""
    return web.json_response([])
