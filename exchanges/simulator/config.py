"""
What the simulated exchange is: its symbols, its fees, its limits and its clocks.

Every time is compressible, so that a test need not wait for what takes Binance an hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final

from exchanges.simulator.amounts import rounded

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY_MS = 86_400_000

#: how a house keeps what its accounts own; see `custody`
LINEAR: Final = "linear"
INVERSE: Final = "inverse"
SPOT: Final = "spot"


@dataclass(frozen=True, kw_only=True)
class SymbolRules:
    """One market and the filters its orders must pass."""

    symbol: str
    base: str
    price_tick: Decimal
    quantity_step: Decimal
    minimum_notional: Decimal
    start_price: Decimal
    maximum_quantity: Decimal = Decimal(100_000)
    quote: str = "USDT"
    #: inverse: quantities are contracts, each worth so many of the quote asset
    contract_size: Decimal | None = None
    #: delivery: the milliseconds at which the contract ends
    delivery: int | None = None
    #: how much of the quote asset is worth about a dollar; others' offers are sized by it
    quote_unit: Decimal = Decimal(1)

    @cached_property
    def minimum_quantity(self) -> Decimal:
        """The smallest order: one step."""
        return self.quantity_step

    @cached_property
    def price_places(self) -> int:
        """Decimal places of a price."""
        return -int(self.price_tick.as_tuple().exponent)

    @cached_property
    def quantity_places(self) -> int:
        """Decimal places of a quantity."""
        return -int(self.quantity_step.as_tuple().exponent)

    @cached_property
    def settlement(self) -> str:
        """The asset in which results, margins and commissions of a contract are counted."""
        return self.base if self.contract_size else self.quote

    def worth(self, price: Decimal, quantity: Decimal) -> Decimal:
        """What a quantity is worth in the quote asset."""
        return quantity * (self.contract_size or price)


BTCUSDT = SymbolRules(
    symbol="BTCUSDT",
    base="BTC",
    price_tick=Decimal("0.10"),
    quantity_step=Decimal("0.001"),
    minimum_notional=Decimal(50),
    start_price=Decimal("60000.00"),
)
ETHUSDT = SymbolRules(
    symbol="ETHUSDT",
    base="ETH",
    price_tick=Decimal("0.01"),
    quantity_step=Decimal("0.001"),
    minimum_notional=Decimal(20),
    start_price=Decimal("3000.00"),
)
SOLUSDT = SymbolRules(
    symbol="SOLUSDT",
    base="SOL",
    price_tick=Decimal("0.0100"),
    quantity_step=Decimal("0.01"),
    minimum_notional=Decimal(5),
    start_price=Decimal("150.0000"),
)
#: in which commissions may be paid
BNBUSDT = SymbolRules(
    symbol="BNBUSDT",
    base="BNB",
    price_tick=Decimal("0.010"),
    quantity_step=Decimal("0.01"),
    minimum_notional=Decimal(5),
    start_price=Decimal("600.000"),
)

ETHBTC = SymbolRules(
    symbol="ETHBTC",
    base="ETH",
    quote="BTC",
    price_tick=Decimal("0.00001"),
    quantity_step=Decimal("0.0001"),
    minimum_notional=Decimal("0.0001"),
    start_price=Decimal("0.05000"),
    quote_unit=Decimal("0.00002"),
)
#: spot has finer steps than contracts, and other minima
SPOT_SYMBOLS: Final = (
    replace(
        BTCUSDT,
        price_tick=Decimal("0.01"),
        quantity_step=Decimal("0.00001"),
        minimum_notional=Decimal(5),
    ),
    replace(ETHUSDT, quantity_step=Decimal("0.0001"), minimum_notional=Decimal(5)),
    ETHBTC,
    replace(SOLUSDT, price_tick=Decimal("0.01"), quantity_step=Decimal("0.001")),
    replace(BNBUSDT, price_tick=Decimal("0.01"), quantity_step=Decimal("0.001")),
)
BTCUSD_PERP = SymbolRules(
    symbol="BTCUSD_PERP",
    base="BTC",
    quote="USD",
    price_tick=Decimal("0.1"),
    quantity_step=Decimal(1),
    minimum_notional=Decimal(0),
    start_price=Decimal("60000.0"),
    contract_size=Decimal(100),
)
ETHUSD_PERP = SymbolRules(
    symbol="ETHUSD_PERP",
    base="ETH",
    quote="USD",
    price_tick=Decimal("0.01"),
    quantity_step=Decimal(1),
    minimum_notional=Decimal(0),
    start_price=Decimal("3000.00"),
    contract_size=Decimal(10),
)
#: ends on 25 June 2027, 08:00 UTC
BTCUSD_270625 = replace(
    BTCUSD_PERP,
    symbol="BTCUSD_270625",
    start_price=Decimal("61000.0"),
    delivery=1_813_910_400_000,
)
USUAL_SYMBOLS: Final[Mapping[str, tuple[SymbolRules, ...]]] = {
    LINEAR: (BTCUSDT, ETHUSDT, SOLUSDT, BNBUSDT),
    INVERSE: (BTCUSD_PERP, ETHUSD_PERP, BTCUSD_270625),
    SPOT: SPOT_SYMBOLS,
}
#: how many dollars' worth a new account owns of each asset, unless it is said
USUAL_WORTH: Final = Decimal(100_000)


#: what may be changed while the exchange runs, by `POST /sim/config`
CHANGEABLE = frozenset({
    "price_interval", "volatility", "listen_key_lifetime", "ping_interval", "pong_timeout",
    "socket_lifetime", "strict_events", "enforce_limits", "weight_limit", "orders_per_10s",
    "orders_per_minute", "ban_after", "ban_seconds", "unfilled_retention_ms",
    "history_retention_ms", "query_window_ms", "maximum_open_orders", "price_band",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """Everything that is not a fault. Seconds unless a name ends in `_ms`."""

    #: what `POST /sim/config` may change; an exchange with settings of its own adds them
    changeable: ClassVar[frozenset[str]] = CHANGEABLE

    #: LINEAR, INVERSE or SPOT
    custody: str = LINEAR
    #: (): the usual ones of this custody
    symbols: tuple[SymbolRules, ...] = ()
    #: 0: prices move only by `/sim/step` and `/sim/price`
    price_interval: float = 0.25
    #: standard deviation of one price step, as a share of the price
    volatility: float = 0.0003
    maker_fee: Decimal = Decimal("0.0002")
    taker_fee: Decimal = Decimal("0.0005")
    leverage: int = 20
    #: spot: every commission is taken in the quote asset, not in what is received
    fees_in_quote: bool = False
    #: spot: a market buy by quote that leaves dust ends as cancelled, not as filled
    dust_cancels: bool = False
    #: Binance's documents show negative commissions in userTrades; live data is positive
    negative_rest_commission: bool = False
    #: ids start equal in every symbol: they collide on purpose
    first_order_id: int = 8_886_001
    first_trade_id: int = 698_001

    listen_key_lifetime: float = 3600.0
    ping_interval: float = 180.0
    pong_timeout: float = 600.0
    socket_lifetime: float = 86_400.0
    #: as production is said to be: no `events=` in the URL, no events on the socket
    strict_events: bool = False

    enforce_limits: bool = True
    weight_limit: int = 2400
    weight_window: float = 60.0
    orders_per_10s: int = 300
    orders_per_minute: int = 1200
    #: how many orders an account may have resting, and waiting for a trigger; 0: any number
    maximum_open_orders: int = 0
    #: how far beyond the market an order may bid or ask, as a share of the price; 0: any price
    price_band: float = 0.0
    #: so many requests answered 429 in one window bring the ban
    ban_after: int = 10
    ban_seconds: float = 120.0

    #: an unfilled order that ended is forgotten after this
    unfilled_retention_ms: int = 3 * DAY_MS
    #: any order, and any trade, is forgotten after this
    history_retention_ms: int = 90 * DAY_MS
    #: no query may span more, and one without times looks back so far
    query_window_ms: int = 7 * DAY_MS

    @property
    def rules(self) -> tuple[SymbolRules, ...]:
        """The markets of the house."""
        return self.symbols or USUAL_SYMBOLS[self.custody]

    @property
    def usual_balances(self) -> dict[str, Decimal]:
        """What a new account owns unless it is said: as much of everything, about."""
        return usual_balances(self.rules, self.custody)


def usual_balances(rules: tuple[SymbolRules, ...], custody: str) -> dict[str, Decimal]:
    """100,000 dollars' worth of each asset that orders in these markets may use."""
    found: dict[str, Decimal] = {}
    for each in rules:
        worth = USUAL_WORTH * each.quote_unit
        if custody != INVERSE:
            found.setdefault(each.quote, worth)
        if custody != LINEAR:
            found.setdefault(each.base, rounded(worth / each.start_price))
    return found
