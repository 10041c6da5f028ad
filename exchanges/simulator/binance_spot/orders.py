"""Orders on spot: place, amend, cancel, ask, list; and what is archived."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from exchanges.simulator import checks, rest_orders
from exchanges.simulator.binance_spot import rows, terms
from exchanges.simulator.binance_spot.house import house_of, spot_endpoint
from exchanges.simulator.errors import ApiError, no_such_order, unknown_order_sent
from exchanges.simulator.orders import NEW, OPEN_STATUSES, PARTIALLY_FILLED

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.simulator.call import Call, Endpoint, Json
    from exchanges.simulator.orders import Order

#: the types whose answer tells everything unless it is said
FULL_BY_DEFAULT: Final = frozenset({"LIMIT", "MARKET"})
RESTRICTIONS: Final = {"ONLY_NEW": NEW, "ONLY_PARTIALLY_FILLED": PARTIALLY_FILLED}


def place(call: Call) -> Json:
    """POST order: the answer is ACK, RESULT or FULL."""
    wanted = call.params.get("newOrderRespType") or (
        "FULL" if call.params.get("type") in FULL_BY_DEFAULT else "ACK"
    )
    if wanted not in {"ACK", "RESULT", "FULL"}:
        raise ApiError(-1130, "Data sent for parameter 'newOrderRespType' is not valid.")
    order = call.exchange.engine.place(
        call.account, terms.read(call.exchange, call.account, call.params)
    )
    if wanted == "ACK":
        return rows.acknowledged(order)
    return rows.placed(order, house_of(call).remarks, with_fills=wanted == "FULL")


def try_out(call: Call) -> Json:
    """POST order/test: checked, not placed."""
    terms.read(call.exchange, call.account, call.params)
    return {}


def cancel(call: Call) -> Json:
    """DELETE order: what is not open is unknown (-2011)."""
    order = found(call)
    if order is None or not order.is_open:
        raise unknown_order_sent()
    restriction = call.params.get("cancelRestrictions")
    if restriction and order.status != RESTRICTIONS.get(restriction):
        raise ApiError(-2011, "Order was not canceled due to cancel restrictions.")
    cancel_id = call.params.get("newClientOrderId") or terms.made_id(call.exchange)
    return ended(call, order, cancel_id)


def ended(call: Call, order: Order, cancel_id: str) -> Json:
    """Cancel an order in the name of a request."""
    house_of(call).remarks.note(order).cancel_id = cancel_id
    call.exchange.engine.cancel(order)
    return rows.cancelled(order, cancel_id)


def cancel_all(call: Call) -> list[Json]:
    """DELETE openOrders of a symbol (-2011 if there are none)."""
    symbol = checks.market_of(call.exchange, call.params).rules.symbol
    chosen = [order for order in call.account.open.values() if order.symbol == symbol]
    if not chosen:
        raise unknown_order_sent()
    return [ended(call, order, terms.made_id(call.exchange)) for order in chosen]


def amend(call: Call) -> Json:
    """PUT order/amend/keepPriority: less of it, and another client id unless its own is sent."""
    order = found(call)
    if order is None or not order.is_open:
        raise no_such_order()
    checks.required(call.params, "newQty")
    quantity = terms.read_quantity(order.rules, {"quantity": call.params["newQty"]})
    if not order.executed < quantity < order.quantity:
        raise ApiError(-2038, "The requested action would change no state; rejecting.")
    note_amendment(call, order, quantity)
    call.exchange.engine.amend(order, quantity, order.price)
    return {
        "transactTime": order.updated,
        "executionId": len(house_of(call).remarks.of(order).amendments),
        "amendedOrder": rows.amended(order, house_of(call).remarks),
    }


def note_amendment(call: Call, order: Order, quantity: Decimal) -> None:
    """Remember the order's former client id, and what changed."""
    former = order.terms.client_id
    if call.params.get("newClientOrderId") != former:
        client_id = terms.read_client_id(call.exchange, call.account, call.params)
        order.terms = replace(order.terms, client_id=client_id)
        call.account.by_client_id[order.symbol, client_id] = order
    note = house_of(call).remarks.note(order)
    note.former_id = former
    note.amendments.append({
        "symbol": order.symbol,
        "orderId": order.order_id,
        "executionId": len(note.amendments) + 1,
        "origClientOrderId": former,
        "newClientOrderId": order.terms.client_id,
        "origQty": f"{order.quantity:.8f}",
        "newQty": f"{quantity:.8f}",
        "time": call.exchange.clock.now(),
    })  # fmt: skip


def amendments(call: Call) -> list[Json]:
    """GET order/amendments."""
    order = found(call)
    if order is None:
        raise no_such_order()
    return list(house_of(call).remarks.of(order).amendments)


def found(call: Call) -> Order | None:
    """The order named by orderId or origClientOrderId; both must mean the same (-2039)."""
    order = rest_orders.find(call)
    client_id = call.params.get("origClientOrderId")
    if order and client_id and order.terms.client_id != client_id:
        raise ApiError(-2039, "Client order ID is not correct for this order ID.")
    return order


def query(call: Call) -> Json:
    """GET order: what ended unfilled is archived after 90 days (-2026)."""
    order = found(call)
    if order and not rest_orders.is_remembered(call, order):
        raise ApiError(
            -2026,
            "Order was canceled or expired with no executed qty over 90 days ago and has been "
            "archived.",
        )
    seen = rest_orders.visible(call, order)
    if order is None or seen is None:
        raise no_such_order()
    return rows.queried(order, seen, house_of(call).remarks)


def list_open(call: Call) -> list[Json]:
    """GET openOrders, of one symbol or of all."""
    named = rest_orders.has_symbol(call)
    symbol = checks.market_of(call.exchange, call.params).rules.symbol if named else None
    pairs = [
        (order, rest_orders.visible(call, order))
        for order in rest_orders.candidates(call)
        if symbol in {None, order.symbol}
    ]
    return [
        rows.queried(order, seen, house_of(call).remarks)
        for order, seen in pairs
        if seen and seen.status in OPEN_STATUSES
    ]


def list_all(call: Call) -> list[Json]:
    """GET allOrders: from an id on, within a window of at most a day, or the newest."""
    symbol = checks.market_of(call.exchange, call.params).rules.symbol
    orders = call.account.by_symbol.get(symbol, [])
    first, span = call.whole("orderId"), window(call)
    if first is not None:
        orders = [order for order in orders if order.order_id >= first]
    if span:
        orders = [order for order in orders if span[0] <= order.created <= span[1]]
    pairs = [(order, rest_orders.visible(call, order)) for order in orders]
    shown = [rows.queried(order, seen, house_of(call).remarks) for order, seen in pairs if seen]
    limit = rest_orders.row_limit(call)
    is_from_start = first is not None or call.whole("startTime") is not None
    return shown[:limit] if is_from_start else shown[-limit:]


def window(call: Call) -> tuple[int, int] | None:
    """The span of time that is asked for, at most a day; None if no time is named."""
    span, now = call.exchange.config.query_window_ms, call.exchange.clock.now()
    start, end = call.whole("startTime"), call.whole("endTime")
    if start is not None and end is not None:
        if end - start > span:
            raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
        return start, end
    if start is not None:
        return start, min(start + span, now)
    return None if end is None else (end - span, end)


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    return [
        spot_endpoint(
            method="POST",
            name="order",
            handler=place,
            refund=1,
            counts_as_order=True,
            submits=rest_orders.named,
        ),
        spot_endpoint(method="POST", name="order/test", handler=try_out),
        spot_endpoint(method="DELETE", name="order", handler=cancel, refund=1),
        spot_endpoint(method="GET", name="order", handler=query, weight=4),
        spot_endpoint(method="PUT", name="order/amend/keepPriority", handler=amend, weight=4),
        spot_endpoint(method="GET", name="order/amendments", handler=amendments, weight=4),
        spot_endpoint(
            method="GET", name="openOrders", handler=list_open, weight=6, weight_without_symbol=80
        ),
        spot_endpoint(method="DELETE", name="openOrders", handler=cancel_all),
        spot_endpoint(method="GET", name="allOrders", handler=list_all, weight=20),
    ]
