"""
What a sync asks the exchange, and what it concludes is worth asking next.

Asks and concludes; the answers become evidence in `order_tracking`. Markets nobody knows are told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from django.utils import timezone

from exchanges import registry
from exchanges.errors import UnknownSymbol
from exchanges.governor import Priority
from exchanges.messages import HoldingReport, IdSpace, MarketType, OrderSnapshot, OrderStatus
from tracking.domain.evidence import Evidence
from tracking.domain.findings import AnomalyKind
from tracking.models import (
    ClosedOrder,
    ExchangeAccount,
    OpenOrder,
    SymbolSubscription,
)
from tracking.services import bystanders, verification
from tracking.services.anomalies import Noticed
from tracking.services.cursors import read_cursors
from tracking.services.order_records import Gathered
from tracking.services.spot_assets import symbol_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from exchanges.markets import Markets
    from exchanges.questions import TradeCursor
    from exchanges.rest import RestClient
    from tracking.services.order_records import OrderIdentity
    from tracking.services.verification import SymbolKey

#: Orders younger than this may not be in a list yet; their absence means nothing.
TOO_YOUNG = timedelta(seconds=5)
Said = TypeVar("Said", OrderSnapshot, HoldingReport)


@dataclass(slots=True)
class Answer:
    """Evidence from the exchange, and the orders it said it does not know."""

    gathered: list[Gathered]
    cursors: dict[SymbolKey, str | None] = field(default_factory=dict)
    not_found: list[Gathered] = field(default_factory=list)
    #: whether fills are left of orders there was no time to ask for
    has_more: bool = False
    noticed: list[Noticed] = field(default_factory=list)


def open_orders(account: ExchangeAccount, client: RestClient, *, full: bool) -> Answer:
    """Compare the open orders; ask what became of those that are gone."""
    known = list(OpenOrder.objects.filter(account=account))
    symbols = _symbols_of_interest(account, known)
    snapshots = _read_all(client) if full else _read_listed(client, symbols, known)
    named, strange = name_markets(client.markets, snapshots)
    told = [_told(snapshot, symbol) for snapshot, symbol in named]
    listed = {item.identity for item in told}
    gone = [
        order
        for order in known
        if _question(order).identity not in listed and not _is_on_its_way(order)
    ]
    stale = _closed_before(account, told)
    asked = _ask_about(account, client, [*map(_question, gone), *stale])
    asked.gathered += [item for item in told if item not in stale]
    asked.noticed += strange
    return asked


def _is_on_its_way(order: OpenOrder) -> bool:
    """Not sent yet, or placed a moment ago: the answer to the placement is still to come."""
    young = order.created_at > timezone.now() - TOO_YOUNG
    is_pending = order.status == OrderStatus.PENDING.value
    return is_pending or (young and order.exchange_order_id is None)


def _symbols_of_interest(account: ExchangeAccount, known: Sequence[OpenOrder]) -> list[SymbolKey]:
    """Symbols with live orders, busiest first."""
    counts = {
        (row.market_type, row.symbol): row.live_count
        for row in SymbolSubscription.objects.filter(account=account, live_count__gt=0)
    }
    for order in known:
        counts.setdefault((order.market_type, order.symbol), 1)
    return sorted(counts, key=lambda key: (-counts[key], key))


def _read_all(client: RestClient) -> list[OrderSnapshot]:
    """Read the unfiltered lists; conditional orders have one of their own."""
    ordinary = client.fetch_open_orders(priority=Priority.SYNC)
    return [*ordinary, *client.fetch_open_algo_orders(priority=Priority.SYNC)]


def _read_listed(
    client: RestClient, symbols: Sequence[SymbolKey], known: Iterable[OpenOrder]
) -> list[OrderSnapshot]:
    """Read the lists of some symbols; conditional orders only where we know of one."""
    conditional = {(o.market_type, o.symbol) for o in known if o.id_space == IdSpace.ALGO.value}
    found: list[OrderSnapshot] = []
    for market_type, symbol in symbols:
        try:
            symbol_id = client.markets.market_of(MarketType(market_type), symbol).symbol_id
            found += client.fetch_open_orders(symbol_id, priority=Priority.SYNC)
            if (market_type, symbol) in conditional:
                found += client.fetch_open_algo_orders(symbol_id, priority=Priority.SYNC)
        except UnknownSymbol:
            # a market that is gone has no open orders: those we hold are asked about one by one
            continue
    return found


def name_markets(
    markets: Markets, said: Iterable[Said]
) -> tuple[list[tuple[Said, str]], list[Noticed]]:
    """Give each statement its symbol; those about markets we do not know become anomalies."""
    found, strange = [], set()
    for item in said:
        try:
            found.append((item, symbol_of(markets, item)))
        except UnknownSymbol:
            strange.add(item.symbol_id)
    kind, detail = AnomalyKind.UNKNOWN_SYMBOL, "held or ordered, but no market we know"
    return found, [Noticed(kind=kind, key=name, detail=detail) for name in sorted(strange)]


def _told(snapshot: OrderSnapshot, symbol: str) -> Gathered:
    return Gathered(
        market_type=snapshot.market_type.value,
        symbol=symbol,
        id_space=snapshot.id_space.value,
        exchange_order_id=snapshot.exchange_order_id,
        client_order_id=snapshot.client_order_id,
        evidence=Evidence(statements=(snapshot,)),
    )


def _question(order: OpenOrder) -> Gathered:
    return Gathered(
        market_type=order.market_type,
        symbol=order.symbol,
        id_space=order.id_space,
        exchange_order_id=order.exchange_order_id,
        client_order_id=order.client_order_id,
        evidence=Evidence(),
    )


def _closed_before(account: ExchangeAccount, told: Sequence[Gathered]) -> list[Gathered]:
    """Listed as open although we hold them closed: the list is old, ask for the order itself."""
    ids = {item.exchange_order_id for item in told}
    closed = set(
        ClosedOrder.objects.filter(account=account, exchange_order_id__in=ids).values_list(
            "market_type", "symbol", "id_space", "exchange_order_id"
        )
    )
    return [item for item in told if item.identity in closed]


def _ask_about(
    account: ExchangeAccount, client: RestClient, questions: Sequence[Gathered]
) -> Answer:
    if not questions:
        return Answer([])
    keys = {(q.market_type, q.symbol) for q in questions}
    cursors = read_cursors(account.pk, keys, account.baseline_at)
    place_of = registry.adapter(account.exchange).place_of
    verified = verification.ask(
        client, questions, cursors, place_of=place_of, priority=Priority.SYNC
    )
    bystanders.adopt(account, client, verified)
    answered = [g for g in verified.gathered if g.evidence.statements or g.evidence.executions]
    return Answer(
        answered, verified.cursors, verified.not_found, noticed=_gone_markets(verified.gone)
    )


def _gone_markets(keys: Iterable[SymbolKey]) -> list[Noticed]:
    kind, detail = AnomalyKind.UNKNOWN_SYMBOL, "the exchange does not have this market any more"
    return [Noticed(kind=kind, key=symbol, detail=detail) for _, symbol in sorted(keys)]


def trades_of(
    account: ExchangeAccount,
    client: RestClient,
    cursors: Mapping[SymbolKey, TradeCursor],
    *,
    told: Collection[OrderIdentity] = (),
) -> Answer:
    """Ask for the trades of markets from their cursors on, and for the orders behind them.

    `told`: orders that count as known although they have no row yet.
    """
    answer = Answer([])
    place_of = registry.adapter(account.exchange).place_of
    for key in sorted(cursors):
        verified = verification.trades_since(client, key, cursors[key], place_of)
        bystanders.adopt(account, client, verified, told=told)
        answer.gathered += verified.gathered
        answer.cursors |= verified.cursors
        answer.has_more = answer.has_more or bystanders.strangers(verified)
    return answer
