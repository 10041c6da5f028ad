"""
Which status evidence gives an order: the turns of the table in `states`, taken or refused.

A working order's status follows from what it filled. An end counts once its fills are explained; an
end that stands gives way only to the fills that complete the order, or to proof of a false failure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exchanges.messages import OrderStatement, OrderStatus
from tracking.domain.executions import ZERO
from tracking.domain.findings import AnomalyKind, Finding
from tracking.domain.states import TERMINAL_RANK, is_terminal, may_follow

if TYPE_CHECKING:
    from decimal import Decimal

    from tracking.domain.evidence import Evidence, OrderState, Verdict


def decided_status(
    state: OrderState,
    evidence: Evidence,
    filled: Decimal,
    gap: Decimal,
    findings: list[Finding],
) -> OrderStatus:
    """Give the status evidence leaves an order in; refused turns are added to `findings`."""
    before = _doubted(state.status, evidence, filled)
    ends = _ends(state, evidence, filled)
    if is_terminal(before):
        return _sticky(replace(state, status=before), ends, filled)
    if ends and gap <= ZERO:
        end = max(ends, key=TERMINAL_RANK.__getitem__)
        if may_follow(before, end):
            return end
        findings.append(_impossible(before, end))
    working = _working(before, evidence, filled)
    if evidence.statements or evidence.verdict is None or gap > ZERO:
        return working
    return _judged(working, evidence.verdict, findings)


def _doubted(status: OrderStatus, evidence: Evidence, filled: Decimal) -> OrderStatus:
    """A failure that the exchange contradicts was false: how the order stands is not known."""
    is_false = status is OrderStatus.FAILED and (evidence.statements or filled > ZERO)
    return OrderStatus.UNKNOWN if is_false else status


def _working(before: OrderStatus, evidence: Evidence, filled: Decimal) -> OrderStatus:
    if filled > ZERO:
        return OrderStatus.PARTIALLY_FILLED
    return OrderStatus.NEW if evidence.statements else before


def _judged(working: OrderStatus, verdict: Verdict, findings: list[Finding]) -> OrderStatus:
    if may_follow(working, verdict.status):
        return verdict.status
    if verdict.status is not OrderStatus.UNKNOWN:
        findings.append(_impossible(working, verdict.status))
    return working


def _ends(state: OrderState, evidence: Evidence, filled: Decimal) -> list[OrderStatus]:
    """Give the ends the exchange has told, now or while fills were still unexplained."""
    claims = [_claimed(s, filled) for s in evidence.statements]
    return [c for c in (*claims, state.withheld_status) if c is not None and is_terminal(c)]


def withheld_status(
    state: OrderState, evidence: Evidence, filled: Decimal, status: OrderStatus
) -> OrderStatus | None:
    """Give the end that was told but does not count yet, for fills are unexplained."""
    ends = _ends(state, evidence, filled)
    if is_terminal(status) or not ends:
        return None
    return max(ends, key=TERMINAL_RANK.__getitem__)


def _claimed(statement: OrderStatement, filled: Decimal) -> OrderStatus | None:
    """What a statement claims. Nothing that filled was rejected, whatever it says."""
    if statement.status is OrderStatus.REJECTED and filled > ZERO:
        return OrderStatus.CANCELLED
    return statement.status


def _sticky(state: OrderState, ends: list[OrderStatus], filled: Decimal) -> OrderStatus:
    if OrderStatus.FILLED in ends and filled >= state.quantity:
        return OrderStatus.FILLED
    if state.status is OrderStatus.REJECTED and filled > ZERO:
        return OrderStatus.CANCELLED
    return state.status


def _impossible(before: OrderStatus, after: OrderStatus) -> Finding:
    return Finding(
        kind=AnomalyKind.IMPOSSIBLE_TRANSITION,
        detail=f"{after.value} cannot follow {before.value}",
    )


def told_reason(state: OrderState, status: OrderStatus, evidence: Evidence) -> str:
    """Give why the order ended, in the words of whoever told it first."""
    if not is_terminal(status) and not _ends(state, evidence, state.filled_quantity):
        return state.reason
    told = sorted({s.reason for s in evidence.statements if s.reason})
    if evidence.verdict:
        told.append(evidence.verdict.reason)
    return state.reason or (told[0] if told else "")
