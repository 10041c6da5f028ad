"""
Turns merged records into order rows and journal events, with a few multi-row statements.

`take` collects, `write` writes; nothing is written twice and nothing is read again. Fills are the
matter of `fill_writer`, and go first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exchanges.messages import OrderStatus
from tracking.models import ClosedOrder, OpenOrder
from tracking.services import bulk_rows
from tracking.services.journal import TOLD_AT_END, emit_pending_order_sse
from tracking.services.order_outcomes import Settled
from tracking.services.order_records import in_flight
from tracking.services.order_rows import closed_from, reopened_from, write_state
from tracking.services.payloads import order_payload
from tracking.services.row_writes import CLOSED_COLUMNS, OPEN_COLUMNS, plan_check, upsert

if TYPE_CHECKING:
    from datetime import datetime

    from tracking.domain.evidence import Transition
    from tracking.models import ExchangeAccount
    from tracking.services.fill_writer import FillWriter
    from tracking.services.journal import Journal
    from tracking.services.order_records import Gathered, Record


@dataclass(slots=True)
class OrderWriter:
    """The rows one transaction writes."""

    account: ExchangeAccount
    journal: Journal
    now: datetime
    fills: FillWriter
    new_open: list[OpenOrder] = field(default_factory=list)
    kept_open: list[OpenOrder] = field(default_factory=list)
    new_closed: list[ClosedOrder] = field(default_factory=list)
    kept_closed: list[ClosedOrder] = field(default_factory=list)
    gone_open: list[int] = field(default_factory=list)
    gone_closed: list[int] = field(default_factory=list)
    count_deltas: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    #: orders of ours that got their first answer
    settled: list[Settled] = field(default_factory=list)
    #: orders that ended while a cancel of theirs was asked for
    ended_cancels: list[OpenOrder] = field(default_factory=list)
    inserted: int = 0
    updated: int = 0
    closed: int = 0

    def take(self, record: Record) -> None:
        """Collect what a record's transitions changed."""
        changed = [(g, t) for g, t in record.transitions if t.changed]
        self._note_found(record)
        if not changed:
            return
        gathered, last = changed[-1]
        received_at = min((g.received_at for g, _ in changed if g.received_at), default=None)
        before = changed[0][1].before
        self.fills.take(record, changed, received_at)
        if any(t.order_changed for _, t in changed):
            was = before.status if before else None
            self._take_order(record, gathered, last, was, received_at)
            self._settle(record, was)

    def _note_found(self, record: Record) -> None:
        """Forget answers "not found": the exchange has spoken of the order, if only to repeat."""
        row = record.row
        if not isinstance(row, OpenOrder) or not row.not_found_count or record.is_closed:
            return
        if any(said.evidence.statements or done.added for said, done in record.transitions):
            row.not_found_count, row.not_found_at = 0, None
            self.kept_open.append(row)

    def _take_order(
        self,
        record: Record,
        gathered: Gathered,
        last: Transition,
        was: OrderStatus | None,
        received_at: datetime | None,
    ) -> None:
        row = record.row or self._new_row(record, gathered)
        write_state(row, last.after, self.now)
        if isinstance(row, ClosedOrder):
            row = self._take_closed(record, row, last)
        else:
            row = self._take_open(record, row, last)
        self._tell_order(record, row, was, received_at)

    def _new_row(self, record: Record, gathered: Gathered) -> OpenOrder:
        return OpenOrder(
            account=self.account,
            strategy_account_id=record.strategy_account_id,
            market_type=gathered.market_type,
            symbol=gathered.symbol,
            id_space=gathered.id_space,
            created_at=self.now,
        )

    def _take_open(
        self, record: Record, row: OpenOrder, last: Transition
    ) -> OpenOrder | ClosedOrder:
        key = (row.market_type, row.symbol)
        if record.is_closed:
            self.closed += 1
            if row.pk is not None:
                self.gone_open.append(row.pk)
                self.count_deltas[key] -= 1
            if row.cancel_requested_at is not None:
                self.ended_cancels.append(row)
            closed = closed_from(row, self.now)
            self.new_closed.append(closed)
            return closed
        plan_check(row, last, self.now)
        if row.pk is None:
            self.inserted += 1
            self.count_deltas[key] += 1
            self.new_open.append(row)
        else:
            self.updated += 1
            self.kept_open.append(row)
        return row

    def _take_closed(
        self, record: Record, row: ClosedOrder, last: Transition
    ) -> OpenOrder | ClosedOrder:
        if record.is_closed:
            row.keep = row.keep or bool(row.filled_quantity)
            self.kept_closed.append(row)
            return row
        reopened = reopened_from(row, last.after)
        plan_check(reopened, last, self.now)
        self.gone_closed.append(row.pk)
        self.new_open.append(reopened)
        self.count_deltas[row.market_type, row.symbol] += 1
        return reopened

    def _tell_order(
        self,
        record: Record,
        row: OpenOrder | ClosedOrder,
        was: OrderStatus | None,
        received_at: datetime | None,
    ) -> None:
        if not record.is_closed:
            emit_pending_order_sse(self.journal, row, action="upsert", received_at=received_at)
            return
        status = OrderStatus(row.status)
        if record.was_closed and status is was:
            # an end is told once; what its fills became is told by themselves
            return
        if not record.was_closed:
            emit_pending_order_sse(
                self.journal, row, action="remove", reason=status.value, received_at=received_at
            )
        self.journal.add(
            TOLD_AT_END[status],
            {"reason": row.reason, "order": order_payload(row)},
            order=row,
            received_at=received_at,
        )

    def _settle(self, record: Record, was: OrderStatus | None) -> None:
        """Note the first answer to an order of ours, for its request."""
        row, state = record.row, record.state
        if row is None or state is None or not row.placed_by_us or was is None:
            return
        answered = in_flight(was) or was is OrderStatus.FAILED
        if answered and was != state.status and row.client_order_id:
            given = (said.refusal for said, _ in record.transitions if said.refusal)
            self.settled.append(Settled(row.client_order_id, was, state, refusal=next(given, None)))

    def write(self) -> None:
        """Write everything collected, parents first."""
        self.fills.write()
        if self.gone_open:
            OpenOrder.objects.filter(pk__in=self.gone_open).delete()
        if self.gone_closed:
            ClosedOrder.objects.filter(pk__in=self.gone_closed).delete()
        bulk_rows.insert(self.new_open)
        upsert(OpenOrder, self.kept_open, OPEN_COLUMNS)
        bulk_rows.insert(self.new_closed)
        upsert(ClosedOrder, self.kept_closed, CLOSED_COLUMNS)
