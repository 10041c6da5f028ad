"""What REST answers about orders and trades, in Binance's field names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exchanges.simulator import orders as states
from exchanges.simulator.amounts import ZERO, plain
from exchanges.simulator.frames import average

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.simulator.orders import Execution, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an order had come at some moment."""

    status: str
    executed: Decimal
    quote: Decimal
    updated: int
    average: str


def progress(order: Order) -> Progress:
    """How far an order has come."""
    return Progress(
        status=order.status,
        executed=order.executed,
        quote=order.quote,
        updated=order.updated,
        average=average(order),
    )


def progress_at(order: Order, cutoff: int) -> Progress | None:
    """How far an order had come at `cutoff`; None if it was not there yet."""
    if order.updated <= cutoff:
        return progress(order)
    if order.created > cutoff:
        return None
    seen = [execution for execution in order.executions if execution.time <= cutoff]
    executed = sum((execution.quantity for execution in seen), ZERO)
    quote = sum((execution.quantity * execution.price for execution in seen), ZERO)
    places = order.rules.price_places + 4
    return Progress(
        status=states.PARTIALLY_FILLED if seen else states.NEW,
        executed=executed,
        quote=quote,
        updated=seen[-1].time if seen else order.created,
        average=f"{quote / executed:.{places}f}" if executed else "0",
    )


def _terms(order: Order) -> dict[str, Any]:
    terms = order.terms
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "clientOrderId": terms.client_id,
        "price": plain(order.price),
        "origQty": plain(order.quantity),
        "timeInForce": terms.time_in_force,
        "type": terms.type,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": terms.side,
        "positionSide": terms.position_side,
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": terms.type,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
    }


def queried(order: Order, seen: Progress) -> dict[str, Any]:
    """An order as query and list end points show it."""
    return {
        **_terms(order),
        "status": seen.status,
        "avgPrice": seen.average,
        "executedQty": plain(seen.executed),
        "cumQuote": plain(seen.quote),
        "time": order.created,
        "updateTime": seen.updated,
    }


def listed(order: Order, seen: Progress) -> dict[str, Any]:
    """An order as the list end points show it since 2026-08."""
    return {**queried(order, seen), "cumBase": "0", "pair": order.symbol}


def placed(order: Order, *, acknowledged_only: bool = False) -> dict[str, Any]:
    """The answer to place, cancel and amend: no avgPrice, cumQuote or time since 2026-07."""
    executed = "0" if acknowledged_only else plain(order.executed)
    return {
        **_terms(order),
        "status": states.NEW if acknowledged_only else order.status,
        "executedQty": executed,
        "cumQty": executed,
        "updateTime": order.created if acknowledged_only else order.updated,
    }


def trade(fill: Execution, *, negative_commission: bool) -> bytes:
    """A row of userTrades, encoded and kept in `fill.encoded`."""
    fill.encoded = _encode_trade(fill, "-" if negative_commission else "").encode()
    return fill.encoded


def _encode_trade(fill: Execution, sign: str) -> str:
    order = fill.order
    terms, rules = order.terms, order.rules
    buyer = "true" if order.sign > 0 else "false"
    maker = "true" if fill.is_maker else "false"
    return (
        f'{{"symbol":"{order.symbol}","pair":"{order.symbol}","id":{fill.trade_id},'
        f'"orderId":{order.order_id},"side":"{terms.side}","price":"{fill.price:f}",'
        f'"qty":"{fill.quantity:f}","realizedPnl":"{fill.realized_pnl:f}",'
        f'"quoteQty":"{fill.price * fill.quantity:f}","baseQty":"0","marginAsset":"{rules.quote}",'
        f'"commission":"{sign}{fill.commission:f}","commissionAsset":"{fill.commission_asset}",'
        f'"time":{fill.time},"positionSide":"{terms.position_side}","buyer":{buyer},'
        f'"maker":{maker}}}'
    )
