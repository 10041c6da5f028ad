"""
What asking about a submit without an answer has told, round by round, and when that is enough.

Note [Proof of absence]
~~~~~~~~~~~~~~~~~~~~~~~
A round asks the order itself, the open orders of its market and the market's trades; it is negative
if all of them answered and none knew the order. That is not proof: an exchange may deny for ten
seconds an order that lives (ccxt #6615), and REST may lag the stream. So a submit is concluded
absent only by all of these together:

1. The deadline is past: nothing of ours can be under way any more. Signed at most 10 s after its
   claim, good for a `recvWindow` of 5 s, and 10 s more for the exchange itself.
2. The private stream is proven alive at a time not before the deadline. Proof is a sign of life
   (frame, pong): on one connection it comes behind everything the exchange wrote before it, so it
   proves the connection from its beginning up to that sign, and nothing later. That stretch has
   either heard all there was to hear up to the deadline, or begins after something was missed.
3. Three negative rounds since that stretch began, at least 10 s from the first to the last, and the
   last one begun after the deadline. What was asked before the stretch began does not count: an
   order may have come in afterwards, while nobody listened. A break before the deadline therefore
   starts the count anew. A break after it does not: nothing can come in any more, so there is
   nothing that only a stream could have told. (A stream that drops every few seconds would else
   never let anything be concluded, and proves no less.)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Past this no request of ours can still be under way: signing, recvWindow, and 10 s more.
SUBMIT_MAY_ARRIVE: Final = timedelta(seconds=10 + 5 + 10)
#: So many rounds in which nobody knew it, so far apart.
ENOUGH: Final = 3
SPAN: Final = timedelta(seconds=10)
#: What is kept of the rounds: how it began, and how it stands.
FIRST, LAST = 5, 15

SILENT: Final = "not asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A time over which a stream was alive without interruption, up to its last sign of life."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of questions: what each end point answered, and what the stream proved then."""

    asked_at: datetime
    #: all answered, and none knew it
    is_negative: bool
    order: str = SILENT
    open_orders: str = SILENT
    trades: str = SILENT
    stream: Stretch | None = None

    def to_json(self) -> dict[str, str | bool | None]:
        """Write it as the request keeps it."""
        return {
            "asked_at": self.asked_at.isoformat(),
            "negative": self.is_negative,
            "order": self.order,
            "open_orders": self.open_orders,
            "trades": self.trades,
            "stream_since": self.stream.since.isoformat() if self.stream else None,
            "stream_until": self.stream.until.isoformat() if self.stream else None,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, str | bool | None]) -> Round:
        """Read what `to_json` wrote."""
        since, until = told["stream_since"], told["stream_until"]
        return cls(
            asked_at=datetime.fromisoformat(str(told["asked_at"])),
            is_negative=told["negative"] is True,
            order=str(told["order"]),
            open_orders=str(told["open_orders"]),
            trades=str(told["trades"]),
            stream=Stretch(
                since=datetime.fromisoformat(str(since)), until=datetime.fromisoformat(str(until))
            )
            if since and until
            else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """How far the rounds have come. `missing` says in words what is not proven yet."""

    is_absent: bool
    #: negative rounds that count
    count: int
    missing: str = ""
    #: nothing but more rounds is needed
    is_nearly_proven: bool = False


def weigh(rounds: Sequence[Round], sent_at: datetime) -> Weighed:
    """Judge the rounds about one submit, oldest first. See Note [Proof of absence]."""
    deadline = sent_at + SUBMIT_MAY_ARRIVE
    proven = next((r.stream for r in rounds if r.stream and r.stream.until >= deadline), None)
    counted = [r for r in rounds if r.is_negative and proven and r.asked_at >= proven.since]
    is_past = bool(rounds) and rounds[-1].asked_at >= deadline
    if not is_past:
        return _not_yet(counted, "it may still arrive")
    if proven is None:
        return _not_yet(counted, "no stream was alive when it could not arrive any more")
    is_enough = (
        len(counted) >= ENOUGH
        and counted[-1].asked_at >= deadline
        and counted[-1].asked_at - counted[0].asked_at >= SPAN
    )
    if is_enough:
        return Weighed(is_absent=True, count=len(counted))
    missing = f"{len(counted)} of {ENOUGH} answers, {SPAN.seconds} s apart, that nobody knows it"
    return Weighed(is_absent=False, count=len(counted), missing=missing, is_nearly_proven=True)


def bounded(rounds: Sequence[Round]) -> list[Round]:
    """Keep the first five and the last fifteen."""
    if len(rounds) <= FIRST + LAST:
        return list(rounds)
    return [*rounds[:FIRST], *rounds[-LAST:]]


def _not_yet(counted: Sequence[Round], missing: str) -> Weighed:
    return Weighed(is_absent=False, count=len(counted), missing=missing)
