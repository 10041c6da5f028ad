"""
How Binance USD-M wants to be asked: the parameters of questions and orders. Pure.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.binance_vocabulary import POSITION_SIDE_NAMES
from exchanges.errors import TransientError
from exchanges.messages import IdSpace, OrderType, PositionSide
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from exchanges.messages import OrderSnapshot
    from exchanges.questions import NewOrder, OrderRef


def naming(ref: OrderRef) -> dict[str, str]:
    """Name an order by its number if we know it, else by its client order id."""
    number, name = (
        ("algoId", "clientAlgoId")
        if ref.id_space is IdSpace.ALGO
        else ("orderId", "origClientOrderId")
    )
    if ref.exchange_order_id is not None:
        return {"symbol": ref.symbol_id, number: ref.exchange_order_id}
    return {"symbol": ref.symbol_id, name: ref.client_order_id or ""}


def of_symbol(symbol_id: str | None) -> dict[str, str]:
    """Ask about one symbol, or about all."""
    return {"symbol": symbol_id} if symbol_id else {}


def of_minute(symbol_id: str, at: datetime) -> dict[str, str]:
    """Ask for the first candle of one minute that does not begin before that of `at`."""
    minute = at.replace(second=0, microsecond=0)
    return of_symbol(symbol_id) | {
        "interval": "1m",
        "startTime": str(milliseconds(minute)),
        "limit": "1",
    }


def terms(order: NewOrder) -> dict[str, str]:
    """Write a LIMIT or MARKET order down."""
    terms = {
        "symbol": order.symbol_id,
        "side": order.side.value,
        "type": order.order_type.value,
        "quantity": _plain(order.quantity),
        "positionSide": POSITION_SIDE_NAMES[order.position_side],
        "newClientOrderId": order.client_order_id,
        # the final state of what ends at once, not only that it was accepted
        "newOrderRespType": "RESULT",
    }
    if order.order_type is OrderType.LIMIT and order.price is not None:
        terms |= {"price": _plain(order.price), "timeInForce": order.time_in_force.value}
    if order.reduce_only and order.position_side is PositionSide.NET:
        # in hedge mode the position side says it, and the parameter is refused
        terms["reduceOnly"] = "true"
    return terms


def _plain(value: Decimal) -> str:
    return format(value, "f")


def about(ref: OrderRef, snapshot: OrderSnapshot) -> OrderSnapshot:
    """Return `snapshot` if it is about `ref`. Raises TransientError: nothing was answered."""
    same_id = ref.exchange_order_id in (None, snapshot.exchange_order_id)
    same_name = ref.exchange_order_id or ref.client_order_id == snapshot.client_order_id
    if ref.symbol_id == snapshot.symbol_id and same_id and same_name:
        return snapshot
    msg = "the answer is about another order"
    raise TransientError(msg)
