"""
Asking for orders and cancelling them, in ccxt's unified calls.

Policy: an answer is believed only if it is about what was asked; ccxt makes an order full of None
of one that is about nothing. A cancelled order is asked for once more, because few answers tell how
far it was filled.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from exchanges import generic_answers as answers
from exchanges import generic_envelope as envelope
from exchanges.errors import (
    MalformedMessage,
    OrderNotFound,
    OutcomeUnknown,
    PermanentError,
    TransientError,
    UnknownSymbol,
)
from exchanges.generic_errors import MarketRequired
from exchanges.generic_facts import features_of
from exchanges.generic_markets import type_of
from exchanges.generic_names import FINDS_BY_CLIENT_ID
from exchanges.generic_settles import of_all
from exchanges.generic_speaker import described
from exchanges.governor import Priority
from exchanges.messages import (
    IdSpace,
    Source,
)
from exchanges.understanding import about, understood
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from exchanges.generic_calls import GenericCalls
    from exchanges.messages import OrderSnapshot
    from exchanges.questions import OrderRef

#: a list, as ccxt's tables and its classes call it: of the orders that are alive
_ALIVE: Final = ("fetchOpenOrders", "fetch_open_orders")
#: lists of orders that have ended, the most telling first
_ENDED: Final = (
    ("fetchCanceledAndClosedOrders", "fetch_canceled_and_closed_orders"),
    ("fetchOrders", "fetch_orders"),
    ("fetchClosedOrders", "fetch_closed_orders"),
)


def fetch_one(
    api: GenericCalls, ref: OrderRef, *, timeout: float, priority: Priority
) -> OrderSnapshot:
    """Ask for one order, by its id or by ours. Raises OrderNotFound, which proves nothing."""
    symbol = api.source.markets.symbol_of(api.market_type, ref.symbol_id)
    parameters: dict[str, str] = {}
    if ref.exchange_order_id is None:
        if api.exchange.upper() not in FINDS_BY_CLIENT_ID:
            return _look_for(api, ref, timeout=timeout, priority=priority)
        parameters = {"clientOrderId": ref.client_order_id or ""}
    elif not api.can("fetchOrder"):
        return _look_for(api, ref, timeout=timeout, priority=priority)
    said = api.ask(
        lambda ccxt: ccxt.fetch_order(ref.exchange_order_id or "", symbol, parameters),
        priority=priority,
        timeout=timeout,
    )
    return about(
        ref, understood(lambda: snapshot(api, said.value, said.requested_at, ref.symbol_id))
    )


def fetch_open(
    api: GenericCalls, symbol_id: str | None, *, timeout: float, priority: Priority
) -> tuple[OrderSnapshot, ...]:
    """Ask for the orders that are alive, of one market or of all.

    Where an exchange wants a market to be named: of those that were asked for of late.
    """
    api.require("fetchOpenOrders")
    deadline = time.monotonic() + timeout
    with suppress(MarketRequired):
        return _list(api, _ALIVE, symbol_id, timeout=timeout, priority=priority)
    found: list[OrderSnapshot] = []
    for known_id in api.markets_of_late():
        left = max(0.0, deadline - time.monotonic())
        found += _list(api, _ALIVE, known_id, timeout=left, priority=priority)
    return tuple(found)


def fetch_ended(
    api: GenericCalls, symbol_id: str, *, timeout: float, priority: Priority
) -> tuple[OrderSnapshot, ...]:
    """Ask for the orders of a market that have ended of late, as far as one request tells them."""
    method = next((method for method in _ENDED if api.can(method[0])), None)
    if method is None:
        return ()
    return _list(api, method, symbol_id, timeout=timeout, priority=priority)


def cancel(api: GenericCalls, ref: OrderRef, *, timeout: float) -> OrderSnapshot:
    """Cancel an order, and see what became of it."""
    deadline = time.monotonic() + timeout
    symbol = api.source.markets.symbol_of(api.market_type, ref.symbol_id)
    order_id = id_of(api, ref, timeout=timeout)
    api.ask(
        lambda ccxt: ccxt.cancel_order(order_id, symbol),
        priority=Priority.ORDER,
        timeout=max(0.0, deadline - time.monotonic()),
        changes_orders=True,
    )
    try:
        left = max(1.0, deadline - time.monotonic())
        return fetch_one(api, ref, timeout=left, priority=Priority.ORDER)
    except (TransientError, PermanentError) as error:
        msg = f"cancelled, but not seen so: {error}"
        raise OutcomeUnknown(msg) from None


def id_of(api: GenericCalls, ref: OrderRef, *, timeout: float) -> str:
    """Give the exchange's id of an order, asking for it where we do not know it."""
    if ref.exchange_order_id is not None:
        return ref.exchange_order_id
    return fetch_one(api, ref, timeout=timeout, priority=Priority.ORDER).exchange_order_id


def _look_for(
    api: GenericCalls, ref: OrderRef, *, timeout: float, priority: Priority
) -> OrderSnapshot:
    """Look for an order among those that are alive, then among those that ended of late."""
    deadline = time.monotonic() + timeout
    for fetch in (fetch_open, fetch_ended):
        left = max(0.0, deadline - time.monotonic())
        for order in fetch(api, ref.symbol_id, timeout=left, priority=priority):
            if is_about(ref, order):
                return order
    msg = "neither alive nor among those that ended of late"
    raise OrderNotFound(msg)


def is_about(ref: OrderRef, order: OrderSnapshot) -> bool:
    """Tell whether an order is the one that is asked for."""
    if ref.exchange_order_id is not None:
        return ref.exchange_order_id == order.exchange_order_id
    return ref.client_order_id is not None and ref.client_order_id == order.client_order_id


def _list(
    api: GenericCalls,
    method: tuple[str, str],
    symbol_id: str | None,
    *,
    timeout: float,
    priority: Priority,
) -> tuple[OrderSnapshot, ...]:
    markets, kind = api.source.markets, api.market_type
    symbol = None if symbol_id is None else markets.symbol_of(kind, symbol_id)
    ability, name = method
    # left unsaid, it may be a small part of what one page can hold (Bybit: 20 of 50)
    limit = features_of(described(api.exchange), kind, ability).get("limit")
    api.note_market(symbol_id)

    def ask(ccxt: Any) -> tuple[list[dict[str, object]], frozenset[str]]:
        def rows() -> Any:
            return getattr(ccxt, name)(symbol, None, limit)

        return _enclosed(of_all(ccxt, kind, rows) if symbol is None else rows(), api, ccxt)

    said = api.ask(
        ask,
        priority=priority,
        timeout=timeout,
    )
    known, unknown = said.value
    _look_up(api, unknown)
    return understood(
        lambda: tuple(
            _read(enclosed, said.requested_at, Source.REST_ORDER, api) for enclosed in known
        )
    )


def _enclosed(
    rows: Any, api: GenericCalls, ccxt: Any
) -> tuple[list[dict[str, object]], frozenset[str]]:
    """Enclose a list's orders of our market type; also name the markets nobody knows."""
    known, unknown = [], set()
    for row in rows:
        market = ccxt.markets.get(row.get("symbol"))
        if market is None:
            unknown.add(str(row.get("symbol")))
        elif type_of(market) is api.market_type:
            known.append(envelope.of_order(row, market["id"]))
    return known, frozenset(unknown)


def _look_up(api: GenericCalls, symbols: frozenset[str]) -> None:
    """Look for markets that are newer than the table; what is not found is not ours (an option).

    Raises TransientError if one was found: the list is to be read again with the new table.
    """
    for symbol in symbols:
        with suppress(UnknownSymbol):
            api.source.markets.market_of(api.market_type, symbol)
            msg = "a market that was not in the table"
            raise TransientError(msg)


def _read(
    enclosed: object, requested_at: datetime, source: Source, api: GenericCalls
) -> OrderSnapshot:
    return answers.read_order(
        enclosed,
        market_type=api.market_type,
        id_space=IdSpace.ORDER,
        requested_at=requested_at,
        source=source,
    )


def snapshot(
    api: GenericCalls,
    unified: Mapping[str, object],
    requested_at: datetime,
    symbol_id: str,
    source: Source = Source.REST_ORDER,
) -> OrderSnapshot:
    """Read an order as ccxt tells it. Raises MalformedMessage for one about nothing."""
    if not unified.get("id"):
        msg = "an answer about no order"
        raise MalformedMessage(msg)
    enclosed = envelope.of_order(unified, symbol_id, at=milliseconds(requested_at))
    return _read(enclosed, requested_at, source, api)
