"""
Position rows: locked, folded and written inside the emitter's transaction.

A batch of new entries extends the fold. An entry that belongs before what is folded, or a change to
a fill already folded (an inferred one retired, a fee corrected), makes it fold again from a
checkpoint: from the database, with what this transaction is about to write put over it. What each
fill realised is noted on its row; rows of earlier transactions get it in one statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2.extras import Json

from tracking.domain.positions import (
    Checkpoints,
    PositionState,
    advance,
    can_extend,
    fold,
    restart_from,
    rewound,
    steps,
)
from tracking.models import ExchangeAccount, StrategyPosition
from tracking.services import market_terms, row_reads, statements
from tracking.services.position_changes import Folding, PositionChange
from tracking.services.position_columns import (
    STATE_COLUMNS,
    dumped,
    loaded,
    position_state,
    write_state,
)
from tracking.services.position_entries import (
    PositionKey,
    Stored,
    entries_after,
    key_of,
    opening_state,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from tracking.domain.market_terms import Terms
    from tracking.models import TradeExecution
    from tracking.services.statements import Statement

__all__ = [
    "Folding",
    "PositionChange",
    "PositionKey",
    "fold_changes",
    "lock_positions",
    "opening_position",
    "position_state",
    "recomputed",
    "write_recomputed",
]

WRITTEN = (*STATE_COLUMNS, "checkpoint", "version", "updated_at")
_UPDATE = f"""
    UPDATE tracking_strategyposition SET {", ".join(f"{column} = %s" for column in WRITTEN)}
    WHERE id = %s
"""  # noqa: S608 - names of our own


def fold_changes(
    account: ExchangeAccount, changes: Mapping[PositionKey, PositionChange], now: datetime
) -> Folding:
    """Lock, fold and write the changed positions, before their new entries are written."""
    folding = Folding()
    if not changes:
        return folding
    rows = lock_positions(account.pk, changes)
    for key, change in sorted(changes.items(), key=lambda item: _lock_order(item[0])):
        row = rows.get(key) or _new_row(account.pk, key)
        begun = _begin(row, key, change)
        _fold_into(row, begun, _terms(account, key), change.rows, folding)
        row.version += 1
        row.updated_at = now
    _write(folding.rows)
    return folding


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
    found = {key_of(row): row for row in rows}
    return {key: row for key, row in found.items() if key in wanted}


def _lock_order(key: PositionKey) -> tuple[int, str, str, str]:
    return (key.strategy_account_id or 0, *key[1:])


def _new_row(account_id: int, key: PositionKey) -> StrategyPosition:
    return StrategyPosition(account_id=account_id, **key._asdict())


def _terms(account: ExchangeAccount, key: PositionKey) -> Terms:
    return market_terms.terms(account.exchange, key.market_type, key.symbol)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """Where a fold goes on from, and with what."""

    state: PositionState
    points: Checkpoints
    entries: Sequence[Stored]


def _begin(row: StrategyPosition, key: PositionKey, change: PositionChange) -> _Begun:
    points, state = loaded(row.checkpoint), position_state(row)
    if row.pk is None:
        state = opening_state(row.account_id, key)
    if not change.rewritten and can_extend(state, change.new):
        return _Begun(state=state, points=points, entries=[Stored(e) for e in change.new])
    start = restart_from(points, change.earliest, opening_state(row.account_id, key))
    stored = entries_after(row.account_id, key, start.folded_key)
    return _Begun(
        state=start,
        points=rewound(points, start),
        entries=change.put_over(stored, start.folded_key),
    )


def _fold_into(
    row: StrategyPosition,
    begun: _Begun,
    terms: Terms,
    written: Mapping[str, TradeExecution],
    folding: Folding,
) -> None:
    held, state, points = row.quantity, begun.state, begun.points
    by_key = {stored.entry.key: stored for stored in begun.entries}
    for entry, after in steps(state, (s.entry for s in begun.entries), terms):
        closed = after.realized_pnl - state.realized_pnl
        folding.note_closed(by_key[entry.key], written.get(entry.key), closed)
        points, state = advance(points, after), after
    write_state(row, state)
    row.checkpoint = dumped(points)
    folding.note_oversold(row, held, terms)
    folding.rows.append(row)


def opening_position(account_id: int, key: PositionKey, now: datetime) -> StrategyPosition:
    """Make the row of a holding the account began with, before any fill is folded in."""
    row = _new_row(account_id, key)
    write_state(row, opening_state(account_id, key))
    row.version, row.updated_at = 1, now
    row.save(force_insert=True)
    return row


def recomputed(account_id: int, key: PositionKey) -> PositionState:
    """Fold a position from zero, whatever its row and its checkpoints say. Writes nothing."""
    account = ExchangeAccount.objects.only("exchange").get(pk=account_id)
    entries = (stored.entry for stored in entries_after(account_id, key))
    return fold(opening_state(account_id, key), entries, _terms(account, key))


def write_recomputed(account: ExchangeAccount, key: PositionKey, now: datetime) -> StrategyPosition:
    """Fold a position from zero and write its row and what its fills realised.

    To be called in a transaction that holds the account's lock; it tells nobody.
    """
    row = lock_positions(account.pk, [key]).get(key) or _new_row(account.pk, key)
    folding = Folding()
    begun = _Begun(
        state=opening_state(account.pk, key),
        points=Checkpoints(),
        entries=entries_after(account.pk, key),
    )
    _fold_into(row, begun, _terms(account, key), {}, folding)
    row.version += 1
    row.updated_at = now
    _write([row])
    statements.run(folding.statements())
    return row
