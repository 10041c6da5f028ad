"""
Position rows: locked, folded and written inside the emitter's transaction.

A batch of new fills extends the fold. A fill that belongs before what is folded, or a change to a
fill already folded (an inferred one retired, a fee corrected), makes it fold again from a
checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q
from psycopg2.extras import Json

from exchanges.messages import Side
from tracking.domain.executions import ZERO
from tracking.domain.positions import (
    Checkpoints,
    Fill,
    PositionState,
    advance,
    can_extend,
    fold,
    fold_key,
    restart_from,
)
from tracking.models import Posting, PostingKind, StrategyPosition, TradeExecution
from tracking.services import row_reads, statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tracking.services.statements import Statement

WRITTEN = (
    "quantity",
    "average_price",
    "realized_pnl",
    "commissions",
    "execution_count",
    "folded_key",
    "checkpoint",
    "version",
    "updated_at",
)
_UPDATE = f"""
    UPDATE tracking_strategyposition SET {", ".join(f"{column} = %s" for column in WRITTEN)}
    WHERE id = %s
"""  # noqa: S608 - names of our own


class PositionKey(NamedTuple):
    """Identity of a position inside an account; `strategy_account_id` None is the residual."""

    strategy_account_id: int | None
    market_type: str
    symbol: str
    position_side: str


@dataclass(slots=True)
class PositionChange:
    """What a transaction did to the fills of one position."""

    new: list[Fill] = field(default_factory=list)
    #: the earliest fold key of a fill that changed after it had been folded; "" if none did
    changed_from: str = ""

    def note_changed(self, key: str) -> None:
        """Remember that a folded fill is different now."""
        self.changed_from = min(self.changed_from, key) if self.changed_from else key


def position_key(execution: TradeExecution) -> PositionKey:
    """Say which position an execution belongs to."""
    return PositionKey(
        execution.strategy_account_id,
        execution.market_type,
        execution.symbol,
        execution.position_side,
    )


def fill_of(row: TradeExecution) -> Fill:
    """See an execution as its position does."""
    return Fill(
        key=fold_key(
            row.executed_at,
            row.exchange_order_id,
            row.exchange_trade_id,
            row.side,
            row.sequence,
        ),
        side=Side(row.side),
        quantity=row.execution_quantity,
        price=row.execution_price,
        commission=row.commission,
        commission_asset=row.commission_asset,
    )


def fold_changes(
    account_id: int, changes: Mapping[PositionKey, PositionChange], now: datetime
) -> list[StrategyPosition]:
    """Lock, fold and write the changed positions; return their rows."""
    if not changes:
        return []
    rows = lock_positions(account_id, changes)
    for key, change in sorted(changes.items(), key=lambda item: _lock_order(item[0])):
        row = rows.get(key)
        if row is None:
            row = rows[key] = _new_row(account_id, key)
        _fold_into(row, key, change)
        row.version += 1
        row.updated_at = now
    _write(rows.values())
    return list(rows.values())


def lock_positions(
    account_id: int, keys: Iterable[PositionKey]
) -> dict[PositionKey, StrategyPosition]:
    """Lock the positions, in key order."""
    wanted = set(keys)
    rows = row_reads.read(
        StrategyPosition,
        "account_id = %s AND symbol = ANY(%s)",
        [account_id, list({key.symbol for key in wanted})],
        order="strategy_account_id, market_type, symbol, position_side",
        lock=True,
    )
    found = {_key_of(row): row for row in rows}
    return {key: row for key, row in found.items() if key in wanted}


def _key_of(row: StrategyPosition) -> PositionKey:
    return PositionKey(row.strategy_account_id, row.market_type, row.symbol, row.position_side)


def _lock_order(key: PositionKey) -> tuple[int, str, str, str]:
    return (key.strategy_account_id or 0, *key[1:])


def _new_row(account_id: int, key: PositionKey) -> StrategyPosition:
    return StrategyPosition(account_id=account_id, **key._asdict())


def _write(rows: Iterable[StrategyPosition]) -> None:
    added = []
    changed: list[Statement] = []
    for row in rows:
        if row._state.adding:  # noqa: SLF001 - Django's documented flag
            added.append(row)
        else:
            values = [getattr(row, column) for column in WRITTEN]
            values = [Json(value) if isinstance(value, dict) else value for value in values]
            changed.append((_UPDATE, [*values, row.pk]))
    StrategyPosition.objects.bulk_create(added)
    statements.run(changed)


def _fold_into(row: StrategyPosition, key: PositionKey, change: PositionChange) -> None:
    points = _checkpoints(row.checkpoint)
    before = position_state(row)
    if row.pk is None:
        before = opening_state(row.account_id, key)
    if change.changed_from or not can_extend(before, change.new):
        earliest = min(filter(None, [change.changed_from, *(f.key for f in change.new)]))
        start = restart_from(points, earliest, opening_state(row.account_id, key))
        points = _points_until(points, start)
        before, fills = start, _fills_after(row.account_id, key, start.folded_key)
    else:
        fills = change.new
    after = fold(before, fills)
    _write_state(row, after)
    row.checkpoint = _dump_checkpoints(advance(points, before, after))


def _points_until(points: Checkpoints, start: PositionState) -> Checkpoints:
    """Drop the checkpoints a late fill has made wrong."""
    if points.candidate.folded_key <= start.folded_key:
        return points
    return Checkpoints(base=start, candidate=start)


def opening_state(account_id: int, key: PositionKey) -> PositionState:
    """Give the holding an account began with; only the residual has one."""
    if key.strategy_account_id is not None:
        return PositionState()
    held = list(
        Posting.objects.filter(
            account_id=account_id,
            kind=PostingKind.OPENING.value,
            market_type=key.market_type,
            symbol=key.symbol,
            position_side=key.position_side,
        ).values_list("quantity", "price")
    )
    quantity = sum((q for q, _ in held), ZERO)
    cost = sum((abs(q) * (p or ZERO) for q, p in held), ZERO)
    average = cost / abs(quantity) if quantity else ZERO
    return PositionState(quantity=quantity, average_price=average)


def opening_position(account_id: int, key: PositionKey, now: datetime) -> StrategyPosition:
    """Make the row of a holding the account began with, before any fill is folded in."""
    row = _new_row(account_id, key)
    _write_state(row, opening_state(account_id, key))
    row.version, row.updated_at = 1, now
    row.save(force_insert=True)
    return row


def _fills_after(account_id: int, key: PositionKey, folded_key: str) -> list[Fill]:
    """Read a position's fills after a fold key; all of them for the empty key."""
    rows = TradeExecution.objects.filter(
        account_id=account_id,
        market_type=key.market_type,
        symbol=key.symbol,
        position_side=key.position_side,
        voided_at__isnull=True,
        is_history=False,
    ).filter(_owner(key))
    if folded_key:
        rows = rows.filter(executed_at__gte=_time_of(folded_key))
    return [fill for fill in map(fill_of, rows) if fill.key > folded_key]


def _owner(key: PositionKey) -> Q:
    if key.strategy_account_id is None:
        return Q(strategy_account__isnull=True)
    return Q(strategy_account_id=key.strategy_account_id)


def _time_of(folded_key: str) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(folded_key[:15]) - 1)


def position_state(row: StrategyPosition) -> PositionState:
    """Read a position row as the fold it is."""
    return PositionState(
        quantity=row.quantity,
        average_price=row.average_price,
        realized_pnl=row.realized_pnl,
        commissions={asset: Decimal(text) for asset, text in row.commissions.items()},
        execution_count=row.execution_count,
        folded_key=row.folded_key,
    )


def _write_state(row: StrategyPosition, state: PositionState) -> None:
    row.quantity = state.quantity
    row.average_price = state.average_price
    row.realized_pnl = state.realized_pnl
    row.commissions = {a: format(c, "f") for a, c in sorted(state.commissions.items())}
    row.execution_count = state.execution_count
    row.folded_key = state.folded_key


def _dump(state: PositionState) -> dict[str, Any]:
    return {
        "quantity": str(state.quantity),
        "average_price": str(state.average_price),
        "realized_pnl": str(state.realized_pnl),
        "commissions": {a: str(c) for a, c in state.commissions.items()},
        "execution_count": state.execution_count,
        "folded_key": state.folded_key,
    }


def _load(stored: dict[str, Any]) -> PositionState:
    return PositionState(
        quantity=Decimal(stored["quantity"]),
        average_price=Decimal(stored["average_price"]),
        realized_pnl=Decimal(stored["realized_pnl"]),
        commissions={a: Decimal(c) for a, c in stored["commissions"].items()},
        execution_count=stored["execution_count"],
        folded_key=stored["folded_key"],
    )


def _dump_checkpoints(points: Checkpoints) -> dict[str, Any]:
    return {"base": _dump(points.base), "candidate": _dump(points.candidate)}


def _checkpoints(stored: dict[str, Any] | None) -> Checkpoints:
    if not stored:
        return Checkpoints()
    return Checkpoints(base=_load(stored["base"]), candidate=_load(stored["candidate"]))
