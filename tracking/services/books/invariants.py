"""
The invariants, one line of a check each, in the order in which they are judged and shown.

What the names mean is docs/invariants.md; what a line proves, its `says`. RE-9 ends at the database
here: that each browser gets exactly its user's events is shown by tests of the stream.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tracking.services.books import (
    constraints,
    evidence_lines,
    hashes,
    journal_lines,
    last_words,
    orders,
    positions,
    request_lines,
    trades,
)
from tracking.services.books.verdicts import KEPT, Line, Violation

if TYPE_CHECKING:
    from tracking.services.books.moment import Moment, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """One thing that must be so, and the questions that show it."""

    name: str
    says: str
    parts: tuple[Part, ...]

    def judge(self, moment: Moment) -> Line:
        """Ask all its questions."""
        rows, wrong = 0, list[tuple[str, str]]()
        for part in self.parts:
            looked_at, found = part(moment)
            rows, wrong = rows + looked_at, wrong + found
        return line(self.name, self.says, rows, wrong)


def line(name: str, says: str, rows: int, wrong: list[tuple[str, str]], note: str = "") -> Line:
    """Write the line of one invariant; `wrong` is (subject, detail)."""
    return Line(
        invariant=name,
        says=says,
        rows_checked=rows,
        violation_count=len(wrong),
        violations=tuple(
            Violation(invariant=name, subject=subject, detail=detail)
            for subject, detail in sorted(wrong)[:KEPT]
        ),
        note=note,
    )


INVARIANTS: Final = (
    Invariant(
        name="OL-1",
        says="what an order filled is the sum of its live executions",
        parts=(orders.CONSERVED,),
    ),
    Invariant(
        name="OL-2",
        says="trades and positions are what executions and postings make of them",
        parts=(trades.SUMMED, positions.folded),
    ),
    Invariant(
        name="OL-4/RE-2",
        says="nothing is booked twice, and the indexes that forbid it are in force",
        parts=(
            trades.ONCE,
            trades.ONE_GUESS,
            constraints.unique_in_force,
            constraints.checks_in_force,
        ),
    ),
    Invariant(
        name="OL-5/RE-7",
        says="fills never shrink, versions grow by one, the exchange's time does not go back",
        parts=(journal_lines.MONOTONE,),
    ),
    Invariant(
        name="OL-7",
        says="an order that has ended is covered by executions",
        parts=(orders.COVERED,),
    ),
    Invariant(
        name="OL-14",
        says="identities contain account, market and symbol, and fills lie where their order does",
        parts=(trades.AT_HOME, constraints.identities_scoped),
    ),
    Invariant(
        name="OL-16",
        says="execution, trade and order have one owner, a use of this account or nobody",
        parts=(trades.SAME_OWNER, trades.OWN_STRATEGIES),
    ),
    Invariant(
        name="OL-17",
        says="repairs tell before and after, what was to be noticed was, what is unsure is asked",
        parts=(
            evidence_lines.REPAIRS,
            evidence_lines.DISCLAIMED,
            evidence_lines.NOTICED,
            evidence_lines.SET_ASIDE,
            evidence_lines.ASKED_ABOUT,
        ),
    ),
    Invariant(
        name="RE-3",
        says="order and trade agree, and nothing filled beyond its quantity unnoticed",
        parts=(orders.TRADES_OF_ORDERS, orders.NOT_BEYOND),
    ),
    Invariant(
        name="RE-4",
        says="each fill moved its position once, each version was told once",
        parts=(positions.COUNTED, journal_lines.TOLD_ONCE),
    ),
    Invariant(
        name="RE-5",
        says="an order that has ended stays ended",
        parts=(journal_lines.STICKY,),
    ),
    Invariant(
        name="RE-6",
        says="no order is both open and closed",
        parts=(orders.APART,),
    ),
    Invariant(
        name="RE-8",
        says="what was told last is what is so, and the journal has no hole",
        parts=(
            last_words.last_words,
            journal_lines.NO_GHOSTS,
            journal_lines.ENDED,
            journal_lines.UNBROKEN,
        ),
    ),
    Invariant(
        name="RE-9",
        says="an account's events were told to its user only",
        parts=(journal_lines.TO_ITS_USER,),
    ),
    Invariant(
        name="RE-10",
        says="what was sent was sent under one request, after its attempt",
        parts=(request_lines.SENT_ONCE,),
    ),
    Invariant(
        name="RE-11",
        says="what is told not to have been accepted is not there",
        parts=(request_lines.NOT_THERE,),
    ),
    Invariant(
        name="RE-13",
        says="each order of ours has its request, each request that was attempted its order",
        parts=(request_lines.ASKED_FOR, request_lines.THERE),
    ),
    Invariant(
        name="RE-14",
        says="what is held is the signed sum of fills and postings",
        parts=(positions.ADDED_UP,),
    ),
    Invariant(
        name="RE-20",
        says="each frame is done, waiting not long, or set aside",
        parts=(evidence_lines.INBOX,),
    ),
    Invariant(
        name="RE-23",
        says="the derived tables and their rebuild have one hash",
        parts=(hashes.hashed,),
    ),
)
