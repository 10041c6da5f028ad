"""Upbit before its house: which paths lead where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.simulator.exchange import SimulatedExchange
from exchanges.simulator.rest import RestDoor
from exchanges.simulator.upbit.config import usual_but
from exchanges.simulator.upbit.dialect import UpbitDialect
from exchanges.simulator.upbit.door import UpbitRest
from exchanges.simulator.upbit.ids import Ids
from exchanges.simulator.upbit.private import PATH, PrivateEndpoint
from exchanges.simulator.upbit.token import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from exchanges.simulator.config import SimulatorConfig


class UpbitFront:
    """Upbit's protocols. Implements `fronts.Front`."""

    market_types: tuple[str, ...] = ("SPOT",)

    def open(
        self,
        market_type: str,
        *,
        seed: int,
        faults: Mapping[str, object] | None,
        config: SimulatorConfig | None,
    ) -> SimulatedExchange:
        """The house of Upbit's."""
        chosen = usual_but(config)
        dialect = UpbitDialect(Ids(seed), chosen)
        return SimulatedExchange(
            seed=seed, config=chosen, faults=faults, dialect=dialect, market_type=market_type
        )

    def add_routes(self, app: web.Application, houses: Mapping[str, SimulatedExchange]) -> None:
        """Register Upbit's paths."""
        house, tokens = houses["SPOT"], Tokens()
        app.router.add_get(PATH, PrivateEndpoint(house, tokens).handle)
        app.router.add_route("*", "/v1/{rest:.*}", RestDoor(UpbitRest(house, tokens)).handle)
