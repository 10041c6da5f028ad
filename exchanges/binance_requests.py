"""
How Binance wants to be asked: the parameters of questions and orders. Pure.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.binance_vocabulary import (
    CONDITIONAL,
    LIMIT_MAKER,
    LIMITED,
    POSITION_SIDE_NAMES,
    SPOT_TYPE_NAMES,
)
from exchanges.messages import IdSpace, OrderType, PositionSide, TimeInForce
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from exchanges.questions import Amendment, NewOrder, OrderRef


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
    return _common(order) | {
        "newClientOrderId": order.client_order_id,
        # the final state of what ends at once, not only that it was accepted
        "newOrderRespType": "RESULT",
    }


def algo_terms(order: NewOrder) -> dict[str, str]:
    """Write a conditional order of futures down, for the service that keeps such orders."""
    return _common(order) | {
        "algoType": "CONDITIONAL",
        "clientAlgoId": order.client_order_id,
        "triggerPrice": _plain(order.stop_price),
    }


def amendment_terms(amendment: Amendment) -> dict[str, str]:
    """Write down what an order of futures is to be from now on; both amounts are demanded."""
    return naming(amendment.ref) | {
        "side": amendment.side.value,
        "quantity": _plain(amendment.quantity),
        "price": _plain(amendment.price),
    }


def spot_amendment_terms(amendment: Amendment, client_order_id: str) -> dict[str, str]:
    """Write down a smaller quantity; the order would be renamed if its name were not sent."""
    return naming(amendment.ref) | {
        "newQty": _plain(amendment.quantity),
        "newClientOrderId": client_order_id,
    }


def _common(order: NewOrder) -> dict[str, str]:
    terms = {
        "symbol": order.symbol_id,
        "side": order.side.value,
        "type": order.order_type.value,
        "quantity": _plain(order.quantity),
        "positionSide": POSITION_SIDE_NAMES[order.position_side],
    }
    if order.order_type in LIMITED:
        terms |= {"price": _plain(order.price), "timeInForce": order.time_in_force.value}
    if order.reduce_only and order.position_side is PositionSide.NET:
        # in hedge mode the position side says it, and the parameter is refused
        terms["reduceOnly"] = "true"
    return terms


def _plain(value: Decimal | None) -> str:
    """Write an amount without an exponent; what is missing is for the exchange to refuse."""
    return "" if value is None else format(value, "f")


def spot_terms(order: NewOrder) -> dict[str, str]:
    """Write an order of spot down; a post-only one is of a type of its own."""
    is_post_only = (order.order_type, order.time_in_force) == (OrderType.LIMIT, TimeInForce.GTX)
    terms = {
        "symbol": order.symbol_id,
        "side": order.side.value,
        "type": LIMIT_MAKER if is_post_only else SPOT_TYPE_NAMES[order.order_type],
        "newClientOrderId": order.client_order_id,
        "newOrderRespType": "RESULT",
    }
    if order.quote_quantity is not None:
        terms["quoteOrderQty"] = _plain(order.quote_quantity)
    else:
        terms["quantity"] = _plain(order.quantity)
    if order.order_type in LIMITED:
        terms["price"] = _plain(order.price)
        if not is_post_only:
            terms["timeInForce"] = order.time_in_force.value
    if order.order_type in CONDITIONAL:
        terms["stopPrice"] = _plain(order.stop_price)
    return terms
