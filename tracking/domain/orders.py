"""
The heart: `merge(state, evidence) -> Transition`, pure.

Note [Evidence, not events]
~~~~~~~~~~~~~~~~~~~~~~~~~~~
A stream frame, a REST order, a REST trade list and the answer to our own POST are all evidence
about an order. Evidence is merged, never replayed:

* `filled_quantity` is the greatest seen, executions are a set, terminal status is sticky; so merge
  is idempotent, commutative and monotone, and order or repetition of delivery cannot matter.
* REST may add, never subtract: it can lag the stream by a minute (kraken-infinity-grid #82).
* A quantity of 0 says that an order has none of its own (so much money is spent or made, at
  whatever it gets): whoever said it, it stays so. What filled is all there is, it is never too much
  and never by itself an end.
* An order becomes terminal only together with executions that cover what was filled. While
  `Transition.gap` is positive and the trade list was not asked for, the end is withheld; when it
  was asked for and does not show the fills yet, one inferred execution covers the gap.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exchanges.messages import (
    ExecutionKind,
    OrderSnapshot,
    OrderStatement,
    OrderStatus,
    OrderType,
    Source,
    TimeInForce,
)
from tracking.domain.evidence import Evidence, OrderState, Transition
from tracking.domain.executions import (
    ZERO,
    ExecutionSet,
    from_report,
    is_fill,
    total_quantity,
)
from tracking.domain.findings import AnomalyKind, Finding
from tracking.domain.states import is_terminal
from tracking.domain.statuses import Progress, decided, doubted, is_known_by_fills_only
from tracking.domain.totals import (
    check_sums,
    cover_gap,
    filled_by_statements,
    filled_quote,
)

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal


#: Bybit tells these as fills, but never as orders ("CreateBySettle").
_WITHOUT_ORDER = frozenset({ExecutionKind.DELIVERY, ExecutionKind.SETTLEMENT})


def first_state(evidence: Evidence) -> OrderState:
    """Begin an order nobody told us of. Without any statement its fills are all there is, and
    it is as large as they are.
    """
    if evidence.statements:
        statement = evidence.statements[0]
        return OrderState(
            status=OrderStatus.NEW,
            side=statement.side,
            quantity=statement.quantity,
        )
    fill = evidence.executions[0]
    has_fills = any(map(is_fill, evidence.executions)) and _tell_all(evidence)
    return OrderState(
        status=OrderStatus.FILLED if has_fills else OrderStatus.UNKNOWN,
        side=fill.side,
        position_side=fill.position_side,
        quantity=ZERO,
        exchange_order_id=fill.exchange_order_id,
        order_type=OrderType.OTHER,
        time_in_force=TimeInForce.OTHER,
        reason="the exchange no longer knows the order, only its fills" if has_fills else "",
        resolved_by_absence=has_fills,
    )


def _tell_all(evidence: Evidence) -> bool:
    """Whether fills are all there will ever be: listed by REST, or of an order there never was.

    One the stream tells belongs to an order that lives, or has just ended.
    """
    return all(
        report.source is not Source.WS or report.kind in _WITHOUT_ORDER
        for report in evidence.executions
    )


def _named(state: OrderState, evidence: Evidence) -> OrderState:
    """Let a fill name the order, if nothing has yet."""
    if state.exchange_order_id is not None or not evidence.executions:
        return state
    return replace(state, exchange_order_id=evidence.executions[0].exchange_order_id)


def merge(before: OrderState | None, evidence: Evidence) -> Transition:
    """Merge evidence into an order. See Note [Evidence, not events]."""
    state = _named(before or first_state(evidence), evidence)
    executions = ExecutionSet.of(state.executions)
    for report in filter(is_fill, evidence.executions):
        executions.absorb(from_report(report))
    executions.disclaim(evidence.disclaimed)
    new_fills = [e for e in executions.added.values() if not e.voided]
    state = doubted(state, evidence, has_new_fills=bool(new_fills))
    state = _with_terms(state, evidence.statements)
    told = filled_by_statements(state, evidence.statements)
    real = executions.live()
    gap = cover_gap(state, executions, evidence, max(told, total_quantity(real)))
    filled = max(told, total_quantity(executions.counted()))
    if is_known_by_fills_only(state):
        state = replace(state, quantity=max(state.quantity, filled))
    findings = _findings(state, executions, evidence, filled)
    findings += check_sums(executions, evidence.statements, filled)
    after = replace(
        decided(state, evidence, Progress(filled=filled, gap=gap), findings),
        filled_quantity=filled,
        filled_quote=filled_quote(state, evidence, executions, filled),
        executions=tuple(executions.known.values()),
    )
    after = replace(after, verified=_is_verified(before, after, evidence))
    _note_late(before, after, executions, findings)
    return Transition(
        before=before,
        after=after,
        added=tuple(executions.added.values()),
        updated=tuple(executions.updated.values()),
        findings=tuple(findings),
        gap=gap,
    )


def _with_terms(state: OrderState, statements: tuple[OrderStatement, ...]) -> OrderState:
    """Take the newest terms. Of one moment REST's stand, whichever came first (an amendment)."""
    is_told = state.exchange_updated_at is not None
    has_none = is_told and state.quantity == ZERO
    for statement in sorted(statements, key=_age):
        known_at, told_at = state.exchange_updated_at, statement.exchange_updated_at
        is_rest = isinstance(statement, OrderSnapshot)
        if known_at is None or told_at > known_at or (is_rest and told_at == known_at):
            state = _as_stated(state, statement)
    if has_none or any(statement.quantity == ZERO for statement in statements):
        return replace(state, quantity=ZERO)
    return state


def _age(statement: OrderStatement) -> tuple[datetime, float]:
    """Order by the exchange's time; of one moment, frames first, then as REST was asked."""
    if isinstance(statement, OrderSnapshot):
        return statement.exchange_updated_at, statement.requested_at.timestamp()
    return statement.exchange_updated_at, 0


def _as_stated(state: OrderState, statement: OrderStatement) -> OrderState:
    return replace(
        state,
        exchange_order_id=state.exchange_order_id or statement.exchange_order_id,
        client_order_id=state.client_order_id or statement.client_order_id,
        side=statement.side,
        position_side=statement.position_side,
        order_type=statement.order_type,
        time_in_force=statement.time_in_force,
        price=statement.price,
        stop_price=statement.stop_price,
        quantity=statement.quantity,
        reduce_only=statement.reduce_only,
        post_only=statement.post_only,
        exchange_updated_at=statement.exchange_updated_at,
    )


def _is_verified(before: OrderState | None, after: OrderState, evidence: Evidence) -> bool:
    """REST has said just this, or said it before and nothing has changed since."""
    for statement in evidence.statements:
        if isinstance(statement, OrderSnapshot) and statement.source is Source.REST_ORDER:
            same_end = statement.status == after.status
            if same_end and statement.filled_quantity == after.filled_quantity:
                return True
    return (
        before is not None
        and before.verified
        and before.status == after.status
        and before.filled_quantity == after.filled_quantity
    )


def _findings(
    state: OrderState, executions: ExecutionSet, evidence: Evidence, filled: Decimal
) -> list[Finding]:
    found = [
        Finding(
            kind=AnomalyKind.SAME_TRADE_ID,
            detail=f"trade id {trade_id} came with another price or quantity",
        )
        for trade_id in executions.clashes
    ]
    found += [
        Finding(
            kind=AnomalyKind.UNKNOWN_STATUS, detail=f"status {s.exchange_status!r} is not known"
        )
        for s in evidence.statements
        if s.status is None
    ]
    if filled > state.quantity > ZERO:
        found.append(
            Finding(
                kind=AnomalyKind.OVERFILL,
                detail=f"filled {filled:f} of {state.quantity:f}",
            )
        )
    booked = total_quantity(executions.counted())
    if booked < filled and any(e.disclaimed for e in executions.known.values()):
        found.append(
            Finding(
                kind=AnomalyKind.FILL_GAP,
                detail=f"{booked:f} of {filled:f} filled: the rest was disclaimed",
            )
        )
    return found


def _note_late(
    before: OrderState | None,
    after: OrderState,
    executions: ExecutionSet,
    findings: list[Finding],
) -> None:
    if before is None or not is_terminal(before.status):
        return
    if before.resolved_by_absence and before.status is not after.status:
        findings.append(
            Finding(
                kind=AnomalyKind.FALSE_ABSENCE,
                detail=f"the exchange knows an order we held {before.status.value} by absence",
            )
        )
    elif before.status is OrderStatus.FAILED is not after.status:
        findings.append(
            Finding(
                kind=AnomalyKind.FALSE_FAILURE, detail="the exchange has an order we held failed"
            )
        )
    late = [e for e in executions.added.values() if not e.is_inferred]
    if late and total_quantity(e for e in before.executions if not e.voided) < total_quantity(
        executions.counted()
    ):
        findings.append(
            Finding(
                kind=AnomalyKind.LATE_FILL,
                detail=f"{len(late)} fill(s) after the order was {before.status.value}",
            )
        )
