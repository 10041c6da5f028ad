"""
Positions are a fold of executions, in one order that everyone agrees on.

The order is (executed_at, exchange_order_id, exchange_trade_id, side, sequence); ids of digits
compare as numbers. A fill after the last folded one extends the fold; any other makes us fold again
from a checkpoint before it, or from zero. A checkpoint is the fold's own earlier value, so starting
there gives the same bytes as starting from zero. Amounts are rounded to 18 places, half even, at
each step, so that a rebuild cannot differ by a last digit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from exchanges.messages import Side
from tracking.domain.executions import ZERO, quantised

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from decimal import Decimal

#: How many executions a checkpoint trails behind the head, at least and (about) twice that at most.
CHECKPOINT_SPACING = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """An execution as a position sees it. `key` orders fills; see `fold_key`."""

    key: str
    side: Side
    quantity: Decimal
    price: Decimal
    commission: Decimal | None = None
    commission_asset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionState:
    """Net holding in one market: positive is long, negative is short."""

    quantity: Decimal = ZERO
    average_price: Decimal = ZERO
    #: gross: fees are in `commissions`, by asset
    realized_pnl: Decimal = ZERO
    commissions: Mapping[str, Decimal] = field(default_factory=dict)
    execution_count: int = 0
    folded_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """Two earlier values of the fold; the older one is safe to start from again."""

    base: PositionState = PositionState()
    candidate: PositionState = PositionState()


def fold_key(
    executed_at: datetime, exchange_order_id: str, exchange_trade_id: str, side: str, sequence: int
) -> str:
    """Write the fold order as a string: comparing keys compares fills."""
    instant = round(executed_at.timestamp() * 1000)
    order, trade = _natural(exchange_order_id), _natural(exchange_trade_id)
    return f"{instant:015d}|{order}|{trade}|{side}|{sequence:05d}"


def _natural(identifier: str) -> str:
    """Prefix the length, so that 9 comes before 10."""
    return f"{len(identifier):03d}{identifier}"


def apply_fill(position: PositionState, fill: Fill) -> PositionState:
    """Fold one fill in: opening moves the average, closing realises PnL, crossing does both."""
    held = position.quantity
    signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
    total = held + signed
    average, pnl = position.average_price, position.realized_pnl
    if held * signed >= ZERO:
        cost = abs(held) * average + fill.quantity * fill.price
        average = quantised(cost / abs(total)) if total else ZERO
    else:
        closed = min(abs(held), fill.quantity).copy_sign(held)
        pnl = quantised(pnl + closed * (fill.price - average))
        average = fill.price if held * total < ZERO else (average if total else ZERO)
    return replace(
        position,
        quantity=total,
        average_price=average,
        realized_pnl=pnl,
        commissions=_with_commission(position.commissions, fill),
        execution_count=position.execution_count + 1,
        folded_key=fill.key,
    )


def _with_commission(sums: Mapping[str, Decimal], fill: Fill) -> Mapping[str, Decimal]:
    if fill.commission is None or fill.commission_asset is None:
        return sums
    asset = fill.commission_asset
    return {**sums, asset: sums.get(asset, ZERO) + fill.commission}


def fold(position: PositionState, fills: Iterable[Fill]) -> PositionState:
    """Fold fills in, in fold order whatever order they come in."""
    for fill in sorted(fills, key=lambda f: f.key):
        position = apply_fill(position, fill)
    return position


def can_extend(position: PositionState, fills: Iterable[Fill]) -> bool:
    """Say whether all fills come after everything already folded."""
    return all(fill.key > position.folded_key for fill in fills)


def advance(checkpoints: Checkpoints, before: PositionState, after: PositionState) -> Checkpoints:
    """Move the checkpoints along; `before` and `after` are the fold around one batch."""
    if after.quantity == ZERO and after.execution_count:
        return replace(checkpoints, base=checkpoints.candidate, candidate=after)
    if before.execution_count - checkpoints.candidate.execution_count >= CHECKPOINT_SPACING:
        return Checkpoints(base=checkpoints.candidate, candidate=before)
    return checkpoints


def restart_from(
    checkpoints: Checkpoints, earliest_key: str, opening: PositionState
) -> PositionState:
    """Give the latest earlier fold that a fill at `earliest_key` does not invalidate."""
    for point in (checkpoints.candidate, checkpoints.base):
        if point.execution_count and point.folded_key < earliest_key:
            return point
    return opening
