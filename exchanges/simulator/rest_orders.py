"""Orders over REST: place, amend, cancel, ask, list; and what history forgets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from exchanges.simulator import answers, checks
from exchanges.simulator.call import Call, Endpoint, Json
from exchanges.simulator.errors import (
    ApiError,
    missing,
    no_such_order,
    unknown_order_sent,
)
from exchanges.simulator.orders import OPEN_STATUSES

if TYPE_CHECKING:
    from exchanges.simulator.orders import Order
    from exchanges.simulator.rest_dialect import Route

DEFAULT_LIMIT: Final = 500
MOST_ROWS: Final = 1000


def place(call: Call) -> Json:
    """POST order."""
    terms = checks.read_terms(call.exchange, call.account, call.params)
    checks.check_placement(call.exchange, call.account, terms)
    order = call.exchange.engine.place(call.account, terms)
    is_full = call.params.get("newOrderRespType", "ACK") == "RESULT"
    return answers.placed(order, acknowledged_only=not is_full)


def amend(call: Call) -> Json:
    """PUT order: both price and quantity, LIMIT only."""
    order = open_order(call)
    if order is None:
        raise no_such_order()
    quantity = checks.read_quantity(order.rules, call.params)
    price = checks.read_price(order.rules, call.params)
    checks.check_amendment(
        call.exchange, order, replace(order.terms, quantity=quantity, price=price)
    )
    call.exchange.engine.amend(order, quantity, price)
    return answers.placed(order)


def cancel(call: Call) -> Json:
    """DELETE order: what is not open is unknown (-2011)."""
    order = open_order(call)
    if order is None:
        raise unknown_order_sent()
    call.exchange.engine.cancel(order)
    return answers.placed(order)


def cancel_all(call: Call) -> Json:
    """DELETE allOpenOrders."""
    symbol = checks.market_of(call.exchange, call.params).rules.symbol
    for order in [each for each in call.account.open.values() if each.symbol == symbol]:
        call.exchange.engine.cancel(order)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def find(call: Call) -> Order | None:
    """The order named by orderId or origClientOrderId."""
    symbol = checks.market_of(call.exchange, call.params).rules.symbol
    number, client_id = call.whole("orderId"), call.params.get("origClientOrderId")
    if number is None and not client_id:
        msg = "orderId"
        raise missing(msg)
    if number is not None:
        return call.account.orders.get((symbol, number))
    return call.account.by_client_id.get((symbol, str(client_id)))


def open_order(call: Call) -> Order | None:
    """The named order, if it is open."""
    order = find(call)
    return order if order and order.is_open else None


def is_remembered(call: Call, order: Order) -> bool:
    """Whether queries still find an order: unfilled ones are forgotten after three days."""
    config, now = call.exchange.config, call.exchange.clock.now()
    if order.created < now - config.history_retention_ms:
        return False
    has_ended_empty = not order.is_open and not order.executed
    return not (has_ended_empty and order.updated < now - config.unfilled_retention_ms)


def is_hidden(call: Call, order: Order) -> bool:
    """Whether an order is too young to be found."""
    window = call.faults.not_found_window_ms
    return bool(window) and order.created > call.exchange.clock.now() - window


def visible(call: Call, order: Order | None) -> answers.Progress | None:
    """What this end point shows of an order, if anything."""
    if order is None or not is_remembered(call, order) or is_hidden(call, order):
        return None
    return answers.progress_at(order, call.cutoff) if call.is_stale else answers.progress(order)


def query(call: Call) -> Json:
    """GET order."""
    order = find(call)
    seen = visible(call, order)
    if order is None or seen is None:
        raise no_such_order()
    return answers.queried(order, seen)


def query_open(call: Call) -> Json:
    """GET openOrder: an order that has ended does not exist here."""
    order = find(call)
    seen = visible(call, order)
    if order is None or seen is None or not (order.is_open or seen.status in OPEN_STATUSES):
        raise no_such_order()
    return answers.queried(order, seen)


def list_open(call: Call) -> list[Json]:
    """GET openOrders, of one symbol or of all."""
    symbol = checks.market_of(call.exchange, call.params).rules.symbol if has_symbol(call) else None
    rows = []
    for order in candidates(call):
        if symbol in {None, order.symbol}:
            seen = visible(call, order)
            if seen and seen.status in OPEN_STATUSES:
                rows.append(answers.listed(order, seen))
    return rows


def candidates(call: Call) -> list[Order]:
    """What may be open in the eyes of this end point."""
    found = list(call.account.open.values())
    if call.is_stale:
        for order in reversed(call.account.closed):
            if order.updated <= call.cutoff:
                break
            found.append(order)
    return found


def has_symbol(call: Call) -> bool:
    """Whether the request names a symbol."""
    return bool(call.params.get("symbol"))


def list_all(call: Call) -> list[Json]:
    """GET allOrders: from an id on, or within a window of at most seven days."""
    symbol = checks.market_of(call.exchange, call.params).rules.symbol
    orders = call.account.by_symbol.get(symbol, [])
    first = call.whole("orderId")
    if first is not None:
        chosen = [order for order in orders if order.order_id >= first]
    else:
        start, end = window(call)
        chosen = [order for order in orders if start <= order.created <= end]
    rows = [(order, visible(call, order)) for order in chosen]
    shown = [answers.listed(order, seen) for order, seen in rows if seen]
    limit = row_limit(call)
    is_from_start = first is not None or call.whole("startTime") is not None
    return shown[:limit] if is_from_start else shown[-limit:]


def window(call: Call) -> tuple[int, int]:
    """StartTime and endTime, at most seven days apart; the last seven days if not sent."""
    span, now = call.exchange.config.query_window_ms, call.exchange.clock.now()
    start, end = call.whole("startTime"), call.whole("endTime")
    if start is not None and end is not None and end - start > span:
        raise ApiError(-4166, "Search window is restricted to recent 7 days only.")
    if start is None:
        end = now if end is None else end
        return end - span, end
    return start, min(start + span, now) if end is None else end


def row_limit(call: Call) -> int:
    """How many rows at most."""
    limit = call.whole("limit") or DEFAULT_LIMIT
    return min(limit, MOST_ROWS)


def named(route: Route) -> tuple[str, ...]:
    """The client order id of a request, "" if it has none."""
    return (route.params.get("newClientOrderId", ""),)


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    return [
        Endpoint(
            name="order",
            method="POST",
            handler=place,
            weight=0,
            counts_as_order=True,
            submits=named,
        ),
        Endpoint(name="order", method="PUT", handler=amend, weight=0, counts_as_order=True),
        Endpoint(name="order", method="DELETE", handler=cancel),
        Endpoint(name="order", method="GET", handler=query),
        Endpoint(name="openOrder", method="GET", handler=query_open),
        Endpoint(name="openOrders", method="GET", handler=list_open, weight_without_symbol=40),
        Endpoint(name="allOrders", method="GET", handler=list_all, weight=5),
        Endpoint(name="allOpenOrders", method="DELETE", handler=cancel_all),
    ]
