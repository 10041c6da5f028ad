"""
Orders over REST: create, amend, cancel, and the two lists.

Placing and cancelling answer ids only; what became of it is told by the socket or a query.
`realtime` knows what is open and the last closed ones, `history` what is closed: without fills for
a day, with fills for two years. What is not found is an empty list. Source: "Get Open & Closed
Orders", "Get Order History", "Cancel Order", "Cancel All Orders" of v5.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from exchanges.simulator.bybit import errors, ids, paging, rows, terms, words
from exchanges.simulator.bybit.config import config_of
from exchanges.simulator.bybit.endpoints import AMENDS, ORDERS, private
from exchanges.simulator.bybit.progress import Progress, progress, progress_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exchanges.simulator.call import Call, Endpoint, Json
    from exchanges.simulator.orders import Order
    from exchanges.simulator.rest_dialect import Route

USUAL: Final = 20
MOST: Final = 50
FILTERS: Final = frozenset({
    "", "Order", "StopOrder", "tpslOrder", "OcoOrder", "BidirectionalTpslOrder",
})  # fmt: skip
#: of which linear must name one
SCOPES: Final = ("symbol", "baseCoin", "settleCoin")


def create(call: Call) -> Json:
    """POST order/create."""
    order = call.exchange.engine.place(call.account, terms.read(call))
    return named(call, order)


def named(call: Call, order: Order) -> Json:
    """The ids of an order, which is all that is answered."""
    return {
        "orderId": rows.order_id(call.exchange.market_type, order),
        "orderLinkId": words.link_id(order),
    }


def cancel(call: Call) -> Json:
    """POST order/cancel: what is not open does not exist (110001, 170213)."""
    order = open_order(call)
    call.exchange.engine.cancel(order)
    return named(call, order)


def cancel_all(call: Call) -> Json:
    """POST order/cancel-all."""
    check_scope(call)
    chosen = [
        order
        for order in call.account.open.values()
        if is_in_scope(call, order) and passes_filter(call, order)
    ]
    for order in chosen:
        call.exchange.engine.cancel(order)
    return {"list": [named(call, order) for order in chosen], "success": "1"}


def amend(call: Call) -> Json:
    """POST order/amend: quantity, price or trigger price; the rest stays."""
    order, params = open_order(call), call.params
    quantity = terms.read_quantity(call, order.rules) if params.get("qty") else order.quantity
    price = terms.read_price(call, order.rules, "price") if params.get("price") else order.price
    trigger = order.trigger_price
    if params.get("triggerPrice") and order.is_waiting:
        trigger = terms.read_price(call, order.rules, "triggerPrice")
    if (quantity, price, trigger) == (order.quantity, order.price, order.trigger_price):
        text = "The order remains unchanged as the parameters entered match the existing ones."
        raise errors.refusal(10001, text)
    if quantity <= order.executed:
        raise errors.of_category(errors.FILLED_MORE, terms.category_of(call))
    if not call.exchange.engine.custody.affords_change(order, quantity, price):
        raise errors.of_category(errors.NO_BALANCE, terms.category_of(call))
    call.exchange.engine.amend(order, quantity, price, trigger)
    return named(call, order)


def open_order(call: Call) -> Order:
    """The named order, which must be open."""
    market = terms.market_of(call)
    if not call.params.get("orderId") and not call.params.get("orderLinkId"):
        text = "orderId and orderLinkId are both empty"
        raise errors.bad_parameter(text)
    order = by_name(call)
    is_there = order and order.is_open and words.is_order(order)
    if order is None or not is_there or order.symbol != market.rules.symbol:
        raise errors.of_category(errors.NO_ORDER, terms.category_of(call))
    return order


def by_name(call: Call) -> Order | None:
    """The order with the orderId or, if none is sent, the orderLinkId of the request."""
    order_id = call.params.get("orderId", "")
    if not order_id:
        return terms.by_link_id(call.account, call.params.get("orderLinkId", ""))
    for symbol in call.exchange.engine.markets:
        number = ids.read(call.exchange.market_type, ids.ORDER, symbol, order_id)
        if number is not None:
            return call.account.orders.get((symbol, number))
    return None


def is_named(call: Call) -> bool:
    """Whether the request is about one order."""
    return bool(call.params.get("orderId") or call.params.get("orderLinkId"))


def realtime(call: Call) -> Json:
    """GET order/realtime, newest first."""
    check_scope(call)
    check_filter(call)
    if is_named(call):
        found = [by_name(call)]
        seen = list(visible(call, (order for order in found if order and is_kept(call, order))))
    else:
        wants_open = call.params.get("openOnly", "0") != "1"
        kept = [*call.account.open.values(), *recent(call)]
        seen = [each for each in visible(call, chosen(call, kept)) if each.is_open == wants_open]
    return listed(call, seen)


def recent(call: Call) -> Iterator[Order]:
    """The orders that ended last, as many as are kept."""
    return islice(reversed(call.account.closed), config_of(call.exchange).recent_closed)


def is_kept(call: Call, order: Order) -> bool:
    """Whether `realtime` still knows an order."""
    return order.is_open or any(each is order for each in recent(call))


def history(call: Call) -> Json:
    """GET order/history, newest first."""
    check_filter(call)
    if is_named(call):
        order = by_name(call)
        found = [order] if order else []
    else:
        start, end = paging.window(call)
        closed = chosen(call, call.account.closed)
        found = [order for order in closed if start <= order.created <= end]
    status = call.params.get("orderStatus", "")
    is_spot = terms.category_of(call) == words.SPOT
    seen = [
        each
        for each in visible(call, found)
        if not each.is_open
        and is_remembered(call, each)
        and status in {"", each.word(is_spot=is_spot)}
    ]
    return listed(call, seen)


def is_remembered(call: Call, seen: Progress) -> bool:
    """Whether history still tells of an order: of one without fills, only for a day."""
    config, now = call.exchange.config, call.exchange.clock.now()
    kept = config.history_retention_ms if seen.fills else config.unfilled_retention_ms
    return seen.updated >= now - kept


def visible(call: Call, found: Iterable[Order]) -> Iterator[Progress]:
    """What this end point shows of these orders: not the youngest, and perhaps the past."""
    youngest = call.exchange.clock.now() - call.faults.not_found_window_ms
    for order in found:
        if words.is_order(order) and order.created <= youngest:
            seen = progress_at(order, call.cutoff) if call.is_stale else progress(order)
            if seen:
                yield seen


def chosen(call: Call, found: Iterable[Order]) -> Iterator[Order]:
    """Those of the asked symbol or coin, and kind."""
    return (order for order in found if is_in_scope(call, order) and passes_filter(call, order))


def check_scope(call: Call) -> None:
    """Linear must be told which symbol or coin is meant."""
    is_linear = terms.category_of(call) == words.LINEAR
    if is_linear and not any(call.params.get(name) for name in SCOPES):
        text = "Missing some parameters that must be filled in, symbol or settleCoin or baseCoin"
        raise errors.refusal(10001, text)


def is_in_scope(call: Call, order: Order) -> bool:
    """Whether an order is of the asked symbol or, if none is sent, coin."""
    return in_scope(call, order.symbol)


def in_scope(call: Call, symbol: str) -> bool:
    """Whether a symbol is asked for: symbol before baseCoin before settleCoin."""
    rules, params = call.exchange.engine.markets[symbol].rules, call.params
    if params.get("symbol"):
        return symbol == params["symbol"]
    if params.get("baseCoin"):
        return rules.base == params["baseCoin"]
    return params.get("settleCoin", "") in {"", rules.settlement}


def check_filter(call: Call) -> None:
    """The kind of order must be one that Bybit knows."""
    if call.params.get("orderFilter", "") not in FILTERS:
        text = "orderFilter invalid"
        raise errors.bad_parameter(text)


def passes_filter(call: Call, order: Order) -> bool:
    """Whether an order is of the asked kind; there are no orders of take profit here."""
    wanted = call.params.get("orderFilter", "")
    kind = "StopOrder" if order.terms.trigger_price else "Order"
    return wanted in {"", kind}


def listed(call: Call, seen: list[Progress]) -> Json:
    """A page of orders, newest first."""
    house = call.exchange.market_type
    newest = sorted(seen, key=lambda each: (each.order.created, each.order.order_id), reverse=True)
    shown, cursor = paging.page(
        call,
        newest,
        name=lambda each: f"{each.order.symbol}.{each.order.order_id}",
        usual=USUAL,
        most=MOST,
    )
    told = [rows.order_row(house, each) for each in shown]
    return paging.answer(terms.category_of(call), told, cursor)


def submitted(route: Route) -> tuple[str, ...]:
    """The name of the order of a request, "" if it has none."""
    return (route.params.get("orderLinkId", ""),)


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    return [
        private("order/create", "POST", create, ORDERS, submits=submitted),
        private("order/amend", "POST", amend, AMENDS),
        private("order/cancel", "POST", cancel, ORDERS),
        private("order/cancel-all", "POST", cancel_all, ORDERS),
        private("order/realtime", "GET", realtime),
        private("order/history", "GET", history),
    ]
