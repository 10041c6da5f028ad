"""
Turns the fills of merged records into executions, trades and what their positions have to fold.

`take` collects, `write` writes; in between the positions are folded, which notes on each row what
it realised.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tracking.models import EventKind, Trade, TradeExecution
from tracking.services import bulk_rows
from tracking.services.order_rows import (
    EXECUTION_COLUMNS,
    new_execution,
    new_trade,
    recompute_trade,
    rewrite_execution,
)
from tracking.services.payloads import execution_payload, position_payload, trade_payload
from tracking.services.position_changes import PositionChange
from tracking.services.position_entries import key_of
from tracking.services.row_writes import TRADE_COLUMNS, upsert

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tracking.domain.evidence import Transition
    from tracking.domain.executions import ExecutionState
    from tracking.models import ExchangeAccount, StrategyPosition
    from tracking.services.journal import Journal
    from tracking.services.order_records import Gathered, Record
    from tracking.services.position_rows import PositionKey


@dataclass(slots=True)
class FillWriter:
    """The rows of fills that one transaction writes."""

    account: ExchangeAccount
    journal: Journal
    now: datetime
    new_trades: list[Trade] = field(default_factory=list)
    kept_trades: list[Trade] = field(default_factory=list)
    new_executions: list[TradeExecution] = field(default_factory=list)
    kept_executions: list[TradeExecution] = field(default_factory=list)
    position_changes: dict[PositionKey, PositionChange] = field(default_factory=dict)

    def take(
        self,
        record: Record,
        changed: Sequence[tuple[Gathered, Transition]],
        received_at: datetime | None,
    ) -> None:
        """Collect what a record's transitions changed of its fills."""
        touched = _touched(record, [transition for _, transition in changed])
        if not touched:
            return
        trade = record.trade or self._new_trade(record, changed[0][0])
        for state in touched:
            row = record.executions.get(state.key)
            self._take_execution(record, trade, row, state, received_at)
        recompute_trade(trade, record.executions.values())
        if trade.pk is not None:
            self.kept_trades.append(trade)
        self.journal.add(
            EventKind.TRADE, trade_payload(trade), order=trade, received_at=received_at
        )

    def _new_trade(self, record: Record, gathered: Gathered) -> Trade:
        state = record.state
        assert state is not None  # noqa: S101  (a record has a state once it has merged)
        record.trade = trade = new_trade(state)
        trade.account, trade.strategy_account_id = self.account, record.strategy_account_id
        trade.market_type, trade.symbol = gathered.market_type, gathered.symbol
        trade.id_space = gathered.id_space
        self.new_trades.append(trade)
        return trade

    def _take_execution(
        self,
        record: Record,
        trade: Trade,
        row: TradeExecution | None,
        state: ExecutionState,
        received_at: datetime | None,
    ) -> None:
        if row is None:
            row = self._new_execution(trade, state)
            record.executions[state.key] = row
        else:
            self._rewrite(row, state)
        self.journal.add(
            EventKind.EXECUTION, execution_payload(row), order=trade, received_at=received_at
        )

    def _new_execution(self, trade: Trade, state: ExecutionState) -> TradeExecution:
        baseline = self.account.baseline_at
        is_history = baseline is not None and state.executed_at <= baseline
        row = new_execution(trade, state, is_history=is_history, now=self.now)
        if not row.verified:
            row.next_verify_at = self.now
        self.new_executions.append(row)
        if not is_history and not state.voided:
            self._position(row).add(row)
        return row

    def _rewrite(self, row: TradeExecution, state: ExecutionState) -> None:
        """Put what is known now into the row; its position folds again if that counts for it."""
        counted = _counted(row)
        rewrite_execution(row, state, self.now)
        self.kept_executions.append(row)
        if counted != _counted(row) and not row.is_history:
            self._position(row).rewrite(row)

    def _position(self, row: TradeExecution) -> PositionChange:
        return self.position_changes.setdefault(key_of(row), PositionChange())

    def tell_positions(self, rows: Sequence[StrategyPosition]) -> None:
        """Tell the folded positions."""
        for row in rows:
            self.journal.add(EventKind.POSITION, position_payload(row))

    def write(self) -> None:
        """Write everything collected, parents first."""
        bulk_rows.insert_with_keys(self.new_trades)
        upsert(Trade, self.kept_trades, TRADE_COLUMNS)
        for execution in self.new_executions:
            # its trade had no key when the row was made
            execution.trade_id = execution.trade.pk
        bulk_rows.insert(self.new_executions)
        upsert(TradeExecution, self.kept_executions, (*EXECUTION_COLUMNS, "closed_pnl"))


def _counted(row: TradeExecution) -> tuple[object, ...]:
    """Give what its position sees of a fill."""
    return (
        row.execution_price,
        row.execution_quantity,
        row.commission,
        row.commission_asset,
        row.commission_rate,
        row.voided_at is not None,
    )


def _touched(record: Record, transitions: Sequence[Transition]) -> list[ExecutionState]:
    """Give the last state of each execution; a guess made and retired here was never booked."""
    last = {state.key: state for t in transitions for state in (*t.added, *t.updated)}
    return [s for s in last.values() if not s.voided or s.key in record.executions]
