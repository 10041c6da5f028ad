"""What spot's REST and WebSocket API answer about orders and trades, in Binance's field names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exchanges.simulator import answers
from exchanges.simulator import orders as states
from exchanges.simulator.binance_spot.frames import expiry_reason
from exchanges.simulator.binance_spot.remarks import (
    NO_LIST,
    places,
    shown_time_in_force,
    shown_type,
)

if TYPE_CHECKING:
    from exchanges.simulator.answers import Progress
    from exchanges.simulator.binance_spot.remarks import Remarks
    from exchanges.simulator.orders import Execution, Order


def _terms(order: Order, seen: Progress) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": order.terms.client_id,
        "price": f"{order.price:.8f}",
        "origQty": f"{order.quantity:.8f}",
        "executedQty": f"{seen.executed:.8f}",
        "origQuoteOrderQty": f"{order.terms.quote_quantity:.8f}",
        "cummulativeQuoteQty": f"{seen.worth:.{places(order)}f}",
        "status": seen.status,
        "timeInForce": shown_time_in_force(order),
        "type": shown_type(order),
        "side": order.terms.side,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def queried(order: Order, seen: Progress, remarks: Remarks) -> dict[str, Any]:
    """An order as query and list end points show it."""
    found = {
        **_terms(order, seen),
        "stopPrice": f"{order.trigger_price:.8f}",
        "icebergQty": "0.00000000",
        "time": order.created,
        "updateTime": seen.updated,
        "isWorking": not order.is_waiting,
        "workingTime": remarks.working_time(order),
    }
    if seen.status == states.EXPIRED:
        found["expiryReason"] = expiry_reason(order)
    if seen.status == states.EXPIRED_IN_MATCH:
        found |= {"preventedMatchId": order.order_id, "preventedQuantity": f"{order.remaining:.8f}"}
    return found


def acknowledged(order: Order) -> dict[str, Any]:
    """The shortest answer to a new order."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": order.terms.client_id,
        "transactTime": order.created,
    }


def placed(order: Order, remarks: Remarks, *, with_fills: bool) -> dict[str, Any]:
    """The answer to a new order: where it stands now, and perhaps its fills."""
    found = {
        **_terms(order, answers.progress(order)),
        "transactTime": order.updated,
        "workingTime": remarks.working_time(order),
    }
    if order.trigger_price:
        found["stopPrice"] = f"{order.trigger_price:.8f}"
    if with_fills:
        found["fills"] = [fill_row(fill) for fill in order.executions]
    return found


def amended(order: Order, remarks: Remarks) -> dict[str, Any]:
    """The order in the answer to an amendment, where its amounts have names of their own."""
    seen = answers.progress(order)
    found = _terms(order, seen)
    for name in ("origQty", "origQuoteOrderQty", "cummulativeQuoteQty"):
        del found[name]
    return found | {
        "origClientOrderId": remarks.of(order).former_id,
        "qty": f"{order.quantity:.8f}",
        "preventedQty": "0.00000000",
        "quoteOrderQty": f"{order.terms.quote_quantity:.8f}",
        "cumulativeQuoteQty": f"{seen.worth:.{places(order)}f}",
        "workingTime": remarks.working_time(order),
    }


def fill_row(fill: Execution) -> dict[str, Any]:
    """One fill in the answer to a new order."""
    return {
        "price": f"{fill.price:.8f}",
        "qty": f"{fill.quantity:.8f}",
        "commission": f"{fill.commission:.8f}",
        "commissionAsset": fill.commission_asset,
        "tradeId": fill.trade_id,
    }


def cancelled(order: Order, cancel_id: str) -> dict[str, Any]:
    """The answer to a cancel: its own client id, and the order's as `origClientOrderId`."""
    return {
        **_terms(order, answers.progress(order)),
        "origClientOrderId": order.terms.client_id,
        "clientOrderId": cancel_id,
        "transactTime": order.updated,
    }


def trade(fill: Execution) -> bytes:
    """A row of myTrades, encoded and kept in `fill.encoded`."""
    order, digits = fill.order, places(fill.order)
    buyer = "true" if order.sign > 0 else "false"
    maker = "true" if fill.is_maker else "false"
    fill.encoded = (
        f'{{"symbol":"{order.symbol}","id":{fill.trade_id},"orderId":{order.order_id},'
        f'"orderListId":{NO_LIST},"price":"{fill.price:.8f}","qty":"{fill.quantity:.8f}",'
        f'"quoteQty":"{fill.price * fill.quantity:.{digits}f}",'
        f'"commission":"{fill.commission:.8f}","commissionAsset":"{fill.commission_asset}",'
        f'"time":{fill.time},"isBuyer":{buyer},"isMaker":{maker},"isBestMatch":true}}'
    ).encode()
    return fill.encoded
