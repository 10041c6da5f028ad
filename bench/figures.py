"""
What the database says of a phase: rate, latencies, verification.

Times of commits are PostgreSQL's own (`track_commit_timestamp`), read from the row that was
committed: a journal row is written once, with its execution; an execution row carries the time of
its last writing, which is the one that made it verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from django.db import connection, transaction
from psycopg2.extras import execute_values

from tracking.models import StreamEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

_RECEIVED = """
    CREATE TEMPORARY TABLE received (
        account_id bigint, symbol_id text, trade_id text, received_at timestamptz
    ) ON COMMIT DROP
"""
#: a fill that REST told before its frame was read was not late: it counts as zero
_FILLS = """
    WITH told AS MATERIALIZED (
        SELECT account_id, replace(split_part(symbol, ':', 1), '/', '') AS symbol_id,
               payload ->> 'exchange_trade_id' AS trade_id,
               min(pg_xact_commit_timestamp(xmin)) AS at
        FROM tracking_orderevent
        WHERE kind = 'execution' AND account_id = ANY(%(accounts)s)
          AND created_at >= to_timestamp(%(since)s)
        GROUP BY 1, 2, 3
    ), booked AS MATERIALIZED (
        SELECT account_id, replace(split_part(symbol, ':', 1), '/', '') AS symbol_id,
               exchange_trade_id AS trade_id, pg_xact_commit_timestamp(xmin) AS at
        FROM tracking_tradeexecution
        WHERE verified AND voided_at IS NULL AND NOT is_history AND account_id = ANY(%(accounts)s)
          AND created_at >= to_timestamp(%(since)s)
    ), fills AS (
        SELECT received_at, told.at AS committed_at, booked.at AS verified_at
        FROM received JOIN told USING (account_id, symbol_id, trade_id)
                      JOIN booked USING (account_id, symbol_id, trade_id)
    )
    SELECT count(*), extract(epoch FROM max(verified_at) - min(received_at))::float8,
           percentile_disc(%(shares)s) WITHIN GROUP (
               ORDER BY greatest(0, extract(epoch FROM committed_at - received_at)))::float8[],
           percentile_disc(%(shares)s) WITHIN GROUP (
               ORDER BY greatest(0, extract(epoch FROM verified_at - received_at)))::float8[]
    FROM fills
"""
_COMMITTED = """
    WITH booked AS (
        SELECT pg_xact_commit_timestamp(xmin) AS at FROM tracking_tradeexecution
        WHERE account_id = ANY(%(accounts)s) AND NOT is_history AND verified
          AND created_at >= to_timestamp(%(since)s)
    )
    SELECT count(*), extract(epoch FROM max(at) - min(at))::float8 FROM booked
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """The middle and the slow end, in milliseconds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Percentiles:
        """Take the two from seconds."""
        p50, p99 = (round(share * 1000, 1) for share in seconds)
        return cls(p50=p50, p99=p99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What became of the fills of one phase."""

    verified: int
    #: from the first frame to the last verifying commit
    seconds: float
    commit: Percentiles
    verification: Percentiles

    @property
    def per_second(self) -> float:
        """Verified fills a second."""
        return self.verified / self.seconds


def of_phase(account_ids: list[int], since: float) -> Phase:
    """Read the fills whose frames came since then."""
    values = {"accounts": account_ids, "since": since, "shares": [0.5, 0.99]}
    count, seconds, commit, verification = _one(_FILLS, values, _received(account_ids, since))
    if not count:
        message = "no fill was verified"
        raise RuntimeError(message)
    return Phase(
        verified=count,
        seconds=seconds,
        commit=Percentiles.of(commit),
        verification=Percentiles.of(verification),
    )


def _received(account_ids: list[int], since: float) -> list[tuple[int, str, str, datetime]]:
    """Say when the frame of each fill came; frames are stored compressed, so SQL cannot."""
    found: dict[tuple[int, str, str], datetime] = {}
    rows = StreamEvent.objects.filter(
        account__in=account_ids, received_at__gte=datetime.fromtimestamp(since, UTC)
    ).order_by("received_at")
    for account_id, at, raw in rows.values_list("account_id", "received_at", "raw").iterator():
        frame = orjson.loads(raw)
        # it may come wrapped; `t` is the trade's id
        order = frame.get("data", frame).get("o", {})
        if order.get("x") == "TRADE":
            found.setdefault((account_id, order["s"], str(order["t"])), at)
    return [(*key, at) for key, at in found.items()]


def committed(account_ids: list[int], since: float) -> tuple[int, float]:
    """Count the verified executions committed since then, and the seconds they took."""
    count, seconds = _one(_COMMITTED, {"accounts": account_ids, "since": since})
    return count, seconds or 0.0


def _one(
    query: str, values: dict[str, Any], received: Sequence[tuple[int, str, str, datetime]] = ()
) -> tuple[Any, ...]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_RECEIVED)
        if received:
            execute_values(cursor, "INSERT INTO received VALUES %s", received)
        # nothing is known of the sizes of what is joined: nested loops would take minutes
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(query, values)
        row: tuple[Any, ...] = cursor.fetchone()
    return row
