"""
Binance's words and ours: one table each, shared by its streams and its REST answers.

Policy: an unknown side or position side makes a message unreadable (it would move the wrong
books); an unknown status, type or time in force is kept as "not known" so that the fill beside
it still counts. Sources: USD-M "Event: Order Update", "Event: Algo Order Update", "Public
Endpoints Info"; Spot "ENUM Definitions".

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.errors import MalformedMessage
from exchanges.messages import (
    ExecutionKind,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)
from exchanges.wire import ZERO, identifier, text

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.wire import Fields

#: the pools orders are counted in, an account's own
ORDERS_10_SECONDS = "orders_10s"
ORDERS_MINUTE = "orders_1m"
ORDERS_DAY = "orders_1d"

_SIDES = {side.value: side for side in Side}
_POSITION_SIDES = {
    "BOTH": PositionSide.NET,
    "LONG": PositionSide.LONG,
    "SHORT": PositionSide.SHORT,
}
POSITION_SIDE_NAMES = {side: name for name, side in _POSITION_SIDES.items()}
_ORDER_TYPES = {kind.value: kind for kind in OrderType}
_TIMES_IN_FORCE = {force.value: force for force in TimeInForce}
_STATUSES = {
    "NEW": OrderStatus.NEW,
    # spot: waits until another order of its list has filled
    "PENDING_NEW": OrderStatus.NEW,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
#: spot's types by what they do once triggered; futures use some of the names otherwise
LIMIT_MAKER = "LIMIT_MAKER"
_SPOT_ORDER_TYPES = {
    "LIMIT": OrderType.LIMIT,
    LIMIT_MAKER: OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP_LOSS": OrderType.STOP_MARKET,
    "STOP_LOSS_LIMIT": OrderType.STOP,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT_MARKET,
    "TAKE_PROFIT_LIMIT": OrderType.TAKE_PROFIT,
}
#: how spot names our types
SPOT_TYPE_NAMES = {kind: name for name, kind in _SPOT_ORDER_TYPES.items() if name != LIMIT_MAKER}
#: the types that are sent: with a price of their own, and waiting for a trigger
LIMITED = frozenset({OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT})
CONDITIONAL = frozenset(
    {
        OrderType.STOP,
        OrderType.STOP_MARKET,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_MARKET,
    }
)
#: Orders the exchange makes itself while it closes somebody's position.
_EXCHANGE_MADE = frozenset({"NEW_INSURANCE", "NEW_ADL"})
_KINDS = (
    ("autoclose-", ExecutionKind.LIQUIDATION),
    ("adl_autoclose", ExecutionKind.ADL),
    ("settlement_autoclose-", ExecutionKind.SETTLEMENT),
    ("delivery_autoclose-", ExecutionKind.DELIVERY),
)
#: TRIGGERED is alive: the ordinary order it has become carries the fills.
_ALGO_STATUSES = {
    "NEW": OrderStatus.NEW,
    "TRIGGERING": OrderStatus.NEW,
    "TRIGGERED": OrderStatus.NEW,
    "CANCELED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
    "REJECTED": OrderStatus.REJECTED,
}
_EXPIRY_REASONS = {
    "1": "self-trade prevention",
    "2": "rest of an IOC order cancelled",
    "3": "rest of an IOC order cancelled by self-trade prevention",
    "4": "knocked out by a reduce-only order of higher priority or a reversed position",
    "5": "account liquidated",
    "6": "GTE condition not satisfied",
    "7": "symbol delisted",
    "8": "first order expired after its stop was triggered",
    "9": "rest of a market order cancelled",
}


def side(fields: Fields, key: str) -> Side:
    """Read BUY or SELL; raises MalformedMessage for anything else."""
    try:
        return _SIDES[text(fields, key)]
    except KeyError:
        msg = f"{key}: unknown side"
        raise MalformedMessage(msg) from None


def position_side(fields: Fields, key: str) -> PositionSide:
    """Read BOTH, LONG or SHORT; raises MalformedMessage for anything else."""
    try:
        return _POSITION_SIDES[text(fields, key)]
    except KeyError:
        msg = f"{key}: unknown position side"
        raise MalformedMessage(msg) from None


def order_type(fields: Fields, key: str) -> OrderType:
    """Read an order type; OTHER for one not known."""
    return _ORDER_TYPES.get(text(fields, key), OrderType.OTHER)


def spot_order_type(name: str) -> OrderType:
    """Translate spot's name of an order type; OTHER for one not known."""
    return _SPOT_ORDER_TYPES.get(name, OrderType.OTHER)


def spot_time_in_force(fields: Fields, key: str, type_name: str) -> TimeInForce:
    """Read a time in force; spot tells a post-only order by its type."""
    return TimeInForce.GTX if type_name == LIMIT_MAKER else time_in_force(fields, key)


def spot_quantity(told: Decimal, quote_quantity: Decimal | None) -> Decimal:
    """Give an order's quantity: one for an amount of quote has none of its own (`messages`)."""
    return ZERO if quote_quantity else told


def time_in_force(fields: Fields, key: str) -> TimeInForce:
    """Read a time in force; OTHER for one not known."""
    return _TIMES_IN_FORCE.get(text(fields, key), TimeInForce.OTHER)


def status(name: str, *, filled: Decimal, quantity: Decimal) -> OrderStatus | None:
    """Translate an order status; None for one not known.

    NEW_INSURANCE and NEW_ADL say who made the order, not how far it is: the amounts do.
    """
    if name not in _EXCHANGE_MADE:
        return _STATUSES.get(name)
    if filled == ZERO:
        return OrderStatus.NEW
    return OrderStatus.FILLED if filled >= quantity else OrderStatus.PARTIALLY_FILLED


def algo_status(name: str, *, filled: Decimal, quantity: Decimal) -> OrderStatus | None:
    """Translate the status of a conditional order; None for one not known.

    FINISHED means only that its child has ended: filled if the child filled it, else cancelled. One
    that closes a whole position has no quantity: whatever its child filled is all of it.
    """
    if name != "FINISHED":
        return _ALGO_STATUSES.get(name)
    return OrderStatus.FILLED if filled and filled >= quantity else OrderStatus.CANCELLED


def child_order_id(fields: Fields, key: str) -> str | None:
    """Read which ordinary order a conditional one became; absent, "" and 0 mean none yet."""
    if fields.get(key) in (None, "", "0", 0):
        return None
    return identifier(fields, key)


def kind(client_order_id: str, *, calculated: bool, status_name: str = "") -> ExecutionKind:
    """Tell why a fill happened, from the client ids Binance gives to orders of its own."""
    if "autoclose" in client_order_id:
        for prefix, found in _KINDS:
            if client_order_id.startswith(prefix):
                return found
    if not calculated:
        return ExecutionKind.TRADE
    return ExecutionKind.ADL if status_name == "NEW_ADL" else ExecutionKind.LIQUIDATION


def expiry_reason(code: str) -> str:
    """Put the expiry reason code `er` into words; "" for none."""
    if code in ("", "0"):
        return ""
    return _EXPIRY_REASONS.get(code, f"expiry reason {code}")
