"""
How Bybit wants to be asked: the parameters of questions and orders. Pure.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges import bybit_vocabulary as words
from exchanges.messages import MarketType, OrderType
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from exchanges.questions import NewOrder, OrderRef


def of_symbol(market_type: MarketType, symbol_id: str) -> dict[str, object]:
    """Ask about one market."""
    return {"category": words.CATEGORIES[market_type], "symbol": symbol_id}


def naming(ref: OrderRef) -> dict[str, object]:
    """Name an order by its id if we know it, else by its name."""
    named = of_symbol(ref.market_type, ref.symbol_id)
    if ref.exchange_order_id is not None:
        return named | {"orderId": ref.exchange_order_id}
    return named | {"orderLinkId": ref.client_order_id or ""}


def of_minute(market_type: MarketType, symbol_id: str, minute: datetime) -> dict[str, object]:
    """Ask for the candle of one minute."""
    start = milliseconds(minute)
    return of_symbol(market_type, symbol_id) | {
        "interval": "1",
        "start": str(start),
        "end": str(start),
        "limit": "1",
    }


def terms(order: NewOrder) -> dict[str, object]:
    """Write a LIMIT or MARKET order down; its quantity is always one of the base currency."""
    terms = of_symbol(order.market_type, order.symbol_id) | {
        "side": words.SIDE_NAMES[order.side],
        "orderType": words.ORDER_TYPE_NAMES[order.order_type],
        "qty": _plain(order.quantity),
        "orderLinkId": order.client_order_id,
    }
    if order.order_type is OrderType.LIMIT and order.price is not None:
        force = words.TIME_IN_FORCE_NAMES.get(order.time_in_force, order.time_in_force.value)
        terms |= {"price": _plain(order.price), "timeInForce": force}
    if order.market_type is MarketType.SPOT:
        # a market buy would else be counted in the quote currency
        return terms | ({"marketUnit": "baseCoin"} if "price" not in terms else {})
    return terms | {
        "positionIdx": words.POSITION_INDEXES[order.position_side],
        "reduceOnly": order.reduce_only,
    }


def _plain(value: Decimal) -> str:
    return format(value, "f")
