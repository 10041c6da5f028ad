"""
Which status evidence gives an order: the turns of the table in `states`, taken or refused.

A working order's status follows from what it filled. An end counts once its fills are explained; an
end that stands gives way only to what the table allows after it. An end that only we concluded (a
failure, an absence) is no end the exchange told: its first word undoes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exchanges.messages import OrderStatement, OrderStatus, OrderType
from tracking.domain.executions import ZERO
from tracking.domain.findings import AnomalyKind, Finding
from tracking.domain.states import TERMINAL_RANK, WORKING, is_terminal, may_follow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from tracking.domain.evidence import Evidence, OrderState, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is filled after a merge, and how much of it no execution explains."""

    filled: Decimal
    gap: Decimal


#: what an order is of which nothing but fills was seen: forgotten by the exchange, or not told yet
_OF_FILLS = frozenset({OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED, OrderStatus.UNKNOWN})


def decided(
    state: OrderState, evidence: Evidence, progress: Progress, findings: list[Finding]
) -> OrderState:
    """Give the order with the status evidence leaves it in; refused turns join `findings`."""
    ends = _ends(state, evidence, progress.filled)
    status = _status(state, evidence, progress, ends, findings)
    by_absence = _is_by_absence(state, status, evidence)
    return replace(
        state,
        status=status,
        withheld_status=None if is_terminal(status) else _top(ends),
        reason=_reason(state, status, evidence, ends),
        resolved_by_absence=by_absence,
        unverifiable=by_absence and _is_forgotten(state, evidence),
    )


def is_known_by_fills_only(state: OrderState) -> bool:
    """Say whether nothing but fills was ever seen of an order: it is as large as they are."""
    return (
        state.exchange_updated_at is None
        and state.order_type is OrderType.OTHER
        and state.status in _OF_FILLS
    )


def doubted(state: OrderState, evidence: Evidence, *, has_new_fills: bool) -> OrderState:
    """Undo an end of our own that the exchange speaks against: how the order stands is unknown."""
    is_ours = state.resolved_by_absence or state.status is OrderStatus.FAILED
    fills_speak = has_new_fills and not is_known_by_fills_only(state)
    if is_ours and (evidence.statements or fills_speak):
        return replace(state, status=OrderStatus.UNKNOWN, reason="")
    return state


def _status(
    held: OrderState,
    evidence: Evidence,
    progress: Progress,
    ends: list[OrderStatus],
    findings: list[Finding],
) -> OrderStatus:
    if is_terminal(held.status):
        return _standing(held, ends, progress.filled, findings)
    end = _top(ends)
    if end and progress.gap <= ZERO:
        if may_follow(held.status, end):
            return end
        findings.append(_impossible(held.status, end))
    working = _working(held.status, evidence, progress.filled)
    if evidence.statements or evidence.verdict is None or progress.gap > ZERO:
        return working
    return _judged(replace(held, status=working), evidence.verdict, progress.filled, findings)


def _working(before: OrderStatus, evidence: Evidence, filled: Decimal) -> OrderStatus:
    if filled > ZERO:
        return OrderStatus.PARTIALLY_FILLED
    return OrderStatus.NEW if evidence.statements else before


def _judged(
    working: OrderState, verdict: Verdict, filled: Decimal, findings: list[Finding]
) -> OrderStatus:
    status = verdict.status
    if verdict.by_absence and filled >= working.quantity > ZERO:
        # the exchange forgot an order whose fills are complete
        status = OrderStatus.FILLED
    if may_follow(working.status, status):
        return status
    if status is not OrderStatus.UNKNOWN:
        findings.append(_impossible(working.status, status))
    return working.status


def _ends(state: OrderState, evidence: Evidence, filled: Decimal) -> list[OrderStatus]:
    """Give the ends the exchange has told, now or while fills were still unexplained."""
    claims = [_claimed(s, filled) for s in evidence.statements]
    return [c for c in (*claims, state.withheld_status) if c is not None and is_terminal(c)]


def _claimed(statement: OrderStatement, filled: Decimal) -> OrderStatus | None:
    """What a statement claims; its own amounts outweigh its word."""
    if statement.status is OrderStatus.REJECTED and filled > ZERO:
        # nothing that filled was rejected
        return OrderStatus.CANCELLED
    if statement.status in WORKING and statement.filled_quantity >= statement.quantity > ZERO:
        # amended below what was filled, or a liquidation, which stays NEW to its end
        return OrderStatus.FILLED
    return statement.status


def _standing(
    held: OrderState, ends: list[OrderStatus], filled: Decimal, findings: list[Finding]
) -> OrderStatus:
    """Keep an end, or take the one end that may follow it."""
    told = list(ends)
    if held.status is OrderStatus.REJECTED and filled > ZERO:
        told.append(OrderStatus.CANCELLED)
    if filled < held.quantity:
        told = [end for end in told if end is not OrderStatus.FILLED]
    following = [end for end in told if may_follow(held.status, end)]
    # a word that was merely overtaken contradicts nothing
    contradicting = [e for e in told if e not in following and not may_follow(e, held.status)]
    findings += [_impossible(held.status, end) for end in contradicting]
    return _top([held.status, *following]) or held.status


def _top(ends: Iterable[OrderStatus]) -> OrderStatus | None:
    return max(ends, key=TERMINAL_RANK.__getitem__, default=None)


def _impossible(before: OrderStatus, after: OrderStatus) -> Finding:
    return Finding(
        kind=AnomalyKind.IMPOSSIBLE_TRANSITION,
        detail=f"{after.value} cannot follow {before.value}",
    )


def _reason(
    held: OrderState, status: OrderStatus, evidence: Evidence, ends: list[OrderStatus]
) -> str:
    """Give why the order ended, in the words of whoever told it first."""
    if held.reason or not (is_terminal(status) or ends):
        return held.reason
    told = {s.reason for s in evidence.statements if s.reason}
    if evidence.verdict and not evidence.statements:
        told.add(evidence.verdict.reason)
    return min(told, default="")


def _is_by_absence(held: OrderState, status: OrderStatus, evidence: Evidence) -> bool:
    """Whether nothing but our not finding the order ended it, now or before."""
    if is_terminal(held.status):
        return held.resolved_by_absence
    verdict = evidence.verdict
    was_judged = verdict is not None and verdict.by_absence and not evidence.statements
    return was_judged and held.withheld_status is None and is_terminal(status)


def _is_forgotten(held: OrderState, evidence: Evidence) -> bool:
    """Whether an absence tells nothing, by the verdict that ended the order."""
    if is_terminal(held.status):
        return held.unverifiable
    return evidence.verdict is not None and evidence.verdict.is_forgotten
