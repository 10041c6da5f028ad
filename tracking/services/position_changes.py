"""
What a transaction does to the entries of positions, and what folding them has found.

Positions are folded before the new rows are written: what is read from the database then is put
right by what this transaction is about to write. What each fill realised is noted on its row; rows
of earlier transactions are told in one statement at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exchanges.messages import PositionSide
from tracking.domain.findings import AnomalyKind
from tracking.domain.positions import is_oversold
from tracking.services.anomalies import Noticed
from tracking.services.position_entries import Stored, fill_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from tracking.domain.market_terms import Terms
    from tracking.domain.positions import Entry, Fill
    from tracking.models import StrategyPosition, TradeExecution
    from tracking.services.statements import Statement

_CLOSED = """
    UPDATE tracking_tradeexecution AS held SET closed_pnl = told.closed_pnl
    FROM unnest(%s::bigint[], %s::numeric[]) AS told(id, closed_pnl) WHERE held.id = told.id
"""


@dataclass(slots=True)
class PositionChange:
    """What a transaction does to the entries of one position."""

    #: entries that were not there before
    new: list[Entry] = field(default_factory=list)
    #: fills that count differently now, by fold key; None counts no more
    rewritten: dict[str, Fill | None] = field(default_factory=dict)
    #: the rows this transaction writes, by fold key
    rows: dict[str, TradeExecution] = field(default_factory=dict)

    def add(self, row: TradeExecution) -> None:
        """Take a fill that is new."""
        fill = fill_of(row)
        self.new.append(fill)
        self.rows[fill.key] = row

    def rewrite(self, row: TradeExecution) -> None:
        """Take a fill already folded, as it is now: its position must fold again from it."""
        fill = fill_of(row)
        self.rewritten[fill.key] = None if row.voided_at else fill
        self.rows[fill.key] = row
        row.closed_pnl = None

    def remove(self, row: TradeExecution) -> None:
        """Take away a fill that goes to another position."""
        self.rewritten[fill_of(row).key] = None

    @property
    def earliest(self) -> str:
        """The first fold key that is touched."""
        return min([*self.rewritten, *(entry.key for entry in self.new)])

    def put_over(self, stored: Iterable[Stored], start: str) -> list[Stored]:
        """Give the entries after a fold key as they are once this transaction is written."""
        kept = [s for s in stored if s.entry.key not in self.rewritten]
        mine = [*self.new, *filter(None, self.rewritten.values())]
        return kept + [Stored(entry) for entry in mine if entry.key > start]


@dataclass(slots=True)
class Folding:
    """What folding made of the positions of one transaction."""

    rows: list[StrategyPosition] = field(default_factory=list)
    oversold: list[Noticed] = field(default_factory=list)
    _closed: dict[int, Decimal] = field(default_factory=dict)

    def note_closed(self, stored: Stored, row: TradeExecution | None, closed: Decimal) -> None:
        """Remember what a fill realised: on its row if this transaction writes that."""
        if row is not None:
            row.closed_pnl = closed
        elif stored.pk is not None and stored.closed_pnl != closed:
            self._closed[stored.pk] = closed

    def statements(self) -> list[Statement]:
        """Tell earlier fills what they realise now; to be run when all rows are written."""
        if not self._closed:
            return []
        return [(_CLOSED, [list(self._closed), list(self._closed.values())])]

    def note_oversold(self, row: StrategyPosition, before: Decimal, terms: Terms) -> None:
        """Tell a holding that is now further beyond zero than it was.

        On spot the residual may sell in any market what came without a fill, and is another row:
        whether the asset is there is compared with the exchange, asset by asset.
        """
        if row.strategy_account_id is None and terms.is_spot:
            return
        side = PositionSide(row.position_side)
        if not is_oversold(row.quantity, side, terms):
            return
        if is_oversold(before, side, terms) and abs(before) >= abs(row.quantity):
            return
        owner = row.strategy_account_id or "residual"
        self.oversold.append(
            Noticed(
                kind=AnomalyKind.OVERSOLD,
                key=f"{row.market_type}:{row.symbol}:{row.position_side}:{owner}",
                detail=f"more was closed than was held: {row.quantity:f}",
            )
        )
