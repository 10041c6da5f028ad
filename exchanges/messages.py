"""
The vocabulary: what an exchange can tell us, as frozen values.

Two kinds of statement are kept apart. A *report* is what the private stream says just happened
(`OrderReport`); a *snapshot* is what REST says is so at `requested_at` (`OrderSnapshot`). Both are
evidence, neither is an instruction: `tracking.domain` merges them.

`symbol_id` is the exchange's own id (`BTCUSDT`); only `rest.Markets` may turn it into the unified
symbol (`BTC/USDT:USDT`), because ids are shared between markets. All amounts are `Decimal`,
all times are aware datetimes in UTC taken from the exchange, never from our clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal


class Exchange(StrEnum):
    """The exchanges with an adapter of their own; others go by the name ccxt has for them."""

    BINANCE = "BINANCE"
    BYBIT = "BYBIT"
    UPBIT = "UPBIT"


class MarketType(StrEnum):
    """Which of an exchange's markets an order lives in; each has its own ids."""

    SPOT = "SPOT"
    FUTURES = "FUTURES"
    COIN_FUTURES = "COIN_FUTURES"


class IdSpace(StrEnum):
    """Which numbering an exchange order id belongs to (Binance numbers algo orders apart)."""

    ORDER = "ORDER"
    ALGO = "ALGO"


class Side(StrEnum):
    """Direction of an order or a fill."""

    BUY = "BUY"
    SELL = "SELL"


class PositionSide(StrEnum):
    """NET in one-way mode (Binance BOTH); LONG or SHORT in hedge mode."""

    NET = "NET"
    LONG = "LONG"
    SHORT = "SHORT"


class OrderType(StrEnum):
    """How an order executes. OTHER keeps what we do not know yet from stopping a fill."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"
    LIQUIDATION = "LIQUIDATION"
    OTHER = "OTHER"


class TimeInForce(StrEnum):
    """How long an order stays. GTX is Binance's post-only."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"
    GTD = "GTD"
    RPI = "RPI"
    GTE_GTC = "GTE_GTC"
    OTHER = "OTHER"


class OrderStatus(StrEnum):
    """The life of an order; `tracking.domain.states` says which may follow which."""

    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"


class ExecutionKind(StrEnum):
    """Why a fill happened: by trading, or because the exchange closed something."""

    TRADE = "TRADE"
    LIQUIDATION = "LIQUIDATION"
    ADL = "ADL"
    SETTLEMENT = "SETTLEMENT"
    DELIVERY = "DELIVERY"


class MovementKind(StrEnum):
    """Why a balance moved without a fill."""

    FUNDING = "FUNDING"
    TRANSFER = "TRANSFER"
    DUST = "DUST"
    CORRECTION = "CORRECTION"
    SETTLEMENT = "SETTLEMENT"


class Source(StrEnum):
    """Where a statement was first seen."""

    WS = "WS"
    REST_ORDER = "REST_ORDER"
    REST_TRADES = "REST_TRADES"
    SUBMIT = "SUBMIT"
    INFERRED = "INFERRED"
    MANUAL = "MANUAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionReport:
    """One fill. `commission` is what was paid: positive is a cost, negative a rebate."""

    market_type: MarketType
    symbol_id: str
    exchange_order_id: str
    exchange_trade_id: str
    side: Side
    execution_price: Decimal
    execution_quantity: Decimal
    executed_at: datetime
    source: Source
    id_space: IdSpace = IdSpace.ORDER
    position_side: PositionSide = PositionSide.NET
    kind: ExecutionKind = ExecutionKind.TRADE
    is_maker: bool | None = None
    #: None means "not told yet", never zero
    commission: Decimal | None = None
    commission_asset: str | None = None
    realized_pnl: Decimal | None = None
    #: the row of REST's answer it was read from, as sent; None where it came by the stream
    raw: Mapping[str, object] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStatement:
    """What report and snapshot share: an order's identity, terms and progress."""

    market_type: MarketType
    symbol_id: str
    exchange_order_id: str
    #: None when the exchange's status is not one we know: progress is still believed
    status: OrderStatus | None
    #: the exchange's own spelling, kept for the anomaly when `status` is None
    exchange_status: str
    side: Side
    #: 0: it has none of its own, being for an amount of the quote asset (Upbit's market buys,
    #: Binance's `quoteOrderQty`); told so from its beginning to its end
    quantity: Decimal
    filled_quantity: Decimal
    exchange_updated_at: datetime
    id_space: IdSpace = IdSpace.ORDER
    client_order_id: str | None = None
    position_side: PositionSide = PositionSide.NET
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    #: None for orders without a limit price
    price: Decimal | None = None
    stop_price: Decimal | None = None
    #: quote value of what was filled; None where this statement does not tell it
    filled_quote: Decimal | None = None
    #: the exchange's average fill price, maybe rounded by it; None if not told or nothing filled
    average_price: Decimal | None = None
    reduce_only: bool = False
    post_only: bool = False
    #: why it ended, in the exchange's words (expiry or reject reason), else ""
    reason: str = ""
    #: the ordinary order a conditional one became when it triggered; None before, and elsewhere
    child_order_id: str | None = None
    #: the row of REST's answer it was read from, as sent; None where it came by the stream
    raw: Mapping[str, object] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport(OrderStatement):
    """What the private stream says just happened to an order, with its fill if it was one."""

    event_at: datetime
    execution: ExecutionReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FillReport:
    """What the private stream says of a fill alone, apart from its order (Bybit `execution`).

    How its order stands is not in it: not even whether it has more to fill.
    """

    execution: ExecutionReport
    event_at: datetime
    client_order_id: str | None = None

    @property
    def market_type(self) -> MarketType:
        """The market type of the fill's order."""
        return self.execution.market_type

    @property
    def symbol_id(self) -> str:
        """The exchange's id of the market."""
        return self.execution.symbol_id

    @property
    def id_space(self) -> IdSpace:
        """The numbering of the order's id."""
        return self.execution.id_space

    @property
    def exchange_order_id(self) -> str:
        """The order that filled."""
        return self.execution.exchange_order_id


@dataclass(frozen=True, slots=True, kw_only=True)
class UnclassifiedMessage:
    """Something moved orders or holdings in a way we do not know: kept, for a person to see."""

    #: what it calls itself, and where it happened
    event: str
    symbol_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSnapshot(OrderStatement):
    """What REST says an order is. True no later than `requested_at` (our clock; only ever
    compared with our own clock, never with the exchange's times).
    """

    requested_at: datetime
    source: Source = Source.REST_ORDER
    #: why it filled, where its id tells: lists of trades do not say so
    fill_kind: ExecutionKind = ExecutionKind.TRADE


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeHint:
    """A fill told early and incompletely (Binance TRADE_LITE): look at this order soon."""

    market_type: MarketType
    symbol_id: str
    exchange_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingReport:
    """What is held now: in a market of derivatives a signed position, in spot an asset.

    Spot: `asset` names it, `symbol_id` is "", `quantity` is all of it, what orders lock included.
    """

    market_type: MarketType
    symbol_id: str
    quantity: Decimal
    asset: str = ""
    position_side: PositionSide = PositionSide.NET
    entry_price: Decimal | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementReport:
    """A balance moved without a fill: funding, a transfer, a charge. `key` is its own for ever.

    One exchange tells a movement in one place, its stream or its lists: the keys would differ.
    """

    key: str
    kind: MovementKind
    market_type: MarketType
    #: "" where no market is concerned
    symbol_id: str
    asset: str
    #: signed change of the asset's balance
    amount: Decimal
    posted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingsChanged:
    """The stream says what is held has changed (Binance ACCOUNT_UPDATE) and why."""

    reason: str
    holdings: tuple[HoldingReport, ...]
    event_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialExpired:
    """The stream's credential has ended: no events will follow on this connection."""

    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoredMessage:
    """A frame that is known and carries nothing about orders."""

    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamGap:
    """The connection was (re)made: messages may have been missed. Reconcile."""

    session_id: str
    connected_at: datetime


Message = (
    OrderReport
    | FillReport
    | UnclassifiedMessage
    | TradeHint
    | HoldingsChanged
    | MovementReport
    | CredentialExpired
    | IgnoredMessage
)
