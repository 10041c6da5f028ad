"""
Orders on their way to Binance: what can be asked for at all, and whether an answer is about it.

Policy: what an endpoint would not take under any circumstances is refused here, before anything is
sent. An answer about another order than ours leaves open what became of ours.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.binance_errors import error_in
from exchanges.binance_vocabulary import CONDITIONAL, SPOT_TYPE_NAMES
from exchanges.errors import ExchangeError, MalformedMessage, OrderRefused, OutcomeUnknown
from exchanges.messages import MarketType, OrderType, PositionSide, Side, TimeInForce
from exchanges.refusals import RefusalKind
from exchanges.understanding import OTHER_ORDER
from exchanges.wire import a_list

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exchanges.messages import OrderSnapshot
    from exchanges.questions import NewOrder

#: sent without the flag, which hedge mode does not know, a reduce-only order of these would open
_OPENING: Final = frozenset({(PositionSide.LONG, Side.BUY), (PositionSide.SHORT, Side.SELL)})


def offered(order: NewOrder) -> NewOrder:
    """Return the order if its market takes such. Raises OrderRefused of kind NOT_OFFERED."""
    if reason := _never_taken(order):
        raise not_offered(reason)
    return order


def not_offered(reason: str) -> OrderRefused:
    """Say that there is no such thing here; nothing was sent."""
    return OrderRefused(reason, kind=RefusalKind.NOT_OFFERED)


def answers_to(order: NewOrder, snapshot: OrderSnapshot) -> OrderSnapshot:
    """Return the answer if it is about the order. Raises MalformedMessage."""
    asked = (order.symbol_id, order.client_order_id)
    if (snapshot.symbol_id, snapshot.client_order_id) != asked:
        raise MalformedMessage(OTHER_ORDER)
    return snapshot


def read_batch(
    body: object, orders: Sequence[NewOrder], read: Callable[[object], OrderSnapshot]
) -> tuple[OrderSnapshot | ExchangeError, ...]:
    """Read what became of each of several orders, in order.

    Raises MalformedMessage for what cannot be about these orders; a row that cannot be read
    leaves open what became of its own order alone.
    """
    rows = a_list(body)
    if len(rows) != len(orders):
        msg = f"expected {len(orders)} answers, got {len(rows)}"
        raise MalformedMessage(msg)
    if _are_displaced(rows, orders):
        # a refusal names nobody: whose it is only its place would tell
        msg = "the answers are in another order than the orders"
        raise MalformedMessage(msg)
    return tuple(_one_of_batch(row, order, read) for row, order in zip(rows, orders, strict=True))


def _are_displaced(rows: Sequence[object], orders: Sequence[NewOrder]) -> bool:
    places = {order.client_order_id: place for place, order in enumerate(orders)}
    names = (row.get("clientOrderId") if isinstance(row, dict) else None for row in rows)
    told = [name if isinstance(name, str) else "" for name in names]
    return any(places.get(name, place) != place for place, name in enumerate(told))


def _one_of_batch(
    row: object, order: NewOrder, read: Callable[[object], OrderSnapshot]
) -> OrderSnapshot | ExchangeError:
    if error := error_in(row):
        return error
    try:
        return answers_to(order, read(row))
    except MalformedMessage as error:
        return OutcomeUnknown(f"unreadable answer: {error}")


def _never_taken(order: NewOrder) -> str:
    """Say why no market of this type takes such an order; "" if it does."""
    if order.order_type not in SPOT_TYPE_NAMES:
        return f"{order.order_type} orders are not sent"
    if order.quote_quantity is not None and order.order_type is not OrderType.MARKET:
        return "only a market order can be for an amount of money"
    if order.market_type is MarketType.SPOT:
        return _not_on_spot(order)
    return _not_of_contracts(order)


def _not_of_contracts(order: NewOrder) -> str:
    if order.quote_quantity:
        return "contracts have no orders for an amount of money"
    if order.reduce_only and (order.position_side, order.side) in _OPENING:
        return "what opens a position in hedge mode cannot be reduce-only"
    return ""


def _not_on_spot(order: NewOrder) -> str:
    if order.reduce_only or order.position_side is not PositionSide.NET:
        return "spot has no positions to reduce"
    if order.order_type in CONDITIONAL and order.time_in_force is TimeInForce.GTX:
        return "spot has no conditional orders that are post-only"
    return ""
