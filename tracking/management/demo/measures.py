"""
What our database says of a run: how quick we were, and what is still open.

The moment of a commit is PostgreSQL's own (`track_commit_timestamp`): a clock read inside the
transaction would leave out the flush to disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection

from exchanges.messages import Source
from tracking.management.demo.theatre import symbol_id
from tracking.models import OrderEvent, StreamEvent, TradeExecution

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from django.db.models import QuerySet

    from tracking.models import ExchangeAccount
    from tracking.services.books import Check

#: rows of the journal that a frame caused: number, when the frame came, when it was committed
_TIMES = """
    SELECT seq, EXTRACT(EPOCH FROM received_at)::float8,
           CASE WHEN current_setting('track_commit_timestamp') = 'on'
                THEN EXTRACT(EPOCH FROM pg_xact_commit_timestamp(xmin))::float8 END
    FROM tracking_orderevent WHERE user_id = %s AND received_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """The middle and the slow end of some durations, in milliseconds; None without any."""

    p50: float | None
    p99: float | None

    @classmethod
    def of(cls, durations: Iterable[float]) -> Percentiles:
        """Take those of these seconds (nearest rank)."""
        ordered = sorted(durations)
        if not ordered:
            return cls(p50=None, p99=None)
        middle, end = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
        return cls(p50=round(middle * 1000, 1), p99=round(end * 1000, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """From the receipt of a frame to its commit, and to the browser."""

    commit: Percentiles
    sse: Percentiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What checking the books, with the exchange, came to."""

    violations: int
    rows_checked: int

    @classmethod
    def of(cls, checks: Collection[Check]) -> Proof:
        """Sum the accounts' checks."""
        return cls(
            violations=sum(check.violation_count for check in checks),
            rows_checked=sum(check.rows_checked for check in checks),
        )


def latency(user_id: int, received_at: Mapping[int, float]) -> Latency:
    """Measure both, given when an SSE client received each journal number."""
    with connection.cursor() as cursor:
        cursor.execute(_TIMES, [user_id])
        rows = cursor.fetchall()
    return Latency(
        commit=Percentiles.of(done - came for _, came, done in rows if done is not None),
        sse=Percentiles.of(received_at[seq] - came for seq, came, _ in rows if seq in received_at),
    )


def journal_numbers(user_id: int) -> set[int]:
    """Return every number of the user's journal."""
    return set(OrderEvent.objects.filter(user_id=user_id).values_list("seq", flat=True))


def unverified(account_ids: Iterable[int]) -> int:
    """Count the live executions REST has not confirmed yet."""
    return live_executions(account_ids).filter(verified=False).count()


def inferred(account_ids: Iterable[int]) -> int:
    """Count the live executions that are only concluded from a quantity."""
    return live_executions(account_ids).filter(source=Source.INFERRED.value).count()


def quarantined(account_ids: Iterable[int]) -> int:
    """Count the frames that were set aside."""
    rows = StreamEvent.objects.filter(account__in=account_ids, quarantined_at__isnull=False)
    return rows.count()


def live_executions(account_ids: Iterable[int]) -> QuerySet[TradeExecution]:
    """Choose the executions that count."""
    return TradeExecution.objects.filter(account__in=account_ids, voided_at__isnull=True)


def found_by_rest(
    accounts: Collection[ExchangeAccount], lost_frames: Iterable[Mapping[str, Any]]
) -> int:
    """Count the fills that are in our books although the exchange lost the frame that told them."""
    lost = {
        (frame["account"], frame["symbol"], frame["exchange_trade_id"])
        for frame in lost_frames
        # a hint without the fill is no telling
        if frame["event"] != "TRADE_LITE" and frame["exchange_trade_id"] is not None
    }
    found = 0
    for account in accounts:
        rows = live_executions([account.pk]).exclude(source=Source.WS.value)
        booked = rows.values_list("symbol", "exchange_trade_id")
        found += sum(
            (account.api_key, symbol_id(account, symbol), trade) in lost for symbol, trade in booked
        )
    return found
