"""
Asking REST what is so, in few calls and within the budget.

Note [Verified by REST, never late]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
A fill waits for REST only while more than half of the rate budget is free, and at most
VERIFY_DEADLINE seconds. If REST is slow, failing or too expensive just now, a self-contained fill
is booked unverified and shown at once; `verify_due` goes on asking (1, 2, 5, 10, 30, 60 s,
a symbol at most once a second, all its orders together) until REST agrees. Nothing is voided
because REST does not know it: REST may lag the stream by a minute.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from exchanges.errors import ExchangeError, TransientError, UnknownSymbol
from exchanges.governor import Priority
from exchanges.messages import ExecutionKind, ExecutionReport, IdSpace, MarketType, OrderSnapshot
from exchanges.questions import OrderRef, TradeCursor, Verification
from tracking.domain.executions import is_fill
from tracking.services.trade_pages import Pages

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from exchanges.rest import RestClient
    from tracking.services.order_records import Gathered, OrderIdentity
    from tracking.services.trade_pages import PlaceOf

log = structlog.get_logger(__name__)

#: Above this share of the budget still free, fills wait for REST.
GENEROUS = 0.5
#: Ask for the trades of a symbol, instead of order by order, from this many orders on.
BULK = 4
#: Seconds for an answer that no fill waits for.
PATIENT = 5.0
SymbolKey = tuple[str, str]


@dataclass(slots=True)
class Others:
    """What an answer says about orders nobody asked about, by exchange order id."""

    fills: dict[str, list[ExecutionReport]]
    snapshots: dict[str, OrderSnapshot]


@dataclass(slots=True)
class Verified:
    """What REST added to the evidence of some orders."""

    gathered: list[Gathered]
    cursors: dict[SymbolKey, str | None] = field(default_factory=dict)
    #: orders the exchange said it does not know
    not_found: list[Gathered] = field(default_factory=list)
    others: dict[SymbolKey, Others] = field(default_factory=dict)
    #: markets the exchange does not have any more
    gone: list[SymbolKey] = field(default_factory=list)
    failed: bool = False


def ask(
    client: RestClient,
    gathered: Sequence[Gathered],
    cursors: Mapping[SymbolKey, TradeCursor],
    *,
    want_trades: bool = False,
    place_of: PlaceOf,
    ended: Collection[OrderIdentity] = (),
    deadline: float | None = None,
    priority: Priority = Priority.VERIFY,
) -> Verified:
    """Ask about orders, symbol by symbol. A failing call leaves its symbol's evidence as it was.

    Of orders that have ended in our books only the trades are wanted, if there are many of them.
    Who does not know the market of an order any more does not know the order.
    """
    by_symbol: dict[SymbolKey, list[Gathered]] = defaultdict(list)
    for item in gathered:
        by_symbol[item.market_type, item.symbol].append(item)
    result = Verified([])
    for key, items in by_symbol.items():
        try:
            answer = _ask_symbol(
                client,
                items,
                cursor=_as_far_as_told(cursors.get(key), items, place_of),
                want_trades=want_trades or len(items) >= BULK,
                ended=ended,
                timeout=PATIENT if deadline is None else deadline - time.monotonic(),
                priority=priority,
            )
        except UnknownSymbol:
            result.gone.append(key)
            result.gathered += items
            result.not_found += items
        except ExchangeError as error:
            log.warning(
                "verification.failed", symbol=key[1], orders=len(items), error=type(error).__name__
            )
            result.failed = True
            result.gathered += items
        else:
            _take(result, key, items, answer)
    return result


def _ask_symbol(
    client: RestClient,
    items: Sequence[Gathered],
    *,
    cursor: TradeCursor | None,
    want_trades: bool,
    ended: Collection[OrderIdentity],
    timeout: float,
    priority: Priority,
) -> Verification:
    if timeout <= 0:
        msg = "no time left to ask"
        raise TransientError(msg)
    return client.verify_orders(
        [ref_of(client, item) for item in items],
        cursor=cursor if want_trades else None,
        want_trades=want_trades,
        told_terminal=frozenset(
            item.exchange_order_id
            for item in items
            if item.exchange_order_id and (item.tells_end or item.identity in ended)
        ),
        timeout=timeout,
        priority=priority,
    )


def _as_far_as_told(
    cursor: TradeCursor | None, items: Sequence[Gathered], place_of: PlaceOf
) -> TradeCursor | None:
    """Read the trades no further than the frames have told of them.

    Behind a backlog the list is long already, and its rest will be read with the frames of the
    rest. To its end it is read where some order's fills came without ids of trades.
    """
    told = [item.evidence.executions for item in items]
    if (
        cursor is None
        or not all(told)
        or not all(is_fill(fill) for fills in told for fill in fills)
    ):
        return cursor
    fills = [fill for fills in told for fill in fills]
    last = max(fills, key=place_of)
    return replace(cursor, until_trade_id=last.exchange_trade_id, awaited=len(fills))


def ref_of(client: RestClient, item: Gathered) -> OrderRef:
    """Name an order to the exchange."""
    market_type = MarketType(item.market_type)
    return OrderRef(
        market_type=market_type,
        symbol_id=client.markets.market_of(market_type, item.symbol).symbol_id,
        exchange_order_id=item.exchange_order_id,
        client_order_id=item.client_order_id,
        id_space=IdSpace(item.id_space),
    )


def _take(
    result: Verified,
    key: SymbolKey,
    items: Sequence[Gathered],
    answer: Verification,
) -> None:
    """Add an answer to the evidence it is about; keep apart what it says of other orders."""
    snapshots = {s.exchange_order_id: s for s in answer.snapshots}
    by_client = {s.client_order_id: s for s in answer.snapshots if s.client_order_id}
    fills: dict[str, list[ExecutionReport]] = defaultdict(list)
    for execution in answer.executions:
        fills[execution.exchange_order_id].append(execution)
    missing = {ref.exchange_order_id or ref.client_order_id for ref in answer.not_found}
    for item in items:
        order_id = item.exchange_order_id
        snapshot = snapshots.pop(order_id or "", None) or by_client.get(item.client_order_id or "")
        if snapshot is not None:
            order_id = snapshot.exchange_order_id
            snapshots.pop(order_id, None)
        told = fills.pop(order_id or "", [])
        complete = order_id in answer.trades_complete_for or item.exchange_order_id in (
            answer.trades_complete_for
        )
        result.gathered.append(_added(item, snapshot, told, complete=complete))
        if (item.exchange_order_id or item.client_order_id) in missing:
            result.not_found.append(item)
    result.others[key] = Others(dict(fills), snapshots)
    if answer.cursor is not None or answer.snapshots:
        result.cursors[key] = answer.cursor


def _added(
    item: Gathered,
    snapshot: OrderSnapshot | None,
    fills: Iterable[ExecutionReport],
    *,
    complete: bool,
) -> Gathered:
    evidence = item.evidence
    statements = evidence.statements + ((snapshot,) if snapshot else ())
    return replace(
        item,
        exchange_order_id=item.exchange_order_id
        or (snapshot.exchange_order_id if snapshot else None),
        evidence=replace(
            evidence,
            statements=statements,
            executions=(*evidence.executions, *explained(fills, snapshot)),
            trades_complete=evidence.trades_complete or complete,
        ),
    )


def explained(
    fills: Iterable[ExecutionReport], snapshot: OrderSnapshot | None
) -> list[ExecutionReport]:
    """Let fills of a trade list say why they happened, as their order tells if they do not."""
    if snapshot is None:
        return list(fills)
    return [
        replace(fill, kind=snapshot.fill_kind) if fill.kind is ExecutionKind.TRADE else fill
        for fill in fills
    ]


def with_trades_of_order(client: RestClient, item: Gathered, deadline: float) -> Gathered:
    """Add an order's own snapshot and complete trade list, by `deadline` on the monotonic clock.

    Raises ExchangeError.
    """
    ref = ref_of(client, item)
    snapshot = client.fetch_order(ref, timeout=_left(deadline), priority=Priority.VERIFY)
    fills = client.fetch_executions(
        ref.symbol_id,
        TradeCursor(),
        exchange_order_id=snapshot.exchange_order_id,
        timeout=_left(deadline),
        priority=Priority.VERIFY,
    )
    return _added(item, snapshot, fills, complete=True)


def _left(deadline: float) -> float:
    """Give the seconds left; a call given none fails at once, as one that took too long."""
    return max(0.001, deadline - time.monotonic())


def trades_since(
    client: RestClient, key: SymbolKey, cursor: TradeCursor, place_of: PlaceOf
) -> Verified:
    """Read a symbol's trades after a cursor, as what they say of orders.

    A market that is gone has none to tell. Raises ExchangeError.
    """
    try:
        symbol_id = client.markets.market_of(MarketType(key[0]), key[1]).symbol_id
        return _trades_since(client, key, symbol_id, cursor, place_of)
    except UnknownSymbol:
        return Verified([], gone=[key])


def _trades_since(
    client: RestClient, key: SymbolKey, symbol_id: str, cursor: TradeCursor, place_of: PlaceOf
) -> Verified:
    fills: dict[str, list[ExecutionReport]] = defaultdict(list)
    pages = Pages(partial(client.fetch_executions, symbol_id, priority=Priority.SYNC), place_of)
    for execution in pages.read(cursor):
        fills[execution.exchange_order_id].append(execution)
    result = Verified([])
    result.others[key] = Others(dict(fills), {})
    result.cursors[key] = pages.cursor
    return result
