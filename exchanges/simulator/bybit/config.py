"""
What differs at Bybit: symbols, fees, retention, limits, and its own oddities as switches.

Sources: "Get Open & Closed Orders", "Get Order History", "Rate Limit Rules", "Connect" of v5.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from exchanges.simulator.bybit.symbols import SYMBOLS
from exchanges.simulator.config import (
    CHANGEABLE,
    DAY_MS,
    INVERSE,
    LINEAR,
    SPOT,
    SimulatorConfig,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchanges.simulator.exchange import SimulatedExchange

#: what may be changed while the exchange runs, beside what every exchange lets change
OWN_CHANGEABLE: Final = frozenset({
    "executions_first", "filled_twice", "batches_rows", "auth_margin_ms", "active_time",
    "active_time_scale", "answer_after", "dust_cancels", "reads_per_second",
    "orders_per_second", "recent_closed",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class BybitConfig(SimulatorConfig):
    """Everything that is not a fault, as Bybit has it."""

    changeable: ClassVar[frozenset[str]] = CHANGEABLE | OWN_CHANGEABLE

    maker_fee: Decimal = Decimal("0.0002")
    taker_fee: Decimal = Decimal("0.00055")
    #: "access too frequent" at once, and then for ten minutes
    weight_limit: int = 600
    weight_window: float = 5.0
    ban_after: int = 0
    ban_seconds: float = 600.0
    unfilled_retention_ms: int = DAY_MS
    history_retention_ms: int = 730 * DAY_MS
    query_window_ms: int = 7 * DAY_MS

    #: a fill's `execution` precedes its `order`
    executions_first: bool = False
    #: an order that filled is told twice, the second time as a cancel that came too late
    filled_twice: bool = False
    #: rows of one topic and one turn of the loop leave in one frame
    batches_rows: bool = False
    #: `expires` of an auth message must lie so far ahead when it arrives
    auth_margin_ms: int = 500
    #: seconds without traffic until a socket is dropped, unless `max_active_time` says otherwise
    active_time: float = 600.0
    #: what compresses `max_active_time` and how often it is looked at
    active_time_scale: float = 1.0
    #: seconds until a socket answers what it is told (some clients cannot hear at once)
    answer_after: float = 0.0
    #: per account and end point
    reads_per_second: int = 50
    orders_per_second: int = 10
    #: so many ended orders are kept by `order/realtime`
    recent_closed: int = 500


#: spot differs in fees, in how many orders a second may bring, and in how buys by value end
OF_HOUSE: Final[Mapping[str, Mapping[str, object]]] = {
    "SPOT": {
        "custody": SPOT,
        "maker_fee": Decimal("0.001"),
        "taker_fee": Decimal("0.001"),
        "orders_per_second": 20,
        "dust_cancels": True,
    },
    "FUTURES": {"custody": LINEAR},
    "COIN_FUTURES": {"custody": INVERSE},
}


def settings_for(market_type: str, wanted: SimulatorConfig | None) -> BybitConfig:
    """The settings of a house: its own, and over them what `wanted` sets otherwise than usual."""
    usual = type(wanted)() if wanted else BybitConfig()
    chosen = {
        field.name: getattr(wanted, field.name)
        for field in fields(usual)
        if wanted and getattr(wanted, field.name) != getattr(usual, field.name)
    }
    own: dict[str, Any] = {"symbols": SYMBOLS[market_type], **OF_HOUSE[market_type], **chosen}
    return BybitConfig(**own)


def config_of(house: SimulatedExchange) -> BybitConfig:
    """The settings of a house of Bybit's as they are now."""
    if not isinstance(house.config, BybitConfig):
        text = "a house of Bybit's has settings of Bybit's"
        raise TypeError(text)
    return house.config
