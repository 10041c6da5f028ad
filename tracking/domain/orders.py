"""
The heart: `merge(state, evidence) -> Transition`, pure.

Note [Evidence, not events]
~~~~~~~~~~~~~~~~~~~~~~~~~~~
A stream frame, a REST order, a REST trade list and the answer to our own POST are all evidence
about an order. Evidence is merged, never replayed:

* `filled_quantity` is the greatest seen, executions are a set, terminal status is sticky; so merge
  is idempotent, commutative and monotone, and order or repetition of delivery cannot matter.
* REST may add, never subtract: it can lag the stream by a minute (kraken-infinity-grid #82).
* An order becomes terminal only together with executions that cover what was filled. While
  `Transition.gap` is positive and the trade list was not asked for, the end is withheld; when it
  was asked for and does not show the fills yet, one inferred execution covers the gap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.messages import (
    ExecutionReport,
    OrderSnapshot,
    OrderStatement,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Source,
    TimeInForce,
)
from tracking.domain.executions import (
    ZERO,
    ExecutionSet,
    ExecutionState,
    from_report,
    total_quantity,
    total_quote,
)
from tracking.domain.findings import AnomalyKind, Finding
from tracking.domain.states import TERMINAL_RANK, is_terminal, may_follow

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """One order as we hold it, with all its executions (voided ones included)."""

    status: OrderStatus
    side: Side
    quantity: Decimal
    #: an end the exchange told while fills were unexplained: it counts once they are
    withheld_status: OrderStatus | None = None
    exchange_order_id: str | None = None
    client_order_id: str | None = None
    position_side: PositionSide = PositionSide.NET
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    price: Decimal | None = None
    stop_price: Decimal | None = None
    filled_quantity: Decimal = ZERO
    filled_quote: Decimal = ZERO
    reason: str = ""
    reduce_only: bool = False
    post_only: bool = False
    exchange_updated_at: datetime | None = None
    verified: bool = False
    executions: tuple[ExecutionState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What we concluded of an order without a statement of the exchange; any statement beats it."""

    status: OrderStatus
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything at hand about one order. At least one statement, execution or verdict."""

    statements: tuple[OrderStatement, ...] = ()
    executions: tuple[ExecutionReport, ...] = ()
    #: the exchange was asked for all trades of this order, after the newest statement was made
    trades_complete: bool = False
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What evidence made of an order. `before` is None for an order not known until now."""

    before: OrderState | None
    after: OrderState
    added: tuple[ExecutionState, ...]
    updated: tuple[ExecutionState, ...]
    findings: tuple[Finding, ...]
    #: filled quantity that no execution, real or inferred, explains: ask for the trades
    gap: Decimal

    @property
    def order_changed(self) -> bool:
        """Whether anything but the executions differs."""
        return self.before is None or (
            replace(self.before, executions=()) != replace(self.after, executions=())
        )

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self.order_changed or bool(self.added or self.updated)

    @property
    def closes(self) -> bool:
        """Whether the order ends here."""
        return is_terminal(self.after.status) and (
            self.before is None or not is_terminal(self.before.status)
        )

    @property
    def needs_rest(self) -> bool:
        """Whether REST must be asked again: fills unexplained, covered by guess, or no end told."""
        after = self.after
        covered_by_guess = any(e.is_inferred and not e.voided for e in after.executions)
        complete_but_open = not is_terminal(after.status) and (
            after.filled_quantity >= after.quantity > ZERO
        )
        unsure = after.status is OrderStatus.UNKNOWN
        return self.gap > ZERO or covered_by_guess or complete_but_open or unsure


def first_state(evidence: Evidence) -> OrderState:
    """Begin an order nobody told us of. Without any statement its fills are all there is."""
    if evidence.statements:
        statement = evidence.statements[0]
        return _with_terms(
            OrderState(
                status=OrderStatus.NEW,
                side=statement.side,
                quantity=statement.quantity,
                exchange_order_id=statement.exchange_order_id,
            ),
            statement,
        )
    fill = evidence.executions[0]
    return OrderState(
        status=OrderStatus.FILLED,
        side=fill.side,
        position_side=fill.position_side,
        quantity=sum((e.execution_quantity for e in evidence.executions), ZERO),
        exchange_order_id=fill.exchange_order_id,
        order_type=OrderType.OTHER,
        time_in_force=TimeInForce.OTHER,
        reason="the exchange no longer knows the order, only its fills",
    )


def merge(before: OrderState | None, evidence: Evidence) -> Transition:
    """Merge evidence into an order. See Note [Evidence, not events]."""
    state = before or first_state(evidence)
    executions = ExecutionSet.of(state.executions)
    for report in evidence.executions:
        executions.absorb(from_report(report))
    state = _with_newest_terms(state, evidence.statements)
    told = _filled_by_statements(state, evidence.statements)
    real = executions.live()
    gap = _cover_gap(state, executions, evidence, max(told, total_quantity(real)))
    _verify_by_checksum(executions, evidence.statements)
    counted = [e for e in executions.known.values() if not e.voided]
    filled = max(told, total_quantity(counted))
    findings = _findings(state, executions, evidence, filled)
    status = _status(state, evidence, filled, gap, findings)
    after = replace(
        state,
        status=status,
        withheld_status=_withheld(state, evidence, filled, status),
        reason=_reason(state, status, evidence),
        filled_quantity=filled,
        filled_quote=_filled_quote(state, evidence, counted, filled),
        executions=tuple(executions.known.values()),
    )
    after = replace(after, verified=_is_verified(before, after, evidence))
    _note_late_fills(before, executions, findings)
    return Transition(
        before=before,
        after=after,
        added=tuple(executions.added.values()),
        updated=tuple(executions.updated.values()),
        findings=tuple(findings),
        gap=gap,
    )


def _filled_by_statements(state: OrderState, statements: tuple[OrderStatement, ...]) -> Decimal:
    return max(state.filled_quantity, *(s.filled_quantity for s in statements), ZERO)


def _cover_gap(
    state: OrderState, executions: ExecutionSet, evidence: Evidence, filled: Decimal
) -> Decimal:
    """Cover what is filled but not seen, if that may be inferred; return what stays uncovered."""
    real = executions.live()
    gap = filled - total_quantity(real)
    held = executions.inferred()
    may_infer = evidence.trades_complete or (held is not None and not held.voided)
    if gap <= ZERO:
        executions.retire_inferred()
        return ZERO
    if may_infer:
        at = _newest_time(state, evidence)
        quote = _quote_told(evidence.statements, filled)
        if quote is None:
            quote = _fallback_price(state, real) * filled
        executions.cover(gap, quote - total_quote(real), at, state.side)
        return ZERO
    return gap


def _newest_time(state: OrderState, evidence: Evidence) -> datetime:
    times = [s.exchange_updated_at for s in evidence.statements]
    times += [e.executed_at for e in evidence.executions]
    times += [e.executed_at for e in state.executions]
    if state.exchange_updated_at:
        times.append(state.exchange_updated_at)
    return max(times)


def _quote_told(statements: tuple[OrderStatement, ...], filled: Decimal) -> Decimal | None:
    """Quote value of exactly `filled`, from the exchange's sums or its average."""
    for statement in statements:
        if statement.filled_quantity != filled:
            continue
        if statement.filled_quote is not None:
            return statement.filled_quote
        if statement.average_price is not None:
            return statement.average_price * filled
    return None


def _fallback_price(state: OrderState, real: list[ExecutionState]) -> Decimal:
    if real:
        return total_quote(real) / total_quantity(real)
    return state.price or ZERO


def _verify_by_checksum(executions: ExecutionSet, statements: tuple[OrderStatement, ...]) -> None:
    """An order whose REST totals equal our sums has had each of our fills confirmed."""
    real = executions.live()
    if not real or all(e.verified for e in real):
        return
    quantity, quote = total_quantity(real), total_quote(real)
    for statement in statements:
        if _is_rest_with_sums(statement) and statement.filled_quantity == quantity:
            told = statement.filled_quote
            if told is not None and abs(told - quote) <= _rounding(told):
                executions.verify_all()
                return


def _is_rest_with_sums(statement: OrderStatement) -> bool:
    return isinstance(statement, OrderSnapshot) and statement.filled_quote is not None


def _rounding(told: Decimal) -> Decimal:
    """One unit in the last place the exchange wrote: it may have rounded its sum."""
    exponent = told.as_tuple().exponent
    return Decimal(1).scaleb(exponent) if isinstance(exponent, int) and exponent < 0 else ZERO


def _with_newest_terms(state: OrderState, statements: tuple[OrderStatement, ...]) -> OrderState:
    for statement in sorted(statements, key=lambda s: (s.exchange_updated_at, _source_rank(s))):
        known_at = state.exchange_updated_at
        if known_at is None or statement.exchange_updated_at >= known_at:
            state = _with_terms(state, statement)
    return state


def _with_terms(state: OrderState, statement: OrderStatement) -> OrderState:
    """Take the order's terms from a statement that is not older than what we hold."""
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


def _source_rank(statement: OrderStatement) -> int:
    return int(isinstance(statement, OrderSnapshot))


def _status(
    state: OrderState,
    evidence: Evidence,
    filled: Decimal,
    gap: Decimal,
    findings: list[Finding],
) -> OrderStatus:
    claims = {_claimed(s, filled) for s in evidence.statements} - {None}
    ends = _ends(state, evidence, filled)
    if is_terminal(state.status):
        return _sticky(state, ends, filled, working_claimed=bool(claims - set(ends)))
    if ends and gap <= ZERO:
        end = max(ends, key=TERMINAL_RANK.__getitem__)
        if may_follow(state.status, end):
            return end
        findings.append(_impossible(state.status, end))
    if filled > ZERO:
        return OrderStatus.PARTIALLY_FILLED
    if evidence.statements or evidence.verdict is None:
        return OrderStatus.NEW if evidence.statements else state.status
    return _judged(state, evidence.verdict, findings)


def _judged(state: OrderState, verdict: Verdict, findings: list[Finding]) -> OrderStatus:
    if may_follow(state.status, verdict.status):
        return verdict.status
    if verdict.status is not OrderStatus.UNKNOWN:
        findings.append(_impossible(state.status, verdict.status))
    return state.status


def _ends(state: OrderState, evidence: Evidence, filled: Decimal) -> list[OrderStatus]:
    """Give the ends the exchange has told, now or while fills were still unexplained."""
    claims = [_claimed(s, filled) for s in evidence.statements]
    return [c for c in (*claims, state.withheld_status) if c is not None and is_terminal(c)]


def _withheld(
    state: OrderState, evidence: Evidence, filled: Decimal, status: OrderStatus
) -> OrderStatus | None:
    ends = _ends(state, evidence, filled)
    if is_terminal(status) or not ends:
        return None
    return max(ends, key=TERMINAL_RANK.__getitem__)


def _claimed(statement: OrderStatement, filled: Decimal) -> OrderStatus | None:
    """What a statement claims. Nothing that filled was rejected, whatever it says."""
    if statement.status is OrderStatus.REJECTED and filled > ZERO:
        return OrderStatus.CANCELLED
    return statement.status


def _sticky(
    state: OrderState, ends: list[OrderStatus], filled: Decimal, *, working_claimed: bool
) -> OrderStatus:
    if state.status is OrderStatus.FAILED and (ends or working_claimed or filled > ZERO):
        # a false failure comes back to life as what the exchange says it is
        if ends:
            return max(ends, key=TERMINAL_RANK.__getitem__)
        return OrderStatus.PARTIALLY_FILLED if filled > ZERO else OrderStatus.NEW
    if state.status is OrderStatus.REJECTED and filled > ZERO:
        state = replace(state, status=OrderStatus.CANCELLED)
    if OrderStatus.FILLED in ends and filled >= state.quantity:
        return OrderStatus.FILLED
    return state.status


def _impossible(before: OrderStatus, after: OrderStatus) -> Finding:
    return Finding(
        kind=AnomalyKind.IMPOSSIBLE_TRANSITION,
        detail=f"{after.value} cannot follow {before.value}",
    )


def _reason(state: OrderState, status: OrderStatus, evidence: Evidence) -> str:
    if not is_terminal(status) and not _ends(state, evidence, state.filled_quantity):
        return state.reason
    told = sorted({s.reason for s in evidence.statements if s.reason})
    if evidence.verdict:
        told.append(evidence.verdict.reason)
    return state.reason or (told[0] if told else "")


def _filled_quote(
    state: OrderState, evidence: Evidence, counted: list[ExecutionState], filled: Decimal
) -> Decimal:
    if total_quantity(counted) == filled:
        return total_quote(counted)
    told = _quote_told(evidence.statements, filled)
    return max(state.filled_quote, told if told is not None else ZERO)


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
    return found


def _note_late_fills(
    before: OrderState | None, executions: ExecutionSet, findings: list[Finding]
) -> None:
    if before is None or not is_terminal(before.status):
        return
    late = [e for e in executions.added.values() if not e.is_inferred]
    if late and total_quantity(e for e in before.executions if not e.voided) < total_quantity(
        e for e in executions.known.values() if not e.voided
    ):
        findings.append(
            Finding(
                kind=AnomalyKind.LATE_FILL,
                detail=f"{len(late)} fill(s) after the order was {before.status.value}",
            )
        )
    if before.status is OrderStatus.FAILED:
        findings.append(
            Finding(
                kind=AnomalyKind.FALSE_FAILURE, detail="the exchange has an order we held failed"
            )
        )
