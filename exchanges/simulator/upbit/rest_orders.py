"""
Orders: placed, cancelled, asked for one by one, by their ids, open, or ended.

Sources: "Create Order", "Cancel Order", "Get Order", "List Orders", "List Open Orders", "List
Closed Orders".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.simulator.call import Call, Endpoint, Handler
from exchanges.simulator.upbit import progress, rows
from exchanges.simulator.upbit.asked import moment, several, whole
from exchanges.simulator.upbit.dialect import UpbitDialect
from exchanges.simulator.upbit.errors import bad_parameter, no_such_order, refusal
from exchanges.simulator.upbit.progress import Seen
from exchanges.simulator.upbit.terms import check_funds, read_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exchanges.simulator.orders import Order
    from exchanges.simulator.rest_dialect import Route
    from exchanges.simulator.upbit.ids import Ids

WINDOW_MS: Final = 7 * 86_400_000
MOST_OPEN: Final = 100
MOST_CLOSED: Final = 1000
MOST_NAMED: Final = 100
ENDED: Final = ("done", "cancel")
WAITING: Final = ("wait",)
ORDER_POOL: Final = "order"
DEFAULT_POOL: Final = "default"


def endpoints() -> tuple[Endpoint, ...]:
    """Everything about orders."""
    return (
        signed("order", "GET", one),
        signed("orders/uuids", "GET", named),
        signed("orders/open", "GET", opened),
        signed("orders/closed", "GET", closed),
        signed("orders", "GET", any_state),
        signed("orders", "POST", place, pool=ORDER_POOL, submits=submitted),
        signed("order", "DELETE", cancel),
        signed("orders/open", "DELETE", cancel_all),
    )


def signed(
    name: str,
    method: str,
    handler: Handler,
    pool: str = DEFAULT_POOL,
    submits: Callable[[Route], Iterable[str]] | None = None,
) -> Endpoint:
    """An end point of an account; one that places orders says which a request names."""
    return Endpoint(
        name=name,
        method=method,
        handler=handler,
        root="",
        weight=0,
        pools=(pool,),
        submits=submits,
    )


def submitted(route: Route) -> tuple[str, ...]:
    """The name of the order of a request, "" if it has none."""
    return (route.params.get("identifier", ""),)


def place(call: Call) -> rows.Row:
    """POST orders: answered as it was accepted, before anything traded."""
    terms = read_terms(call)
    check_funds(call, terms)
    order = call.exchange.engine.place(call.account, terms)
    accepted = Seen(order=order, fills=(), is_open=True, config=call.exchange.config)
    return rows.order_row(accepted, ids_of(call))


def cancel(call: Call) -> rows.Row:
    """DELETE order: answered as it was when the cancellation was accepted."""
    order = find(call)
    if not order.is_open:
        raise no_such_order()
    row = rows.order_row(progress.now(order, call.exchange.config), ids_of(call))
    call.exchange.engine.cancel(order)
    return row


def cancel_all(call: Call) -> rows.Row:
    """DELETE orders/open: of some pairs, or of all."""
    pairs = set(filter(None, call.params.get("pairs", "").split(",")))
    chosen = [each for each in call.account.open.values() if not pairs or each.symbol in pairs]
    cancelled = [{"uuid": ids_of(call).of_order(order), "market": order.symbol} for order in chosen]
    for order in chosen:
        call.exchange.engine.cancel(order)
    return {
        "success": {"count": len(cancelled), "orders": cancelled},
        "failed": {"count": 0, "orders": []},
    }


def one(call: Call) -> rows.Row:
    """GET order: with its fills."""
    order = find(call)
    seen = shown(call, order)
    if seen is None or is_too_new(call, order):
        raise no_such_order()
    row = rows.order_row(seen, ids_of(call))
    row["trades"] = [rows.trade_row(fill, ids_of(call)) for fill in reversed(seen.fills)]
    return row


def named(call: Call) -> list[rows.Row]:
    """GET orders/uuids: up to a hundred, by ids or by identifiers."""
    ids, names = several(call, "uuids"), several(call, "identifiers")
    if bool(ids) == bool(names) or len(ids + names) > MOST_NAMED:
        raise bad_parameter(name="uuids")
    found = [by_id(call, each) for each in ids] + [by_name(call, each) for each in names]
    known = [order for order in found if order is not None and not is_too_new(call, order)]
    return listed(call, known, newest_first=call.params.get("order_by", "desc") == "desc")


def any_state(call: Call) -> list[rows.Row]:
    """GET orders: the old list of everything, which older clients still ask for."""
    return paged(call, call.account.orders.values())


def opened(call: Call) -> list[rows.Row]:
    """GET orders/open: in pages."""
    # what ended meanwhile may still be shown
    return paged(
        call, call.account.orders.values() if call.is_stale else call.account.open.values()
    )


def paged(call: Call, orders: Iterable[Order]) -> list[rows.Row]:
    """A page of the orders in some states."""
    page, limit = whole(call.params, "page", 1, 10_000), whole(call.params, "limit", 100, MOST_OPEN)
    states = chosen_states(call, WAITING)
    found = [
        row
        for row in listed(call, of_market(call, orders), newest_first=is_descending(call))
        if row["state"] in states
    ]
    return found[(page - 1) * limit : page * limit]


def closed(call: Call) -> list[rows.Row]:
    """GET orders/closed: of a span of up to seven days in which they were made."""
    start, end = span(call)
    limit, states = whole(call.params, "limit", 100, MOST_CLOSED), chosen_states(call, ENDED)
    orders = [each for each in call.account.closed if start <= each.created <= end]
    found = [
        row
        for row in listed(call, of_market(call, orders), newest_first=is_descending(call))
        if row["state"] in states
    ]
    return found[:limit]


def span(call: Call) -> tuple[int, int]:
    """From when to when: seven days before the end, or after the start."""
    start, end = moment(call.params, "start_time"), moment(call.params, "end_time")
    if start is None:
        end = call.exchange.clock.now() if end is None else end
        return end - WINDOW_MS, end
    if end is None:
        return start, start + WINDOW_MS
    if not start <= end <= start + WINDOW_MS:
        raise bad_parameter(name="end_time")
    return start, end


def chosen_states(call: Call, usual: tuple[str, ...]) -> tuple[str, ...]:
    """`state`, or `states[]`, or the usual ones."""
    state, states = call.params.get("state"), several(call, "states")
    if state and states:
        raise bad_parameter(name="state")
    return tuple(states) or ((state,) if state else usual)


def is_descending(call: Call) -> bool:
    """The newest come first unless it is said."""
    return call.params.get("order_by", "desc") == "desc"


def of_market(call: Call, orders: Iterable[Order]) -> list[Order]:
    """Those of the market that is named, if one is; it may be one that is no more."""
    market = call.params.get("market")
    if market and market not in call.exchange.engine.markets:
        raise refusal(name="market_does_not_exist", status=404)
    return [order for order in orders if not market or order.symbol == market]


def listed(call: Call, orders: Iterable[Order], *, newest_first: bool) -> list[rows.Row]:
    """Rows in the order in which the orders were made."""
    ordered = sorted(orders, key=lambda each: each.created, reverse=newest_first)
    seen = (shown(call, order) for order in ordered)
    return [rows.order_row(each, ids_of(call)) for each in seen if each is not None]


def shown(call: Call, order: Order) -> Seen | None:
    """An order as this end point shows it now."""
    return progress.at(order, call.cutoff, call.exchange.config)


def is_too_new(call: Call, order: Order) -> bool:
    """Whether it was accepted so recently that it is not found yet (a fault)."""
    return call.exchange.clock.now() - order.created < call.faults.not_found_window_ms


def find(call: Call) -> Order:
    """The order with this uuid, else with this identifier; the uuid wins."""
    uuid, name = call.params.get("uuid"), call.params.get("identifier")
    if not uuid and not name:
        raise bad_parameter(name="uuid")
    order = by_id(call, uuid) if uuid else by_name(call, str(name))
    if order is None:
        raise no_such_order()
    return order


def by_id(call: Call, uuid: str) -> Order | None:
    """The account's order with this id."""
    key = ids_of(call).order(uuid)
    return None if key is None else call.account.orders.get(key)


def by_name(call: Call, name: str) -> Order | None:
    """The account's order with this identifier."""
    found = (call.account.by_client_id.get((symbol, name)) for symbol in call.account.rules)
    return next((order for order in found if order is not None), None)


def ids_of(call: Call) -> Ids:
    """The ids of the house."""
    dialect = call.exchange.dialect
    if not isinstance(dialect, UpbitDialect):
        text = "a house of Upbit's speaks Upbit's dialect"
        raise TypeError(text)
    return dialect.ids
