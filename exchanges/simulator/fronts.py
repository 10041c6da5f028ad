"""
Which exchanges are simulated, and what stands in front of each one's engine.

A house is one market type of one exchange: an engine, books and faults of its own. A front is an
exchange's REST and WebSocket end points before those of its houses that are open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from exchanges.simulator.binance_front import BinanceFront
from exchanges.simulator.bybit.front import BybitFront
from exchanges.simulator.errors import ControlError
from exchanges.simulator.upbit.front import UpbitFront

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from exchanges.simulator.config import SimulatorConfig
    from exchanges.simulator.exchange import SimulatedExchange

#: exchange and market type, e.g. ("BINANCE", "FUTURES")
House: TypeAlias = tuple[str, str]


class Front(Protocol):
    """One exchange's protocol."""

    @property
    def market_types(self) -> tuple[str, ...]:
        """The market types that can be opened."""

    def open(
        self,
        market_type: str,
        *,
        seed: int,
        faults: Mapping[str, object] | None,
        config: SimulatorConfig | None,
    ) -> SimulatedExchange:
        """A house with its dialect; `config` None is the exchange's usual one."""

    def add_routes(self, app: web.Application, houses: Mapping[str, SimulatedExchange]) -> None:
        """Register the paths of REST and streams for the houses that are open."""


FRONTS: Final[dict[str, Front]] = {
    "BINANCE": BinanceFront(),
    "BYBIT": BybitFront(),
    "UPBIT": UpbitFront(),
}


def front_of(house: House) -> Front:
    """The front of a house. Raises ControlError if there is none."""
    front = FRONTS.get(house[0])
    if front is None or house[1] not in front.market_types:
        text = f"no such house: {':'.join(house)}"
        raise ControlError(text)
    return front


def every_house() -> tuple[House, ...]:
    """All that can be opened."""
    return tuple((name, kind) for name, front in FRONTS.items() for kind in front.market_types)
