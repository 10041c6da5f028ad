"""An order's totals against its executions: what is unexplained, guessed, or agrees."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.messages import MarketType, OrderSnapshot, OrderStatement
from tracking.domain.executions import (
    ZERO,
    ExecutionSet,
    ExecutionState,
    quote_of,
    total_quantity,
    total_quote,
)
from tracking.domain.findings import AnomalyKind, Finding
from tracking.domain.states import is_terminal

if TYPE_CHECKING:
    from datetime import datetime

    from tracking.domain.evidence import Evidence, OrderState

#: how far an average may be off beyond its last place: exchanges compute some in floating point
RELATIVE_ROUNDING = Decimal("1e-8")


def filled_by_statements(state: OrderState, statements: tuple[OrderStatement, ...]) -> Decimal:
    """Give the greatest filled quantity anyone has stated."""
    return max(state.filled_quantity, *(s.filled_quantity for s in statements), ZERO)


def cover_gap(
    state: OrderState, executions: ExecutionSet, evidence: Evidence, filled: Decimal
) -> Decimal:
    """Cover what is filled but not seen, if that may be inferred; return what stays uncovered."""
    seen = [*executions.live(), *executions.disclaimed()]
    gap = filled - total_quantity(seen)
    if gap <= ZERO:
        executions.retire_inferred()
        return ZERO
    if _may_infer(executions, evidence) or is_terminal(state.status):
        at = _newest_time(state, evidence)
        is_inverse = _is_inverse(state, evidence)
        quote = _quote_told(evidence.statements, filled)
        if quote is None:
            quote = _quote_known(state, seen, filled, is_inverse=is_inverse)
        quote -= total_quote(seen)
        executions.cover(gap, quote, at, state.side, is_inverse=is_inverse)
        return ZERO
    return gap


def _may_infer(executions: ExecutionSet, evidence: Evidence) -> bool:
    """The exchange was asked for the trades, or a guess (or a denied one) stands already."""
    held = executions.inferred()
    stands = held is not None and (held.disclaimed or not held.voided)
    return evidence.trades_complete or stands


def _is_inverse(state: OrderState, evidence: Evidence) -> bool:
    told = {statement.market_type for statement in evidence.statements}
    told |= {execution.market_type for execution in evidence.executions}
    return state.is_inverse or MarketType.COIN_FUTURES in told


def _newest_time(state: OrderState, evidence: Evidence) -> datetime:
    times = [e.executed_at for e in evidence.executions]
    times += [e.executed_at for e in state.executions]
    if state.exchange_updated_at:
        times.append(state.exchange_updated_at)
    return max(times)


def _quote_told(statements: tuple[OrderStatement, ...], filled: Decimal) -> Decimal | None:
    """Quote value of exactly `filled`, from the exchange's sums or its average."""
    for statement in statements:
        if statement.filled_quantity != filled:
            continue
        is_inverse = statement.market_type is MarketType.COIN_FUTURES
        if statement.filled_quote is not None and not is_inverse:
            return statement.filled_quote
        if statement.average_price is not None:
            return quote_of(statement.average_price, filled, is_inverse=is_inverse)
    return None


def _quote_known(
    state: OrderState, real: list[ExecutionState], filled: Decimal, *, is_inverse: bool
) -> Decimal:
    """Quote value of `filled` as it was told before, else at the price of what was seen."""
    covered = total_quantity(e for e in state.executions if e.disclaimed or not e.voided)
    if covered == state.filled_quantity == filled:
        return state.filled_quote
    if real:
        return total_quote(real) / total_quantity(real) * filled
    return quote_of(state.price or ZERO, filled, is_inverse=is_inverse)


def check_sums(
    executions: ExecutionSet, statements: tuple[OrderStatement, ...], filled: Decimal
) -> list[Finding]:
    """Compare our sums with the exchange's, where both speak of all that filled.

    An order whose REST totals equal ours has had each of our fills confirmed.
    """
    real = executions.live()
    if not real or total_quantity(real) != filled:
        return []
    quote, findings = total_quote(real), []
    for statement in statements:
        if statement.filled_quantity == filled:
            if isinstance(statement, OrderSnapshot) and _agrees(statement.filled_quote, quote):
                executions.verify_all()
            findings += _sum_findings(statement, quote)
    return findings


def _agrees(told: Decimal | None, quote: Decimal) -> bool:
    return told is not None and abs(told - quote) <= _rounding(told)


def _sum_findings(statement: OrderStatement, quote: Decimal) -> list[Finding]:
    filled, told, ours = statement.filled_quantity, statement.filled_quote, quote
    if statement.market_type is MarketType.COIN_FUTURES:
        # exchanges divide by coins that they rounded to 8 places: a small order's average is off
        return []
    rounded = _rounding
    if told is None:
        told, ours, rounded = statement.average_price, quote / filled, _last_place
    if told is None or abs(told - ours) <= rounded(told) + told * RELATIVE_ROUNDING:
        return []
    detail = f"filled {filled:f}: the exchange says {told:f}, its fills come to {ours:f}"
    return [Finding(kind=AnomalyKind.SUMS_DIFFER, detail=detail)]


def _rounding(told: Decimal) -> Decimal:
    """How far a sum may be rounded: one unit in its last place, if it has decimals at all."""
    unit = _last_place(told)
    return unit if unit < 1 else ZERO


def _last_place(told: Decimal) -> Decimal:
    """One unit in the last place the exchange wrote: it may have rounded there."""
    exponent = told.as_tuple().exponent
    return Decimal(1).scaleb(int(exponent))


def filled_quote(
    state: OrderState, evidence: Evidence, executions: ExecutionSet, filled: Decimal
) -> Decimal:
    """Give the quote value of what filled: exact once executions cover it."""
    counted = executions.counted()
    for covering in (counted, [*counted, *executions.disclaimed()]):
        if total_quantity(covering) == filled:
            return total_quote(covering)
    told = _quote_told(evidence.statements, filled)
    return max(state.filled_quote, told if told is not None else ZERO)
