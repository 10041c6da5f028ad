"""Conditional orders over REST: they live in their own service since 2025-12."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.simulator import checks
from exchanges.simulator.algo import BECOMES, is_reached
from exchanges.simulator.amounts import ZERO, plain
from exchanges.simulator.call import Call, Endpoint, Json
from exchanges.simulator.errors import ApiError, missing, no_such_order, unknown_order_sent
from exchanges.simulator.frames import average
from exchanges.simulator.rest_orders import row_limit, window

if TYPE_CHECKING:
    from exchanges.simulator.algo import AlgoOrder
    from exchanges.simulator.rest_dialect import Route

TYPES: Final = tuple(BECOMES)


def place(call: Call) -> Json:
    """POST algoOrder: STOP, STOP_MARKET, TAKE_PROFIT, TAKE_PROFIT_MARKET."""
    if checks.required(call.params, "algoType") != "CONDITIONAL":
        raise ApiError(-1116, "Invalid algoType.")
    order_type = checks.one_of(call.params, "type", TYPES, -1116)
    child_type = BECOMES[order_type][0]
    market = checks.market_of(call.exchange, call.params)
    trigger = checks.read_price(
        market.rules, {"price": checks.required(call.params, "triggerPrice")}
    )
    params = {**call.params, "type": child_type}
    if child_type == "MARKET":
        params = {name: each for name, each in params.items() if name != "timeInForce"}
    else:
        params.setdefault("timeInForce", "GTC")
    if call.params.get("clientAlgoId"):
        params["newClientOrderId"] = call.params["clientAlgoId"]
    terms = checks.read_terms(call.exchange, call.account, params)
    check_place(call, terms.client_id)
    if is_reached(order_type, terms.side, trigger, market.price):
        raise ApiError(-2021, "Order would immediately trigger.")
    return row(call.exchange.algo.place(call.account, order_type, terms, trigger))


def check_place(call: Call, client_id: str) -> None:
    """Whether there is room for one more (-4045), and no other of this name (-4116)."""
    waiting = [algo for algo in call.exchange.algo.of(call.account) if algo.is_waiting]
    if any(algo.terms.client_id == client_id for algo in waiting):
        raise ApiError(-4116, "ClientOrderId is duplicated.")
    if checks.is_full(call.exchange, len(waiting)):
        raise ApiError(-4045, "Reach max stop order limit.")


def named(route: Route) -> tuple[str, ...]:
    """The client order id of a request, "" if it has none."""
    return (route.params.get("clientAlgoId", ""),)


def find(call: Call) -> AlgoOrder | None:
    """The order named by algoId or clientAlgoId, the newest first."""
    number, client_id = call.whole("algoId"), call.params.get("clientAlgoId")
    if number is None and not client_id:
        msg = "algoId"
        raise missing(msg)
    for algo in reversed(call.exchange.algo.of(call.account)):
        if algo.algo_id == number or (number is None and algo.terms.client_id == client_id):
            return algo
    return None


def cancel(call: Call) -> Json:
    """DELETE algoOrder."""
    algo = find(call)
    if algo is None or not algo.is_waiting:
        raise unknown_order_sent()
    call.exchange.algo.cancel(algo)
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.terms.client_id,
        "code": "200",
        "msg": "success",
    }


def query(call: Call) -> Json:
    """GET algoOrder."""
    algo = find(call)
    if algo is None:
        raise no_such_order()
    return row(algo)


def list_open(call: Call) -> list[Json]:
    """GET openAlgoOrders."""
    symbol = call.params.get("symbol") or None
    return [
        row(algo)
        for algo in call.exchange.algo.of(call.account)
        if algo.is_waiting and symbol in {None, algo.terms.symbol}
    ]


def list_all(call: Call) -> list[Json]:
    """GET allAlgoOrders, within a window of seven days."""
    symbol = checks.market_of(call.exchange, call.params).rules.symbol
    start, end = window(call)
    rows = [
        row(algo)
        for algo in call.exchange.algo.of(call.account)
        if algo.terms.symbol == symbol and start <= algo.created <= end
    ]
    return rows[-row_limit(call) :]


def row(algo: AlgoOrder) -> Json:
    """A conditional order as REST shows it."""
    terms, child = algo.terms, algo.child
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": terms.client_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.order_type,
        "symbol": terms.symbol,
        "side": terms.side,
        "positionSide": terms.position_side,
        "timeInForce": terms.time_in_force,
        "quantity": plain(terms.quantity),
        "algoStatus": algo.status,
        "actualOrderId": str(child.order_id) if child else "",
        "actualPrice": average(child) if child else "0",
        "actualQty": plain(child.executed if child else ZERO),
        "actualType": terms.type if child else "",
        "triggerPrice": plain(algo.trigger_price),
        "price": plain(terms.price),
        "icebergQuantity": None,
        "tpOrderType": "",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "closePosition": False,
        "priceProtect": False,
        "reduceOnly": terms.reduce_only,
        "createTime": algo.created,
        "updateTime": algo.updated,
        "triggerTime": algo.triggered,
        "goodTillDate": 0,
    }


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    return [
        Endpoint(
            name="algoOrder",
            method="POST",
            handler=place,
            weight=0,
            counts_as_order=True,
            submits=named,
        ),
        Endpoint(name="algoOrder", method="DELETE", handler=cancel),
        Endpoint(name="algoOrder", method="GET", handler=query),
        Endpoint(name="openAlgoOrders", method="GET", handler=list_open, weight_without_symbol=40),
        Endpoint(name="allAlgoOrders", method="GET", handler=list_all, weight=5),
    ]
