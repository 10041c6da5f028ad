"""
What the database says of a phase: rate, latencies, verification.

Times of commits are PostgreSQL's own (`track_commit_timestamp`), read from the row that was
committed: a journal row is written once, with its execution; an execution row carries the time of
its last writing, which is the one that made it verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

#: a frame may come wrapped; `t` is the trade's id. A fill that REST told before its frame was
#: read was not late: it counts as zero
_FILLS = """
    WITH frames AS MATERIALIZED (
        SELECT account_id, received_at, coalesce(raw::jsonb -> 'data', raw::jsonb) -> 'o' AS o
        FROM tracking_streamevent
        WHERE account_id = ANY(%(accounts)s) AND received_at >= to_timestamp(%(since)s)
    ), received AS MATERIALIZED (
        SELECT account_id, o ->> 's' AS symbol_id, o ->> 't' AS trade_id,
               min(received_at) AS received_at
        FROM frames WHERE o ->> 'x' = 'TRADE' GROUP BY 1, 2, 3
    ), told AS MATERIALIZED (
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
    count, seconds, commit, verification = _one(_FILLS, values)
    if not count:
        message = "no fill was verified"
        raise RuntimeError(message)
    return Phase(
        verified=count,
        seconds=seconds,
        commit=Percentiles.of(commit),
        verification=Percentiles.of(verification),
    )


def committed(account_ids: list[int], since: float) -> tuple[int, float]:
    """Count the verified executions committed since then, and the seconds they took."""
    count, seconds = _one(_COMMITTED, {"accounts": account_ids, "since": since})
    return count, seconds or 0.0


def _one(query: str, values: dict[str, Any]) -> tuple[Any, ...]:
    with transaction.atomic(), connection.cursor() as cursor:
        # nothing is known of the sizes of what is joined: nested loops would take minutes
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(query, values)
        row: tuple[Any, ...] = cursor.fetchone()
    return row
