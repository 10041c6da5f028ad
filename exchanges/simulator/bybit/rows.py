"""
Orders and fills in Bybit's field names: the rows of its frames and of its lists.

Source: "Order" and "Execution" streams, "Get Open & Closed Orders", "Get Trade History" (v5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from exchanges.simulator.amounts import ZERO, plain, rounded, trimmed
from exchanges.simulator.bybit import ids, words
from exchanges.simulator.bybit.progress import Progress, average, fill_value, worth

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from exchanges.simulator.orders import Execution, Order, OrderTerms

Row: TypeAlias = dict[str, Any]

#: what nothing here offers: options, block trades, attached take profits, borrowing, groups
NOT_OFFERED: Final[Mapping[str, Any]] = {
    "parentOrderLinkId": "",
    "blockTradeId": "",
    "orderIv": "",
    "placeType": "",
    "takeProfit": "",
    "stopLoss": "",
    "tpLimitPrice": "",
    "slLimitPrice": "",
    "tpTriggerBy": "",
    "slTriggerBy": "",
    "ocoTriggerBy": "OcoTriggerByUnknown",
    "slippageToleranceType": "UNKNOWN",
    "slippageTolerance": "",
    "closeOnTrigger": False,
    "smpType": "None",
    "smpGroup": 0,
    "smpOrderId": "",
    "rpiTakerAccess": False,
    "rpiMatchedQty": "0",
    "extraFees": "",
}
#: what only frames have
FRAMES_ONLY: Final[Mapping[str, Any]] = {
    "brokerOrderPrice": "",
    "feeCurrency": "",
}


def order_id(house: str, order: Order) -> str:
    """The id of an order."""
    return ids.make(house, ids.ORDER, order.symbol, order.order_id)


def trade_id(house: str, fill: Execution) -> str:
    """The id of a fill."""
    return ids.make(house, ids.TRADE, fill.order.symbol, fill.trade_id)


def order_row(house: str, seen: Progress) -> Row:
    """An order as lists show it."""
    order = seen.order
    is_spot = words.CATEGORY[house] == words.SPOT
    cancel_type, reject_reason = words.NO_END if seen.is_open else words.ending(order)
    return {
        "orderId": order_id(house, order),
        "orderLinkId": words.link_id(order),
        **shape(order.terms, order.quantity, order.price, is_spot=is_spot),
        **condition(order),
        **NOT_OFFERED,
        "symbol": order.symbol,
        "reduceOnly": order.reduce_only and not order.terms.is_closing,
        "orderStatus": seen.word(is_spot=is_spot),
        "cancelType": cancel_type,
        "rejectReason": reject_reason,
        **amounts(seen),
        **({} if is_spot else {"createType": words.cause_of(order).create_type}),
        "createdTime": str(order.created),
        "updatedTime": str(seen.updated),
    }


def order_event(house: str, seen: Progress) -> Row:
    """An order as frames show it."""
    return {
        "category": words.CATEGORY[house],
        **order_row(house, seen),
        **FRAMES_ONLY,
        "closedPnl": trimmed(seen.realized),
    }


def shape(terms: OrderTerms, quantity: Decimal, price: Decimal, *, is_spot: bool) -> Row:
    """What was asked for."""
    is_by_value = bool(terms.quote_quantity)
    unit = "quoteCoin" if is_by_value else "baseCoin"
    return {
        "side": words.SIDES[terms.side],
        "orderType": words.type_word(terms.type),
        "price": plain(price),
        "qty": plain(terms.quote_quantity if is_by_value else quantity),
        "timeInForce": "IOC" if terms.type == "MARKET" else words.TIMES[terms.time_in_force],
        "positionIdx": words.POSITIONS[terms.position_side],
        "isLeverage": "0" if is_spot else "",
        "marketUnit": unit if is_spot and terms.type == "MARKET" else "",
        **({} if is_spot else {"tpslMode": ""}),
    }


def condition(order: Order) -> Row:
    """What it waits or waited for."""
    is_conditional = bool(order.terms.trigger_price)
    direction = (1 if order.terms.trigger_rises else 2) if is_conditional else 0
    return {
        "stopOrderType": "Stop" if is_conditional else "",
        "triggerPrice": plain(order.trigger_price) if is_conditional else "",
        "triggerDirection": direction,
        "triggerBy": "LastPrice" if is_conditional else "",
        "lastPriceOnCreated": "",
    }


def amounts(seen: Progress) -> Row:
    """How far it has come; what an ended order leaves is nothing."""
    order, mean = seen.order, average(seen)
    executed = seen.executed
    leaves = max(ZERO, order.quantity - executed) if seen.is_open else ZERO
    fees = seen.fees
    return {
        "avgPrice": trimmed(mean) if mean else "",
        "leavesQty": plain(leaves),
        "leavesValue": trimmed(rounded(leaves_value(seen, leaves))),
        "cumExecQty": plain(executed),
        "cumExecValue": trimmed(rounded(seen.value)),
        "cumExecFee": next(iter(fees.values())) if len(fees) == 1 else "0",
        "cumFeeDetail": fees if order.rules.contract_size is None else None,
    }


def leaves_value(seen: Progress, leaves: Decimal) -> Decimal:
    """What is left to be worth; of an order by value, the money that was not spent."""
    order = seen.order
    if order.terms.quote_quantity:
        return order.terms.quote_quantity - seen.value
    return worth(leaves, order.price, order.rules.contract_size)


def execution_row(house: str, fill: Execution, rate: Decimal) -> Row:
    """A fill as lists show it; `rate` is what its commission was reckoned at."""
    order, cause = fill.order, words.cause_of(fill.order)
    is_spot = words.CATEGORY[house] == words.SPOT
    by_value = order.terms.quote_quantity
    return {
        "symbol": order.symbol,
        "orderId": order_id(house, order),
        "orderLinkId": words.link_id(order),
        "side": words.SIDES[order.terms.side],
        "orderType": words.type_word(order.terms.type),
        "stopOrderType": "Stop" if order.terms.trigger_price else "UNKNOWN",
        "orderPrice": plain(order.price),
        "orderQty": plain(by_value or order.quantity),
        "leavesQty": plain(left_after(fill)),
        "execId": trade_id(house, fill),
        "execType": cause.exec_type,
        "execPrice": plain(fill.price),
        "execQty": plain(fill.quantity),
        "execValue": trimmed(rounded(fill_value(fill))),
        "execFee": plain(fill.commission),
        "feeRate": trimmed(rate),
        "feeCurrency": fill.commission_asset,
        "execTime": str(fill.time),
        "isMaker": fill.is_maker,
        "markPrice": plain(fill.price),
        "closedSize": "" if fill.realized_pnl else "0",
        "seq": sequence(fill.time, fill.trade_id),
        **EXECUTION_NOT_OFFERED,
        **({} if is_spot else {"createType": cause.create_type}),
    }


EXECUTION_NOT_OFFERED: Final[Mapping[str, str]] = {
    "tradeIv": "",
    "markIv": "",
    "indexPrice": "",
    "underlyingPrice": "",
    "blockTradeId": "",
    "extraFees": "",
}


def execution_event(house: str, fill: Execution, rate: Decimal) -> Row:
    """A fill as frames show it."""
    return {
        "category": words.CATEGORY[house],
        **execution_row(house, fill, rate),
        "isLeverage": "0",
        "marketUnit": "",
        "execPnl": trimmed(fill.realized_pnl),
    }


def fast_event(house: str, fill: Execution) -> Row:
    """A fill as `execution.fast` shows it: no fee, and a maker's order without its name."""
    order = fill.order
    return {
        "category": words.CATEGORY[house],
        "symbol": order.symbol,
        "orderId": order_id(house, order),
        "isMaker": fill.is_maker,
        "orderLinkId": "" if fill.is_maker else words.link_id(order),
        "execId": trade_id(house, fill),
        "execPrice": plain(fill.price),
        "execQty": plain(fill.quantity),
        "side": words.SIDES[order.terms.side],
        "execTime": str(fill.time),
        "seq": sequence(fill.time, fill.trade_id),
    }


def left_after(fill: Execution) -> Decimal:
    """What remained of the order after this fill."""
    left = fill.order.quantity
    for each in fill.order.executions:
        left -= each.quantity
        if each is fill:
            break
    return max(ZERO, left)


def sequence(at: int, number: int) -> int:
    """The cross sequence: grows with time and trades."""
    return at * 100 + number % 100
