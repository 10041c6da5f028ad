"""
What REST answers about orders and trades, in the field names of Binance's futures.

USD-M counts what was filled in the quote asset (`cumQuote`, `quoteQty`), COIN-M in the coin
(`cumBase`, `baseQty`); lists carry both, and the one that makes no sense is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exchanges.simulator import orders as states
from exchanges.simulator.amounts import ZERO, plain
from exchanges.simulator.contract_custody import coins
from exchanges.simulator.frames import average

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.simulator.config import SymbolRules
    from exchanges.simulator.orders import Execution, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an order had come at some moment."""

    status: str
    executed: Decimal
    #: what was filled, in the quote asset (USD-M) or in the coin (COIN-M)
    worth: Decimal
    updated: int
    average: str


def progress(order: Order) -> Progress:
    """How far an order has come."""
    return Progress(
        status=order.status,
        executed=order.executed,
        worth=order.base if order.rules.contract_size else order.quote,
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
    worth = sum((worth_of(execution) for execution in seen), ZERO)
    return Progress(
        status=states.PARTIALLY_FILLED if seen else states.NEW,
        executed=executed,
        worth=worth,
        updated=seen[-1].time if seen else order.created,
        average=average_of(order.rules, executed, worth),
    )


def worth_of(fill: Execution) -> Decimal:
    """What a fill is worth, in the quote asset or in the coin."""
    rules = fill.order.rules
    if rules.contract_size:
        return coins(rules, fill.price, fill.quantity)
    return fill.price * fill.quantity


def average_of(rules: SymbolRules, executed: Decimal, worth: Decimal) -> str:
    """The average price of what was filled."""
    if not executed:
        return "0"
    price = executed * rules.contract_size / worth if rules.contract_size else worth / executed
    return f"{price:.{rules.price_places + 4}f}"


def pair(rules: SymbolRules) -> str:
    """What the contract is about: all contracts of one coin share it."""
    return f"{rules.base}{rules.quote}"


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
        **filled_worth(order, seen),
        "time": order.created,
        "updateTime": seen.updated,
    }


def filled_worth(order: Order, seen: Progress) -> dict[str, Any]:
    """What was filled is worth, under the name of the market, which names its pair in COIN-M."""
    if order.rules.contract_size:
        return {"cumBase": plain(seen.worth), "pair": pair(order.rules)}
    return {"cumQuote": plain(seen.worth)}


def listed(order: Order, seen: Progress) -> dict[str, Any]:
    """An order as the list end points show it since 2026-08."""
    both = {"cumBase": "0", "cumQuote": "0", "pair": pair(order.rules)}
    return {**both, **queried(order, seen)}


def placed(order: Order, *, acknowledged_only: bool = False) -> dict[str, Any]:
    """The answer to place, cancel and amend: no avgPrice, cumQuote or time since 2026-07."""
    executed = "0" if acknowledged_only else plain(order.executed)
    named = {"pair": pair(order.rules)} if order.rules.contract_size else {}
    return {
        **_terms(order),
        **named,
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
    quote, base = (
        ("0", plain(worth_of(fill))) if rules.contract_size else (plain(worth_of(fill)), "0")
    )
    return (
        f'{{"symbol":"{order.symbol}","pair":"{pair(rules)}","id":{fill.trade_id},'
        f'"orderId":{order.order_id},"side":"{terms.side}","price":"{fill.price:f}",'
        f'"qty":"{fill.quantity:f}","realizedPnl":"{fill.realized_pnl:f}",'
        f'"quoteQty":"{quote}","baseQty":"{base}","marginAsset":"{rules.settlement}",'
        f'"commission":"{sign}{fill.commission:f}","commissionAsset":"{fill.commission_asset}",'
        f'"time":{fill.time},"positionSide":"{terms.position_side}","buyer":{buyer},'
        f'"maker":{maker}}}'
    )
