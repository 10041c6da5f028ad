"""
How Binance wants to be asked: the parameters of questions and orders. Pure.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.binance_vocabulary import LIMIT_MAKER, POSITION_SIDE_NAMES
from exchanges.messages import IdSpace, OrderType, PositionSide, TimeInForce
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

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
    """Write a LIMIT or MARKET order of futures down."""
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


def spot_terms(order: NewOrder) -> dict[str, str]:
    """Write a LIMIT or MARKET order of spot down; a post-only one is of a type of its own."""
    terms = {
        "symbol": order.symbol_id,
        "side": order.side.value,
        "type": order.order_type.value,
        "quantity": _plain(order.quantity),
        "newClientOrderId": order.client_order_id,
        "newOrderRespType": "RESULT",
    }
    if order.order_type is OrderType.LIMIT and order.price is not None:
        terms["price"] = _plain(order.price)
        if order.time_in_force is TimeInForce.GTX:
            terms["type"] = LIMIT_MAKER
        else:
            terms["timeInForce"] = order.time_in_force.value
    return terms
