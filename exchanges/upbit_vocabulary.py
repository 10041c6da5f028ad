"""
Upbit's words in ours: sides, order types, states, amounts and times. Pure.

Note [Orders of funds]
~~~~~~~~~~~~~~~~~~~~~~
A market buy (`price`), and a buy at the best price (`best`), name the funds they spend, not a
quantity. Such an order has no quantity of its own: it is told as 0, from its first statement to its
last, so that every statement about it says the same, in whatever order they come. `price` then
holds the funds and is no price. Nearly always a few of the funds remain, too little for the
smallest quantity, and Upbit ends the order as `cancel`, else as `done`: both mean FILLED if
anything was filled. An order that names a quantity is FILLED when that was filled, whatever the
state is called.

Sources: docs.upbit.com, "My Order" (WebSocket), "Get Order", "Create Order" (2026).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Final

from exchanges.errors import MalformedMessage
from exchanges.messages import OrderStatus, OrderType, Side, TimeInForce
from exchanges.wire import ZERO, optional_text, signed, text

if TYPE_CHECKING:
    from exchanges.wire import Fields

_SIDES: Final = {"bid": Side.BUY, "ask": Side.SELL}
SIDE_NAMES: Final = {side: name for name, side in _SIDES.items()}
_ORDER_TYPES: Final = {
    "limit": OrderType.LIMIT,
    "price": OrderType.MARKET,
    "market": OrderType.MARKET,
    # takes the best price there is and leaves nothing in the book
    "best": OrderType.MARKET,
}
_TIMES_IN_FORCE: Final = {
    "": TimeInForce.GTC,
    "ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
    "post_only": TimeInForce.GTX,
}
TIME_IN_FORCE_NAMES: Final = {force: name for name, force in _TIMES_IN_FORCE.items() if name}
#: `prevented`: some of it was not matched with an order of one's own; what became of it follows
_WORKING: Final = frozenset({"wait", "watch", "trade", "prevented"})
_ENDED: Final = frozenset({"done", "cancel"})

#: Upbit computes balances beyond the 18 places that can be kept
_PLACES: Final = Decimal(1).scaleb(-18)
_LONG: Final = Context(prec=100, rounding=ROUND_HALF_EVEN)
_LONG_NUMBER: Final = re.compile(r"-?[0-9]{1,20}\.[0-9]{19,60}")
_MOST_DIGITS: Final = 80
_MOST_WHOLE_DIGITS: Final = 20
#: 2025-08-09T16:44:00+09:00
_TIME: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}[+-][0-9]{2}:[0-9]{2}")


def side(fields: Fields, key: str) -> Side:
    """Read bid or ask, in either case; raises MalformedMessage for anything else."""
    try:
        return _SIDES[text(fields, key).lower()]
    except KeyError:
        msg = f"{key}: unknown side"
        raise MalformedMessage(msg) from None


def order_type(name: str) -> OrderType:
    """Translate an order type; OTHER for one not known."""
    return _ORDER_TYPES.get(name, OrderType.OTHER)


def time_in_force(fields: Fields, key: str) -> TimeInForce:
    """Read a time in force, which an order need not have; OTHER for one not known."""
    return _TIMES_IN_FORCE.get(optional_text(fields, key).lower(), TimeInForce.OTHER)


def is_of_funds(type_name: str, side: Side) -> bool:
    """Tell whether an order names funds instead of a quantity. See Note [Orders of funds]."""
    return type_name == "price" or (type_name == "best" and side is Side.BUY)


def status(state: str, *, filled: Decimal, quantity: Decimal) -> OrderStatus | None:
    """Translate a state by what was filled; None for one not known.

    `quantity` is 0 for an order of funds. See Note [Orders of funds].
    """
    if state in _WORKING:
        return OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.NEW
    if state in _ENDED:
        return OrderStatus.FILLED if filled and filled >= quantity else OrderStatus.CANCELLED
    return None


def number(fields: Fields, key: str) -> Decimal:
    """Take an amount of either sign; what has more than 18 places is rounded to them."""
    try:
        return signed(fields, key)
    except MalformedMessage:
        rounded = _rounded(fields.get(key))
        if rounded is None:
            raise
        return rounded


def amount(fields: Fields, key: str) -> Decimal:
    """Take an amount that cannot be negative, rounded as by `number`."""
    value = number(fields, key)
    if value < ZERO:
        msg = f"{key}: expected zero or more"
        raise MalformedMessage(msg)
    return value


def optional_amount(fields: Fields, key: str) -> Decimal | None:
    """Take an amount for which absent, null, "" and zero all mean "there is none"."""
    return None if fields.get(key) in (None, "") else amount(fields, key) or None


def more_than_zero(fields: Fields, key: str) -> Decimal:
    """Take an amount that must be there."""
    value = amount(fields, key)
    if not value:
        msg = f"{key}: expected more than zero"
        raise MalformedMessage(msg)
    return value


def moment(fields: Fields, key: str) -> datetime:
    """Take a time as REST gives it: ISO 8601 with an offset, whole seconds."""
    value = text(fields, key)
    try:
        if _TIME.fullmatch(value):
            return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    msg = f"{key}: expected a time"
    raise MalformedMessage(msg)


def quote_of(market: str) -> str:
    """Name the asset a market is priced in, and in which it takes its fees: KRW of KRW-BTC."""
    quote, dash, base = market.partition("-")
    if not (quote and dash and base) or "-" in base:
        msg = "market: expected QUOTE-BASE"
        raise MalformedMessage(msg)
    return quote


def _rounded(value: object) -> Decimal | None:
    """Round a number that is well-formed but for its many places; None for anything else."""
    if isinstance(value, str) and _LONG_NUMBER.fullmatch(value):
        value = Decimal(value)
    if not isinstance(value, Decimal) or value.adjusted() >= _MOST_WHOLE_DIGITS:
        return None
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or exponent < -_MOST_DIGITS or len(digits) > _MOST_DIGITS:
        return None
    return value.quantize(_PLACES, context=_LONG)
