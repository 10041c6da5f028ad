"""
Orders and executions as the exchange keeps them.

An `Order` is the one mutable thing of its life; only the engine changes it. Strings are the
protocol's own (`BUY`, `PARTIALLY_FILLED`, ...), so nothing is translated on the way out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from exchanges.simulator.amounts import ZERO

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.config import SymbolRules

NEW: Final = "NEW"
PARTIALLY_FILLED: Final = "PARTIALLY_FILLED"
FILLED: Final = "FILLED"
CANCELED: Final = "CANCELED"
EXPIRED: Final = "EXPIRED"
EXPIRED_IN_MATCH: Final = "EXPIRED_IN_MATCH"
OPEN_STATUSES: Final = frozenset({NEW, PARTIALLY_FILLED})

#: why an order ended without its owner's doing (`er`)
NO_REASON: Final = "0"
SELF_TRADE: Final = "1"
IOC_LEFTOVER: Final = "2"
REDUCE_ONLY_CONFLICT: Final = "4"
LIQUIDATED: Final = "5"
DELISTED: Final = "7"
MARKET_LEFTOVER: Final = "9"
#: a post-only order of a house that accepts such before it ends them
POST_ONLY: Final = "post-only"

#: who placed an order
BY_API: Final = "api"
BY_HAND: Final = "hand"
BY_EXCHANGE: Final = "exchange"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerms:
    """What is asked for, already checked."""

    symbol: str
    side: str
    type: str
    quantity: Decimal
    client_id: str
    price: Decimal = ZERO
    time_in_force: str = "GTC"
    position_side: str = "BOTH"
    reduce_only: bool = False
    origin: str = BY_API
    #: spot: a market buy that says what to spend instead of what to get
    quote_quantity: Decimal = ZERO
    #: not zero: it waits until the price comes here, from below (`trigger_rises`) or from above
    trigger_price: Decimal = ZERO
    trigger_rises: bool = False
    #: the exchange's own word for the type, where it has more than LIMIT and MARKET
    named: str = ""

    @property
    def is_closing(self) -> bool:
        """Hedge mode: this side of the book only makes the position smaller."""
        return (self.position_side, self.side) in {("LONG", "SELL"), ("SHORT", "BUY")}


@dataclass(slots=True, kw_only=True, eq=False)
class Execution:
    """One fill of one order."""

    order: Order
    trade_id: int
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    is_maker: bool
    realized_pnl: Decimal
    time: int
    #: its row of userTrades, encoded when first asked for
    encoded: bytes = b""


@dataclass(slots=True, kw_only=True, eq=False)
class Order:
    """One order from acceptance to its end; changed by the engine alone."""

    account: Account
    rules: SymbolRules
    order_id: int
    terms: OrderTerms
    quantity: Decimal
    price: Decimal
    created: int
    updated: int
    reduce_only: bool
    status: str = NEW
    executed: Decimal = ZERO
    #: exact sum of price x quantity, whatever the quantity counts
    quote: Decimal = ZERO
    #: inverse: what the filled contracts are worth in the coin
    base: Decimal = ZERO
    #: what it holds of its account's balance while it is open
    held: Decimal = ZERO
    #: whether it still waits for its trigger price
    is_waiting: bool = False
    trigger_price: Decimal = ZERO
    expiry_reason: str = NO_REASON
    executions: list[Execution] = field(default_factory=list)
    #: the part of its frames that no fill changes, encoded once
    frame_head: str = ""
    closed_at: int | None = None

    @property
    def symbol(self) -> str:
        """The exchange's id of the market."""
        return self.terms.symbol

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self.terms.side == "BUY" else -1

    @property
    def remaining(self) -> Decimal:
        """What may still fill."""
        return self.quantity - self.executed

    @property
    def is_open(self) -> bool:
        """Whether it can still fill."""
        return self.closed_at is None

    @property
    def average_price(self) -> Decimal:
        """Exact up to the context; 0 while nothing is filled. Inverse: what the coins cost."""
        if self.base and self.rules.contract_size:
            return self.executed * self.rules.contract_size / self.base
        return self.quote / self.executed if self.executed else ZERO
