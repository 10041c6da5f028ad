"""
What is asked of an exchange, and the frozen values asking needs: references, orders, markets.

What exchanges say is in `messages`; names and units are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exchanges.messages import IdSpace, MarketType, OrderType, PositionSide, Side, TimeInForce

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from exchanges.messages import ExecutionReport, MovementReport, OrderSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRef:
    """Enough to ask about one order. At least one of the two ids is set."""

    market_type: MarketType
    symbol_id: str
    exchange_order_id: str | None = None
    client_order_id: str | None = None
    id_space: IdSpace = IdSpace.ORDER


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order as it is to be sent; numbers already rounded to the market's steps."""

    market_type: MarketType
    symbol_id: str
    client_order_id: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    position_side: PositionSide = PositionSide.NET
    reduce_only: bool = False
    #: where a STOP or TAKE_PROFIT order triggers
    stop_price: Decimal | None = None
    #: of a MARKET order for an amount of money; `quantity` is 0 then. Only where the adapter says
    #: `takes_quote_quantity`.
    quote_quantity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What an order is to be from now on; both as they shall be, not only what changes.

    `quantity` counts what was already filled.
    """

    ref: OrderRef
    side: Side
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPermissions:
    """What an API key may do, as the exchange tells it; None: it does not tell."""

    can_trade: bool | None = None
    can_withdraw: bool | None = None
    can_transfer: bool | None = None
    #: bound to addresses
    is_ip_bound: bool | None = None
    expires_at: datetime | None = None
    #: whose key it is, to notice one that was changed for another user's
    owner_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeCursor:
    """Where a trades query goes on: after a place, or else from a time."""

    #: as text the place of a fill, all before which are known (`Adapter.place_of`): a trade id
    #: to go on after; or milliseconds to begin at, for other fills may share them
    after_trade_id: str | None = None
    since: datetime | None = None
    #: enough is known once this trade was seen; None reads the list to its end
    until_trade_id: str | None = None
    #: about how many trades that will be, where `until_trade_id` is set
    awaited: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What REST said when asked about some orders of one symbol."""

    requested_at: datetime
    snapshots: tuple[OrderSnapshot, ...] = ()
    executions: tuple[ExecutionReport, ...] = ()
    #: orders whose trades were asked for completely (by order, or by a cursor that covers them)
    trades_complete_for: frozenset[str] = frozenset()
    #: orders the exchange said it does not know
    not_found: tuple[OrderRef, ...] = ()
    #: greatest place seen in an unbroken cursor query, as text; None if no such query was made
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What happened on an account since some time, whoever did it."""

    traded_symbol_ids: frozenset[str] = frozenset()
    movements: tuple[MovementReport, ...] = ()
    #: exchange time from where to read on; None: all there was has been read
    more_from: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One tradable market of an exchange, with the steps an order must respect."""

    market_type: MarketType
    symbol_id: str
    symbol: str
    base: str
    quote: str
    settle: str | None
    price_step: Decimal
    quantity_step: Decimal
    minimum_quantity: Decimal
    minimum_notional: Decimal | None = None
    contract_size: Decimal | None = None
    #: where the step of a price depends on it: (from this price on, this step), dearest first;
    #: `price_step` is the finest of them then
    price_bands: tuple[tuple[Decimal, Decimal], ...] = ()

    def price_step_at(self, price: Decimal) -> Decimal:
        """Give the step that a price must be a multiple of."""
        return next((step for floor, step in self.price_bands if price >= floor), self.price_step)
