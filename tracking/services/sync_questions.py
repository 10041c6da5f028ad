"""
What a sync asks the exchange, and what it concludes is worth asking next.

Asks and concludes; the answers become evidence in `order_tracking`. Markets nobody knows are told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from django.db.models import F, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from exchanges.errors import UnknownSymbol
from exchanges.governor import Priority
from exchanges.messages import HoldingReport, MarketType, OrderSnapshot, OrderStatus
from tracking.domain.evidence import Evidence
from tracking.domain.findings import AnomalyKind
from tracking.models import (
    ClosedOrder,
    ExchangeAccount,
    OpenOrder,
    StrategyPosition,
    SymbolSubscription,
)
from tracking.services import anomalies, bystanders, verification
from tracking.services.anomalies import Noticed
from tracking.services.cursors import read_cursors
from tracking.services.order_records import Gathered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from exchanges.markets import Markets
    from exchanges.rest import RestClient
    from tracking.services.verification import SymbolKey

#: How often the list of everything traded is read: finds hand-made round trips back to flat.
INCOME_EVERY = timedelta(seconds=40)
#: Orders younger than this may not be in a list yet; their absence means nothing.
TOO_YOUNG = timedelta(seconds=5)
HoldingKey = tuple[str, str, str]
Said = TypeVar("Said", OrderSnapshot, HoldingReport)


@dataclass(slots=True)
class Answer:
    """Evidence from the exchange, and the orders it said it does not know."""

    gathered: list[Gathered]
    cursors: dict[SymbolKey, str | None] = field(default_factory=dict)
    not_found: list[Gathered] = field(default_factory=list)
    #: whether fills are left of orders there was no time to ask for
    has_more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A market whose holding does not follow from the booked fills, or that was traded at all."""

    market_type: str
    symbol: str
    holdings: dict[HoldingKey, Decimal]


def open_orders(account: ExchangeAccount, client: RestClient, *, full: bool) -> Answer:
    """Compare the open orders; ask what became of those that are gone."""
    known = list(OpenOrder.objects.filter(account=account))
    symbols = _symbols_of_interest(account, known)
    snapshots = _read_snapshots(client, None if full else symbols)
    told = [_told(s, symbol) for s, symbol in _named(account, client.markets, snapshots)]
    listed = {item.identity for item in told}
    gone = [
        order
        for order in known
        if _question(order).identity not in listed and not _is_on_its_way(order)
    ]
    stale = _closed_before(account, told)
    asked = _ask_about(account, client, [*map(_question, gone), *stale])
    asked.gathered += [item for item in told if item not in stale]
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


def _read_snapshots(client: RestClient, symbols: Sequence[SymbolKey] | None) -> list[OrderSnapshot]:
    if symbols is None:
        return list(client.fetch_open_orders(priority=Priority.SYNC))
    found: list[OrderSnapshot] = []
    for market_type, symbol in symbols:
        market = client.markets.market_of(MarketType(market_type), symbol)
        found += client.fetch_open_orders(market.symbol_id, priority=Priority.SYNC)
    return found


def _named(
    account: ExchangeAccount, markets: Markets, said: Iterable[Said]
) -> list[tuple[Said, str]]:
    """Give each statement its symbol; one about a market we do not know is told and left out."""
    found, strange = [], set()
    for item in said:
        try:
            found.append((item, markets.symbol_of(item.market_type, item.symbol_id)))
        except UnknownSymbol:
            strange.add(item.symbol_id)
    if strange:
        kind, detail = AnomalyKind.UNKNOWN_SYMBOL, "held or ordered, but no market we know"
        anomalies.report(
            account.pk, [Noticed(kind=kind, key=name, detail=detail) for name in strange]
        )
    return found


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
    verified = verification.ask(client, questions, cursors, priority=Priority.SYNC)
    bystanders.adopt(account.pk, client, verified)
    answered = [g for g in verified.gathered if g.evidence.statements or g.evidence.executions]
    return Answer(answered, verified.cursors, verified.not_found)


def moved_markets(
    account: ExchangeAccount, client: RestClient
) -> tuple[list[Moved], datetime | None]:
    """Compare holdings with the booked positions; now and then also look for round trips.

    Also tells up to when (exchange time) round trips were looked for, None if they were not: to be
    noted once the trades are booked, or a failure on the way would hide them for good.
    """
    held = read_holdings(account, client)
    traded, looked_at = _traded_by_anyone(account, client)
    keys = {key[:2] for key in _differences(account, held)} | traded
    moved = [
        Moved(
            market_type=market_type,
            symbol=symbol,
            holdings={k: q for k, q in held.items() if k[:2] == (market_type, symbol)},
        )
        for market_type, symbol in sorted(keys)
    ]
    return moved, looked_at


def read_holdings(account: ExchangeAccount, client: RestClient) -> dict[HoldingKey, Decimal]:
    """Ask what is held, by market and position side."""
    holdings = client.fetch_holdings(priority=Priority.SYNC)
    return {
        (holding.market_type.value, symbol, holding.position_side.value): holding.quantity
        for holding, symbol in _named(account, client.markets, holdings)
    }


def booked_holdings(account: ExchangeAccount) -> dict[HoldingKey, Decimal]:
    """Sum the account's positions, strategies and residual, by market and position side."""
    rows = (
        StrategyPosition.objects.filter(account=account)
        .values_list("market_type", "symbol", "position_side")
        .annotate(held=Coalesce(Sum(F("quantity")), Decimal(0)))
    )
    return {(m, s, p): held for m, s, p, held in rows}


def _differences(
    account: ExchangeAccount, held: dict[HoldingKey, Decimal]
) -> dict[HoldingKey, tuple[Decimal, Decimal]]:
    booked = booked_holdings(account)
    return {
        key: (booked.get(key, Decimal(0)), held.get(key, Decimal(0)))
        for key in booked.keys() | held.keys()
        if booked.get(key, Decimal(0)) != held.get(key, Decimal(0))
    }


def _traded_by_anyone(
    account: ExchangeAccount, client: RestClient
) -> tuple[set[SymbolKey], datetime | None]:
    checked = account.income_checked_at
    # our clock decides only how often; a wrong one may cost requests, but hides nothing
    if checked is not None and abs(timezone.now() - checked) < INCOME_EVERY:
        return set(), None
    now = client.fetch_server_time(priority=Priority.SYNC)
    since = (checked or now) - TOO_YOUNG
    found = set()
    for symbol_id in client.fetch_traded_symbols(since, priority=Priority.SYNC):
        market_type = MarketType.FUTURES
        try:
            symbol = client.markets.symbol_of(market_type, symbol_id)
        except UnknownSymbol:
            continue
        found.add((market_type.value, symbol))
    return found, now


def trades_of(account: ExchangeAccount, client: RestClient, moved: Iterable[Moved]) -> Answer:
    """Ask for the trades of markets from their cursors on, and for the orders behind them."""
    keys = {(m.market_type, m.symbol) for m in moved}
    cursors = read_cursors(account.pk, keys, account.baseline_at)
    answer = Answer([])
    for key in sorted(keys):
        verified = verification.trades_since(client, key, cursors[key])
        bystanders.adopt(account.pk, client, verified)
        answer.gathered += verified.gathered
        answer.cursors |= verified.cursors
        answer.has_more = answer.has_more or bystanders.strangers(verified)
    return answer


def still_moved(account: ExchangeAccount, client: RestClient, moved: Iterable[Moved]) -> list[str]:
    """Name the markets that stay unexplained while neither the holding nor the books move."""
    first = _unexplained(account, moved)
    if not first:
        return []
    held = read_holdings(account, client)
    again = _unexplained(
        account,
        [
            Moved(market_type=m.market_type, symbol=m.symbol, holdings=_of_market(held, m))
            for m in moved
        ],
    )
    return [
        f"{':'.join(key)} booked {ours:f}, held {theirs:f}"
        for key, (ours, theirs) in sorted(again.items())
        if first.get(key) == (ours, theirs)
    ]


def _of_market(held: dict[HoldingKey, Decimal], market: Moved) -> dict[HoldingKey, Decimal]:
    return {k: q for k, q in held.items() if k[:2] == (market.market_type, market.symbol)}


def _unexplained(
    account: ExchangeAccount, moved: Iterable[Moved]
) -> dict[HoldingKey, tuple[Decimal, Decimal]]:
    held: dict[HoldingKey, Decimal] = {}
    markets = set()
    for market in moved:
        held |= market.holdings
        markets.add((market.market_type, market.symbol))
    return {k: v for k, v in _differences(account, held).items() if k[:2] in markets}
