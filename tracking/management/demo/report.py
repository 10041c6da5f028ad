"""What a run of the demo came to, as one JSON object and as an exit status."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

import orjson

from tracking.management.demo import measures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracking.management.demo.cast import Cast
    from tracking.management.demo.comparison import Differences
    from tracking.management.demo.placing import Placing
    from tracking.management.demo.sse_client import SseClient


class Verdict(IntEnum):
    """The exit status."""

    EQUAL = 0
    DIFFERENT = 1
    TOO_LITTLE_HAPPENED = 2
    COULD_NOT_RUN = 3


#: what has to happen in a minute for equal books to mean anything
LEAST_A_MINUTE: Final[Mapping[str, int]] = {
    "orders": 100,
    "executions": 200,
    "partial_then_cancelled": 5,
    "by_hand": 3,
    "found_by_rest": 1,
    "stream_interruptions": 1,
}
MUST_BE_ZERO: Final = (
    "missing",
    "extra",
    "open_order_mismatches",
    "position_mismatches",
    "unverified",
    "inferred",
    "quarantined",
    "sse_gaps",
    "orders_sent_twice",
    "orders_unasked",
    "requests_lost",
    "requests_not_as_told",
    "requests_unresolved",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures of one run; the names are those of the JSON object."""

    orders: int
    executions: int
    partial_then_cancelled: int
    by_hand: int
    frames_lost: int
    found_by_rest: int
    stream_interruptions: int
    missing: int
    extra: int
    open_order_mismatches: int
    position_mismatches: int
    unverified: int
    inferred: int
    quarantined: int
    sse_events: int
    order_events: int
    sse_gaps: int
    requests: int
    requests_accepted: int
    requests_lost: int
    requests_unresolved: int
    requests_needing_review: int
    requests_not_as_told: int
    orders_sent: int
    orders_sent_twice: int
    orders_unasked: int
    books: measures.Proof
    latency_ms: measures.Latency

    def verdict(self, seconds: float) -> Verdict:
        """Judge a run of so many seconds; what differs weighs more than how little happened."""
        if self.wrong():
            return Verdict.DIFFERENT
        return Verdict.TOO_LITTLE_HAPPENED if self.too_little(seconds) else Verdict.EQUAL

    def wrong(self) -> list[str]:
        """Name the figures that say the books, or what was told of them, are not right."""
        wrong = [name for name in MUST_BE_ZERO if getattr(self, name)]
        wrong += ["books"] if self.books.violations else []
        return wrong + (["sse_events"] if self.sse_events != self.order_events else [])

    def too_little(self, seconds: float) -> list[str]:
        """Name the figures that are too small for a run of so many seconds."""
        minutes = seconds / 60
        return [n for n, least in LEAST_A_MINUTE.items() if getattr(self, n) < least * minutes]

    def to_json(self) -> str:
        """Write one line of JSON."""
        return orjson.dumps(asdict(self)).decode()

    def lines(self) -> list[str]:
        """Write one line a figure, for people."""
        named = asdict(self)
        proof = named.pop("books")
        named["books"] = f"{proof['violations']} violations in {proof['rows_checked']} rows"
        for stage, figures in named.pop("latency_ms").items():
            named[f"frame to {stage}"] = f"p50 {figures['p50']} ms, p99 {figures['p99']} ms"
        return [f"{name.replace('_', ' '):>24}  {value}" for name, value in named.items()]


def draw_up(
    cast: Cast,
    summary: Mapping[str, Any],
    *,
    differences: Differences,
    proof: measures.Proof,
    placing: Placing,
    listener: SseClient,
) -> Report:
    """Draw up the report of a run that has settled."""
    account_ids = list(cast.api_keys)
    numbers = measures.journal_numbers(cast.user_id)
    return Report(
        orders=summary["orders"],
        executions=summary["executions"],
        partial_then_cancelled=summary["partial_then_cancelled"],
        by_hand=summary["by_hand"],
        frames_lost=summary["frames_lost"],
        found_by_rest=measures.found_by_rest(cast.accounts, summary["lost_frames"]),
        stream_interruptions=summary["interruptions"],
        missing=len(differences.missing),
        extra=len(differences.extra),
        open_order_mismatches=len(differences.orders),
        position_mismatches=len(differences.positions),
        unverified=measures.unverified(account_ids),
        inferred=measures.inferred(account_ids),
        quarantined=measures.quarantined(account_ids),
        sse_events=len(numbers & listener.received_at.keys()),
        order_events=len(numbers),
        sse_gaps=listener.gaps(numbers),
        **asdict(placing),
        books=proof,
        latency_ms=measures.latency(cast.user_id, listener.received_at),
    )
