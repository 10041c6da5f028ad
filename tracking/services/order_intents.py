"""
What a strategy wants, checked as far as it can be without looking at any market.

An amount is told in exactly one of three ways: a quantity, an amount of the quote asset, or percent
of what is there. Nonsense raises here, before anything is committed; what only the market or the
account can refuse is the outcome of a request.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from exchanges.messages import OrderType, PositionSide, Side, TimeInForce
from tracking.services.payloads import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

Choice = TypeVar("Choice", bound=StrEnum)

CONDITIONAL: Final = frozenset(
    {OrderType.STOP, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_MARKET}
)
PRICED: Final = frozenset({OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT})
PLACEABLE: Final = CONDITIONAL | PRICED | {OrderType.MARKET}
TIMES: Final = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTX})

#: in hedge mode a reduce-only order of these would open, for there no exchange is told the flag
_OPENING: Final = frozenset({(PositionSide.LONG, Side.BUY), (PositionSide.SHORT, Side.SELL)})

_AMOUNTS: Final = ("quantity", "quote_quantity", "percent")
_NUMBERS: Final = (*_AMOUNTS, "price", "stop_price")
#: what the columns hold: twenty digits before the point; and no text longer than it is worth
_MOST_DIGITS: Final = 20
_FINEST: Final = -60
_LONGEST_AMOUNT: Final = 60
_LONGEST_SYMBOL: Final = 64
_HUNDRED: Final = Decimal(100)


class InvalidOrderError(Exception):
    """The order makes no sense as it is; nothing was committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """What a strategy wants, in its account's market. Raises InvalidOrderError for nonsense.

    Amounts are rounded down to the market's steps, prices to the next, when it is prepared.
    """

    symbol: str
    side: Side
    order_type: OrderType
    #: in the base asset; of inverse futures in contracts
    quantity: Decimal | None = None
    #: in the quote asset
    quote_quantity: Decimal | None = None
    #: of the available balance (spot, selling: of the base asset; derivatives: of free margin,
    #: without leverage); of the strategy's position where the order is reduce-only
    percent: Decimal | None = None
    price: Decimal | None = None
    #: where a STOP or TAKE_PROFIT order triggers
    stop_price: Decimal | None = None
    #: GTX: post-only
    time_in_force: TimeInForce = TimeInForce.GTC
    position_side: PositionSide = PositionSide.NET
    reduce_only: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no sense in any market."""
        for name in _NUMBERS:
            check_amount(name, getattr(self, name))
        for refused, why in (*self._about_amounts(), *self._about_terms()):
            if refused:
                raise InvalidOrderError(why)

    def _about_amounts(self) -> tuple[tuple[bool, str], ...]:
        told = [name for name in _AMOUNTS if getattr(self, name) is not None]
        return (
            (not _is_symbol(self.symbol), "expected a symbol"),
            (len(told) != 1, "expected exactly one of quantity, quote_quantity and percent"),
            (self.percent is not None and self.percent > _HUNDRED, "expected percent up to 100"),
        )

    def _about_terms(self) -> tuple[tuple[bool, str], ...]:
        kind, needs_price = self.order_type, self.order_type in PRICED
        is_plain = self.time_in_force is TimeInForce.GTC
        is_post_only = self.time_in_force is TimeInForce.GTX
        return (
            (kind not in PLACEABLE, f"a {kind} order cannot be placed"),
            (needs_price and self.price is None, f"a {kind} order needs a price"),
            (not needs_price and self.price is not None, f"a {kind} order takes no price"),
            (
                (kind in CONDITIONAL) is not (self.stop_price is not None),
                f"a {kind} order needs a stop_price"
                if kind in CONDITIONAL
                else f"a {kind} order takes no stop_price",
            ),
            (self.time_in_force not in TIMES, "expected time_in_force GTC, IOC, FOK or GTX"),
            (not needs_price and not is_plain, f"a {kind} order takes no time_in_force"),
            (is_post_only and kind is not OrderType.LIMIT, "only a LIMIT order can be post-only"),
            (
                self.reduce_only and (self.position_side, self.side) in _OPENING,
                f"to {self.side} in a {self.position_side} position is not reduce-only",
            ),
        )

    @property
    def post_only(self) -> bool:
        """Whether the order is to rest or not to be at all."""
        return self.time_in_force is TimeInForce.GTX

    def body(self) -> dict[str, str | bool | None]:
        """Write the intent as JSON, amounts as plain strings."""
        return {
            field.name: plain(value) if isinstance(value, Decimal) else value
            for field in fields(self)
            for value in [getattr(self, field.name)]
        }

    @classmethod
    def from_body(cls, body: Mapping[str, object]) -> OrderIntent:
        """Read an intent from JSON; `post_only` may stand for GTX. Raises InvalidOrderError.

        Amounts are strings, or numbers that were never floats.
        """
        names = {field.name for field in fields(cls)}
        unknown = sorted(set(body) - names - {"post_only"})
        if unknown:
            message = f"unknown field {unknown[0][:64]!r}"
            raise InvalidOrderError(message)
        return cls(
            symbol=_text(body, "symbol"),
            side=_choice(Side, body, "side"),
            order_type=_choice(OrderType, body, "order_type"),
            time_in_force=_time_in_force(body),
            position_side=_choice(PositionSide, body, "position_side", PositionSide.NET),
            reduce_only=_flag(body, "reduce_only"),
            **{name: _amount(body, name) for name in _NUMBERS},
        )


def _is_symbol(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_SYMBOL and text.isprintable()


def check_amount(name: str, amount: Decimal | None) -> None:
    """Raise InvalidOrderError for what is no amount, or more than anybody has."""
    if amount is None:
        return
    if not amount.is_finite() or amount <= 0:
        message = f"expected {name} to be a positive number"
        raise InvalidOrderError(message)
    if amount.adjusted() >= _MOST_DIGITS or amount.adjusted() < _FINEST:
        message = f"{name} is out of any range"
        raise InvalidOrderError(message)
    if len(amount.as_tuple().digits) > _LONGEST_AMOUNT:
        message = f"expected {name} to have at most {_LONGEST_AMOUNT} digits"
        raise InvalidOrderError(message)


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        message = f"expected {name} to be a text"
        raise InvalidOrderError(message)
    return value


def _flag(body: Mapping[str, object], name: str) -> bool:
    value = body.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        message = f"expected {name} to be true or false"
        raise InvalidOrderError(message)
    return value


def _choice(
    kind: type[Choice], body: Mapping[str, object], name: str, otherwise: Choice | None = None
) -> Choice:
    value = body.get(name)
    if value is None and otherwise is not None:
        return otherwise
    found = next((one for one in kind if one.value == value), None)
    if found is None:
        message = f"expected {name} to be one of {', '.join(kind)}"
        raise InvalidOrderError(message)
    return found


def _time_in_force(body: Mapping[str, object]) -> TimeInForce:
    told = _choice(TimeInForce, body, "time_in_force", TimeInForce.GTC)
    if not _flag(body, "post_only"):
        return told
    if told not in {TimeInForce.GTC, TimeInForce.GTX}:
        message = f"a post-only order cannot be {told}"
        raise InvalidOrderError(message)
    return TimeInForce.GTX


def _amount(body: Mapping[str, object], name: str) -> Decimal | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        message = f"expected {name} to be a decimal number as a text"
        raise InvalidOrderError(message)
    try:
        return Decimal(value)
    except (InvalidOperation, ValueError):
        message = f"expected {name} to be a decimal number"
        raise InvalidOrderError(message) from None
