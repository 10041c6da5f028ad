"""
What differs at Upbit: markets priced in won, fees in won, limits by the second, an idle clock.

Sources: "KRW market", "Rate limits", "WebSocket guide".
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from exchanges.simulator.config import CHANGEABLE, SPOT, SimulatorConfig, SymbolRules

if TYPE_CHECKING:
    from exchanges.simulator.exchange import SimulatedExchange

#: what may be changed while the exchange runs, beside what every exchange lets change
OWN_CHANGEABLE: Final = frozenset({
    "idle_timeout", "status_interval", "orders_per_second", "requests_per_second",
    "quotations_per_second", "origin_period",
})  # fmt: skip
FINEST: Final = Decimal("0.00000001")
KRW_BTC: Final = SymbolRules(
    symbol="KRW-BTC",
    base="BTC",
    quote="KRW",
    price_tick=Decimal(1000),
    quantity_step=FINEST,
    minimum_notional=Decimal(5000),
    start_price=Decimal(145_000_000),
    quote_unit=Decimal(1400),
)
KRW_ETH: Final = replace(KRW_BTC, symbol="KRW-ETH", base="ETH", start_price=Decimal(5_000_000))
KRW_XRP: Final = replace(
    KRW_BTC, symbol="KRW-XRP", base="XRP", price_tick=Decimal(1), start_price=Decimal(3500)
)
BTC_ETH: Final = replace(
    KRW_ETH,
    symbol="BTC-ETH",
    quote="BTC",
    price_tick=FINEST,
    minimum_notional=Decimal("0.00005"),
    start_price=Decimal("0.03450000"),
    quote_unit=Decimal("0.00001"),
)
SYMBOLS: Final = (KRW_BTC, KRW_ETH, KRW_XRP, BTC_ETH)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpbitConfig(SimulatorConfig):
    """Everything that is not a fault, as Upbit has it."""

    changeable: ClassVar[frozenset[str]] = CHANGEABLE | OWN_CHANGEABLE

    custody: str = SPOT
    symbols: tuple[SymbolRules, ...] = SYMBOLS
    maker_fee: Decimal = Decimal("0.0005")
    taker_fee: Decimal = Decimal("0.0005")
    fees_in_quote: bool = True
    dust_cancels: bool = True
    #: so many refusals in one window bring the ban
    weight_window: float = 10.0
    ban_after: int = 20
    ban_seconds: float = 10.0

    #: seconds without anything said by either side until a socket is closed
    idle_timeout: float = 120.0
    #: how often {"status": "UP"} follows a PING
    status_interval: float = 10.0
    #: per pocket
    orders_per_second: int = 12
    requests_per_second: int = 30
    #: per address and group
    quotations_per_second: int = 10
    #: with an Origin header, once in so many seconds
    origin_period: float = 10.0


def config_of(house: SimulatedExchange) -> UpbitConfig:
    """The settings of a house of Upbit's as they are now."""
    if not isinstance(house.config, UpbitConfig):
        text = "a house of Upbit's has settings of Upbit's"
        raise TypeError(text)
    return house.config


def usual_but(wanted: SimulatorConfig | None) -> UpbitConfig:
    """The settings of Upbit, and over them what `wanted` sets otherwise than usual."""
    if wanted is None or isinstance(wanted, UpbitConfig):
        return wanted or UpbitConfig()
    usual = SimulatorConfig()
    told = ((each.name, getattr(wanted, each.name)) for each in fields(usual))
    chosen: dict[str, Any] = {name: value for name, value in told if value != getattr(usual, name)}
    return UpbitConfig(**chosen)
