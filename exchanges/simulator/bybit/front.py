"""Bybit before its houses: one tree of REST paths and one private socket for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.simulator import limits
from exchanges.simulator.bybit.config import config_of, settings_for
from exchanges.simulator.bybit.dialect import BybitDialect
from exchanges.simulator.bybit.private import PrivateEndpoint
from exchanges.simulator.bybit.rest import BybitRest
from exchanges.simulator.bybit.words import CATEGORY
from exchanges.simulator.exchange import SimulatedExchange
from exchanges.simulator.rest import RestDoor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from exchanges.simulator.config import SimulatorConfig


class BybitFront:
    """Bybit's protocols. Implements `fronts.Front`."""

    market_types: tuple[str, ...] = tuple(CATEGORY)

    def open(
        self,
        market_type: str,
        *,
        seed: int,
        faults: Mapping[str, object] | None,
        config: SimulatorConfig | None,
    ) -> SimulatedExchange:
        """A house of Bybit's."""
        settings = settings_for(market_type, config)
        dialect = BybitDialect(market_type, settings)
        house = SimulatedExchange(
            seed=seed, config=settings, faults=faults, dialect=dialect, market_type=market_type
        )
        dialect.obey(lambda: config_of(house))
        return house

    def add_routes(self, app: web.Application, houses: Mapping[str, SimulatedExchange]) -> None:
        """Register Bybit's paths; all houses are behind one address."""
        limits.share(houses.values())
        for house in houses.values():
            if isinstance(house.dialect, BybitDialect):
                house.dialect.share(houses.values())
        app.router.add_get("/v5/private", PrivateEndpoint(houses).handle)
        app.router.add_route("*", "/v5/{rest:.*}", RestDoor(BybitRest(houses)).handle)
