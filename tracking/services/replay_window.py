"""
What is to be replayed of an account, and what its books say of it: one consistent look at both.

Only orders whose whole life lies in the window are compared: their first kept turn made them of
nothing, all frames their turns name are still there, and nobody changed them by hand. The rest is
counted, with the reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection, transaction

from exchanges import registry
from exchanges.errors import ExchangeError, UnknownSymbol
from exchanges.messages import FillReport, MarketType, OrderReport, OrderStatus
from tracking.models import OrderEvidence, Repair, StreamEvent
from tracking.services import kept_answers
from tracking.services.order_evidence import VERDICT
from tracking.services.replay_books import Books, read_books

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tracking.models import ExchangeAccount
    from tracking.services.order_records import OrderIdentity

#: what an order was before the exchange's first word of it
_UNBORN = frozenset(
    {"", *(s.value for s in (OrderStatus.PENDING, OrderStatus.UNKNOWN, OrderStatus.FAILED))}
)


class Item(NamedTuple):
    """One thing that came in: a frame, or the answers one merge kept."""

    at: datetime
    is_answer: bool
    pk: int


@dataclass(slots=True)
class KnownSymbols:
    """The market table as the books remember it: no exchange is asked."""

    by_id: dict[tuple[str, str], str] = field(default_factory=dict)

    def symbol_of(self, market_type: MarketType, symbol_id: str) -> str:
        """Give the unified symbol. Raises UnknownSymbol."""
        found = self.by_id.get((market_type.value, symbol_id))
        if found is None:
            raise UnknownSymbol(symbol_id)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What came in since a moment, in the order it came, and the books at one moment after."""

    items: list[Item]
    symbols: KnownSymbols
    #: orders that cannot be replayed, and why
    outside: dict[OrderIdentity, str]
    live: Books

    @property
    def skipped(self) -> dict[str, int]:
        """Count the orders that are not compared, by reason."""
        return dict(Counter(self.outside.values()))


def look(account: ExchangeAccount, since: datetime) -> Window:
    """Look at an account's inbox, evidence and books as they are at one moment."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        first = _first_turns(account.pk, since)
        outside = _outside(account.pk, since, first)
        inside = [identity for identity in first if identity not in outside]
        return Window(
            items=_items(account.pk, since),
            symbols=_symbols(account, since),
            outside=outside,
            live=read_books(account.pk, inside),
        )


def _items(account_id: int, since: datetime) -> list[Item]:
    frames = StreamEvent.objects.filter(
        account_id=account_id,
        received_at__gte=since,
        processed_at__isnull=False,
        quarantined_at__isnull=True,
    )
    answers = OrderEvidence.objects.filter(account_id=account_id, created_at__gte=since)
    heard = [Item(at, is_answer=False, pk=pk) for at, pk in frames.values_list("received_at", "pk")]
    told = answers.exclude(answers="").values_list("created_at", "pk")
    return sorted(heard + [Item(at, is_answer=True, pk=pk) for at, pk in told])


def _first_turns(account_id: int, since: datetime) -> dict[OrderIdentity, str]:
    """Say what each order was before the first turn that is kept."""
    identity = ("market_type", "symbol", "id_space", "exchange_order_id")
    rows = (
        OrderEvidence.objects.filter(
            account_id=account_id, created_at__gte=since, exchange_order_id__isnull=False
        )
        .order_by(*identity, "created_at", "pk")
        .distinct(*identity)
    )
    return {tuple(row[:4]): row[4] for row in rows.values_list(*identity, "status_before")}


def _outside(
    account_id: int, since: datetime, first: dict[OrderIdentity, str]
) -> dict[OrderIdentity, str]:
    found = {i: "began before" for i, before in first.items() if before not in _UNBORN}
    found |= dict.fromkeys(_without_frames(account_id, since), "frames no longer kept")
    subjects = Repair.objects.filter(account_id=account_id).values_list("subject", flat=True)
    labels = {f"{i[0]}:{i[1]}:{i[3]}": i for i in first}
    repaired = [labels[label] for subject in subjects for label in _labels(subject, labels)]
    return found | dict.fromkeys(repaired, "changed by hand")


def _labels(subject: str, labels: Iterable[str]) -> list[str]:
    """Find the orders a repair is about: its subject is their label, or begins with it."""
    return [label for label in labels if f"{subject} ".startswith(f"{label} ")]


def _without_frames(account_id: int, since: datetime) -> list[OrderIdentity]:
    """Name the orders whose turns name frames that are gone, or came before the window."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT e.market_type, e.symbol, e.id_space, e.exchange_order_id
            FROM tracking_orderevidence e CROSS JOIN unnest(e.stream_event_ids) AS named(id)
            LEFT JOIN tracking_streamevent f ON f.id = named.id AND f.received_at >= %s
            WHERE e.account_id = %s AND e.created_at >= %s AND f.id IS NULL
              AND e.exchange_order_id IS NOT NULL
            """,
            [since, account_id, since],
        )
        return [tuple(row) for row in cursor.fetchall()]


def _symbols(account: ExchangeAccount, since: datetime) -> KnownSymbols:
    """Learn which market each unified symbol was, from one turn of each that can be read."""
    known = KnownSymbols()
    rows = OrderEvidence.objects.filter(account=account, created_at__gte=since)
    rows = rows.exclude(sources=[VERDICT])
    for row in rows.order_by("market_type", "symbol", "pk").distinct("market_type", "symbol"):
        for symbol_id in _symbol_ids(account, row):
            known.by_id.setdefault((row.market_type, symbol_id), row.symbol)
    return known


def _symbol_ids(account: ExchangeAccount, row: OrderEvidence) -> set[str]:
    """Say what the exchange calls the market of a turn."""
    try:
        answers = kept_answers.read(account.exchange, row)
    except ExchangeError:
        answers = []
    told = {s.symbol_id for evidence in answers for s in evidence.statements}
    told |= {e.symbol_id for evidence in answers for e in evidence.executions}
    if told:
        return told
    frames = StreamEvent.objects.filter(pk__in=row.stream_event_ids)
    messages = (
        message
        for frame in frames
        for message in registry.parse(account.exchange, frame.market_type, frame.raw)
    )
    return {
        message.symbol_id
        for message in messages
        if isinstance(message, OrderReport | FillReport)
        and message.exchange_order_id == row.exchange_order_id
    }
