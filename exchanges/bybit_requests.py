"""
How Bybit wants to be asked: the parameters of questions and orders. Pure.

Policy: an order says what it says; what Bybit cannot be told is refused here.
Sources: v5 "Place Order", "Batch Place Order", "Amend Order" (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges import bybit_vocabulary as words
from exchanges.errors import not_offered
from exchanges.messages import MarketType
from exchanges.triggers import rises
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from exchanges.questions import Amendment, NewOrder, OrderRef


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
    """Write an order down. Raises OrderRefused for what Bybit cannot be told.

    Which way the price has to go follows from what the order is; of spot orders Bybit does not
    read it (see `bybit_placing`), but our own record of what was sent does.
    """
    written = of_symbol(order.market_type, order.symbol_id) | {
        "side": words.SIDE_NAMES[order.side],
        "orderType": _type_name(order),
        "qty": _plain(order.quote_quantity or order.quantity),
        "orderLinkId": order.client_order_id,
    }
    if written["orderType"] == "Limit":
        written |= _resting(order)
    if order.order_type in words.CONDITIONAL:
        written |= _waiting(order)
    is_spot = order.market_type is MarketType.SPOT
    return written | (_of_spot(order) if is_spot else _of_contracts(order))


def batch(market_type: MarketType, sent: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Put several orders of one category into one request."""
    rows = [{key: row[key] for key in row if key != "category"} for row in sent]
    return {"category": words.CATEGORIES[market_type], "request": rows}


def amendment(changed: Amendment) -> dict[str, object]:
    """Say what an order is to be from now on; Bybit's quantity counts what was filled, too."""
    return naming(changed.ref) | {
        "qty": _plain(changed.quantity),
        "price": _plain(changed.price),
    }


def _type_name(order: NewOrder) -> str:
    name = words.ORDER_TYPE_NAMES.get(order.order_type)
    if name is None:
        not_offered(f"{order.order_type} orders are not sent to Bybit")
    return name


def _resting(order: NewOrder) -> dict[str, object]:
    force = words.TIME_IN_FORCE_NAMES.get(order.time_in_force)
    if force is None or order.price is None:
        not_offered(f"{order.order_type} orders {order.time_in_force} are not sent to Bybit")
    return {"price": _plain(order.price), "timeInForce": force}


def _waiting(order: NewOrder) -> dict[str, object]:
    if order.stop_price is None:
        not_offered(f"{order.order_type} orders need a trigger price")
    return {
        "triggerPrice": _plain(order.stop_price),
        "triggerDirection": words.RISES if rises(order) else words.FALLS,
    }


def _of_spot(order: NewOrder) -> dict[str, object]:
    """Say what only spot needs: a market order counts in the quote currency if it is not told."""
    if order.reduce_only:
        not_offered("orders of a spot market cannot be reduce-only")
    written: dict[str, object] = {}
    if order.order_type in words.CONDITIONAL:
        written["orderFilter"] = words.STOP_ORDER
    if words.ORDER_TYPE_NAMES[order.order_type] == "Market":
        written["marketUnit"] = "baseCoin" if order.quote_quantity is None else "quoteCoin"
    return written


def _of_contracts(order: NewOrder) -> dict[str, object]:
    if order.quote_quantity is not None:
        not_offered("orders of contracts name a quantity")
    written = {
        "positionIdx": words.POSITION_INDEXES[order.position_side],
        "reduceOnly": order.reduce_only,
    }
    return written | ({"triggerBy": "LastPrice"} if order.order_type in words.CONDITIONAL else {})


def _plain(value: Decimal) -> str:
    return format(value, "f")
