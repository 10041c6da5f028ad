"""
What each account's stream is worth, counted by the hour in the transactions that book.

Note [The score]
~~~~~~~~~~~~~~~~
`score` is the share of fills first seen by the stream: 1 means REST never knew a fill before its
frame did, 0.9 that one fill in ten was lost or late on the stream and found by asking. Fills from
before the account's baseline count for neither.

* *frames*: inbox rows merged. *gaps*: connections (re)made, and frames given up: each is a stretch
  of time about which the stream says nothing.
* *duplicates*: a fill already held as first seen by the stream; or a report without a fill that
  says only what is held, and was made no later than the newest report seen (if it is newer, the
  stream was not first, but it does not repeat itself).
* *reorderings*: reports made before the newest one seen that were no duplicates.
* *lag*: from the exchange's event time to our receipt, duplicates left out. Two clocks: a metric
  only, never an order of events; below zero counts as zero.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection
from django.utils import timezone

from exchanges.messages import FillReport, OrderReport, Source

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from exchanges.messages import ExecutionReport
    from tracking.domain.evidence import OrderState, Transition
    from tracking.domain.executions import ExecutionState
    from tracking.models import ExchangeAccount, StreamQuality
    from tracking.services.order_records import Gathered, HeardFrame
    from tracking.services.statements import Statement

#: upper ends of the lag buckets in milliseconds; the last bucket has none
BOUNDS = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)
#: The newest report time is carried from hour to hour, so that the first of an hour is compared.
_COUNT = """
    WITH known AS (
        SELECT newest_event_at AS at FROM tracking_streamquality
        WHERE account_id = %s AND newest_event_at IS NOT NULL ORDER BY hour DESC LIMIT 1
    )
    INSERT INTO tracking_streamquality AS held (
        account_id, hour, frames, first_by_stream, first_by_rest, gaps,
        duplicates, reorderings,
        lag_count, lag_total_ms, lag_max_ms, lag_buckets, newest_event_at
    ) VALUES (
        %s, date_trunc('hour', %s::timestamptz), %s, %s, %s, %s,
        %s + (SELECT count(*) FROM unnest(%s::timestamptz[]) AS e(at), known k WHERE e.at <= k.at),
        %s + (SELECT count(*) FROM unnest(%s::timestamptz[]) AS e(at), known k WHERE e.at < k.at),
        %s, %s, %s, %s, GREATEST(%s::timestamptz, (SELECT at FROM known))
    )
    ON CONFLICT (account_id, hour) DO UPDATE SET
        frames = held.frames + EXCLUDED.frames,
        first_by_stream = held.first_by_stream + EXCLUDED.first_by_stream,
        first_by_rest = held.first_by_rest + EXCLUDED.first_by_rest,
        gaps = held.gaps + EXCLUDED.gaps,
        duplicates = held.duplicates + EXCLUDED.duplicates,
        reorderings = held.reorderings + EXCLUDED.reorderings,
        lag_count = held.lag_count + EXCLUDED.lag_count,
        lag_total_ms = held.lag_total_ms + EXCLUDED.lag_total_ms,
        lag_max_ms = GREATEST(held.lag_max_ms, EXCLUDED.lag_max_ms),
        lag_buckets = (
            SELECT array_agg(a + b ORDER BY place)
            FROM unnest(held.lag_buckets, EXCLUDED.lag_buckets) WITH ORDINALITY AS t(a, b, place)
        ),
        newest_event_at = GREATEST(held.newest_event_at, EXCLUDED.newest_event_at)
"""


_FillContent = tuple[str, str, Decimal, Decimal]


class _Heard(NamedTuple):
    """One report of a frame, with what was held of its order before."""

    frame: HeardFrame
    label: str
    report: OrderReport | FillReport
    before: OrderState | None
    #: the order's fills that were first seen by the stream
    streamed: set[_FillContent]


@dataclass(slots=True)
class Tally:
    """What one transaction adds to its hour."""

    frames: int = 0
    first_by_stream: int = 0
    first_by_rest: int = 0
    duplicates: int = 0
    reorderings: int = 0
    gaps: int = 0
    lags: list[int] = field(default_factory=list)
    #: reports in order among themselves: late if the newest seen before is newer
    in_order: list[datetime] = field(default_factory=list)
    #: reports that say what is held: repeated, if they are not newer than the newest seen before
    echoes: list[datetime] = field(default_factory=list)
    newest: datetime | None = None

    def count_fills(self, transition: Transition, baseline_at: datetime | None) -> None:
        """Count the fills that are new, by who saw them first."""
        for state in transition.added:
            if baseline_at is not None and state.executed_at <= baseline_at:
                continue
            if state.source is Source.WS:
                self.first_by_stream += 1
            elif state.source in {Source.REST_ORDER, Source.REST_TRADES}:
                self.first_by_rest += 1

    def hear(self, heard: _Heard, told: set[object]) -> None:
        """Count one report; `told`: what the frames before it said in the same transaction."""
        at = heard.report.event_at
        key = _content(heard)
        is_late = self.newest is not None and at < self.newest
        is_echo = heard.report.execution is None and _is_held(heard)
        if key in told or key[1:] in heard.streamed or (is_echo and is_late):
            self.duplicates += 1
            return
        told.add(key)
        self.newest = at if self.newest is None else max(self.newest, at)
        if is_echo:
            self.echoes.append(at)
            return
        self.lags.append(max(0, round((heard.frame.received_at - at).total_seconds() * 1000)))
        if is_late:
            self.reorderings += 1
        else:
            self.in_order.append(at)

    def statement(self, account_id: int, now: datetime) -> Statement:
        """Give the upsert that adds this to the hour's row."""
        buckets = [0] * (len(BOUNDS) + 1)
        for lag in self.lags:
            buckets[bisect_left(BOUNDS, lag)] += 1
        counts = (self.frames, self.first_by_stream, self.first_by_rest, self.gaps)
        seen = (self.duplicates, self.echoes, self.reorderings, self.in_order)
        lags = (len(self.lags), sum(self.lags), max(self.lags, default=0), buckets)
        return _COUNT, [account_id, account_id, now, *counts, *seen, *lags, self.newest]


def moves(
    account: ExchangeAccount, done: Iterable[tuple[Gathered, Transition]], now: datetime
) -> list[Statement]:
    """Count what a transaction merged; for the emitter, which holds the account's lock."""
    tally = Tally()
    heard: list[_Heard] = []
    for gathered, transition in done:
        tally.count_fills(transition, account.baseline_at)
        heard += _heard(gathered, transition)
    told: set[object] = set()
    for item in sorted(heard, key=lambda item: item.frame.pk):
        tally.hear(item, told)
    tally.frames = len({item.frame.pk for item in heard})
    if not (tally.frames or tally.first_by_stream or tally.first_by_rest):
        return []
    return [tally.statement(account.pk, now)]


def note_gap(account_id: int) -> None:
    """Count a stretch of time about which the stream says nothing."""
    with connection.cursor() as cursor:
        cursor.execute(*Tally(gaps=1).statement(account_id, timezone.now()))


def score(row: StreamQuality) -> Decimal | None:
    """Give the share of fills first seen by the stream; None for an hour without fills."""
    fills = row.first_by_stream + row.first_by_rest
    return round(Decimal(row.first_by_stream) / fills, 4) if fills else None


def mean_lag_ms(row: StreamQuality) -> int | None:
    """Give the mean lag of an hour's frames; None for an hour without any."""
    return round(row.lag_total_ms / row.lag_count) if row.lag_count else None


def _heard(gathered: Gathered, transition: Transition) -> list[_Heard]:
    if not gathered.frames:
        return []
    told = [(frame, frame.told) for frame in gathered.frames if frame.told is not None]
    label, before = gathered.label, transition.before
    streamed = _streamed(before) if any(report.execution for _, report in told) else set()
    return [_Heard(frame, label, report, before, streamed) for frame, report in told]


def _streamed(before: OrderState | None) -> set[_FillContent]:
    return {_fill(e) for e in before.executions if e.source is Source.WS} if before else set()


def _fill(fill: ExecutionReport | ExecutionState) -> _FillContent:
    return (
        fill.exchange_trade_id,
        fill.side.value,
        fill.execution_price,
        fill.execution_quantity,
    )


def _content(heard: _Heard) -> tuple[object, ...]:
    """Give what a report says, whoever repeats it."""
    report = heard.report
    if isinstance(report, FillReport):
        return (heard.label, *_fill(report.execution))
    if report.execution is not None:
        return (heard.label, *_fill(report.execution))
    return heard.label, report.status, report.filled_quantity, report.exchange_updated_at


def _is_held(heard: _Heard) -> bool:
    report, held = heard.report, heard.before
    if held is None or isinstance(report, FillReport):
        return False
    return (
        report.status is held.status
        and report.filled_quantity == held.filled_quantity
        and report.exchange_updated_at == held.exchange_updated_at
    )
