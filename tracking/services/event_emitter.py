"""
The one write path: evidence -> `domain.merge` -> one durable transaction.

Note [One transaction]
~~~~~~~~~~~~~~~~~~~~~~
Everything a batch of evidence means is written together: executions, trades, positions, the order
(updated, or moved to ClosedOrder), symbol counts, trade cursors, journal, the evidence with the
inbox rows it came from, and what that says of the stream's quality. Locks are taken in one order:
account, orders by id, positions by key, the user's counter. Merge runs on rows locked here, never
on rows read earlier. REST is asked before, publishing is done after; neither inside. Redoing the
whole transaction after an ambiguous commit is harmless: merge is idempotent and every row has a
natural key.

A rehearsal is the same transaction, rolled back: it tells what evidence would do.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import transaction

from exchanges import registry
from tracking.models import (
    ExchangeAccount,
    OpenOrder,
    OrderRequest,
    RequestAction,
    StrategyPosition,
)
from tracking.models.requests import UNANSWERED
from tracking.services import (
    anomalies,
    conditional_orders,
    inbox,
    order_evidence,
    order_outcomes,
    row_reads,
    stream_quality,
    websocket_manager,
)
from tracking.services.anomalies import Noticed
from tracking.services.cursors import cursor_moves
from tracking.services.fill_writer import FillWriter
from tracking.services.journal import Journal, emit_pending_order_sse
from tracking.services.order_records import Records
from tracking.services.order_writer import OrderWriter
from tracking.services.position_rows import fold_changes
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tracking.domain.evidence import Transition
    from tracking.services.order_records import Gathered
    from tracking.services.statements import Statement

log = structlog.get_logger(__name__)

#: A cancel that has not ended its order by now is asked about.
CANCEL_IS_LATE = timedelta(seconds=5)


@dataclass(slots=True)
class Emission:
    """What a transaction did."""

    inserted: int = 0
    updated: int = 0
    closed: int = 0
    executions: int = 0
    last_seq: int = 0
    transitions: list[tuple[Gathered, Transition]] = field(default_factory=list)
    #: the positions it folded
    positions: list[StrategyPosition] = field(default_factory=list)
    #: all positions of the account as they were; read by a rehearsal only
    positions_before: list[StrategyPosition] = field(default_factory=list)

    def __add__(self, later: Emission) -> Emission:
        """Sum what two emissions did."""
        return Emission(
            inserted=self.inserted + later.inserted,
            updated=self.updated + later.updated,
            closed=self.closed + later.closed,
            executions=self.executions + later.executions,
            last_seq=later.last_seq or self.last_seq,
            transitions=self.transitions + later.transitions,
            positions=self.positions + later.positions,
        )

    @property
    def gaps(self) -> list[Gathered]:
        """Orders with fills that nothing explains yet: their trades must be asked for.

        Their frames have been heard here, and are not heard again with the answer.
        """
        last = {gathered.label: (gathered, done) for gathered, done in self.transitions}
        return [replace(gathered, frames=()) for gathered, done in last.values() if done.gap > 0]


def emit_trade_event(
    *,
    account_id: int,
    gathered: Sequence[Gathered],
    now: datetime,
    stream_event_ids: Sequence[int] = (),
    cursors: Mapping[tuple[str, str], str | None] | None = None,
    noticed: Sequence[Noticed] = (),
    rehearse: bool = False,
) -> Emission:
    """Write what evidence means. See Note [One transaction]. Raises RuntimeError inside another.

    `rehearse`: roll all of it back, publish nothing, and tell what it would have done.
    """
    emission = Emission()
    with transaction.atomic(durable=True):
        account = lock_account(account_id)
        if rehearse:
            emission.positions_before = list(StrategyPosition.objects.filter(account=account))
        journal = Journal(account.user_id, account_id, now)
        moves = write_books(account, journal, gathered, emission, noticed)
        emission.last_seq = journal.write(
            after=[
                *moves,
                *cursor_moves(account_id, cursors or {}, now),
                *inbox.processed(stream_event_ids, now),
            ]
        )
        transaction.set_rollback(rehearse)
    if not rehearse:
        _report(account, emission)
    return emission


def write_books(
    account: ExchangeAccount,
    journal: Journal,
    gathered: Sequence[Gathered],
    emission: Emission,
    noticed: Sequence[Noticed] = (),
) -> list[Statement]:
    """Merge and write inside a transaction that holds the account's lock.

    Returns what has to be written along with the journal.
    """
    account_id, now = account.pk, journal.now
    prefix = registry.adapter(account.exchange).client_order_ids.prefix
    records = Records.load(account_id, gathered, prefix)
    fills = FillWriter(account, journal, now)
    writer = OrderWriter(account, journal, now, fills)
    found = [*noticed, *_merge_all(records, gathered, emission)]
    for record in records.all():
        writer.take(record)
    folding = fold_changes(account, fills.position_changes, now)
    writer.write()
    conditional_orders.name_parents(account_id, gathered)
    emission.positions = folding.rows
    fills.tell_positions(folding.rows)
    order_outcomes.settle(journal, writer.settled)
    order_outcomes.settle_cancels(journal, writer.ended_cancels)
    anomalies.book(journal, [*found, *folding.oversold], now)
    emission.inserted, emission.updated = writer.inserted, writer.updated
    emission.closed, emission.executions = writer.closed, len(fills.new_executions)
    order_evidence.write(account_id, records.all(), now)
    counts = websocket_manager.count_moves(account_id, writer.count_deltas)
    quality = stream_quality.moves(account, emission.transitions, now)
    return [*folding.statements(), *counts, *quality]


def lock_account(account_id: int) -> ExchangeAccount:
    """Lock an account's books until commit. Inserts that refer to the account do not wait."""
    secrets = ("api_key", "api_secret")
    return row_reads.read_one(ExchangeAccount, account_id, lock=True, leave_out=secrets)


def open_pending(journal: Journal, row: OpenOrder) -> None:
    """Make the order of a request, PENDING, before anything is sent.

    Runs inside the transaction that holds the account's lock and writes the journal.
    """
    row.save(force_insert=True)
    websocket_manager.subscribe_symbol(row.account_id, row.market_type, row.symbol)
    emit_pending_order_sse(journal, row, action="upsert")


def request_cancel(request: OrderRequest, order_id: int, now: datetime) -> None:
    """Commit the intent to cancel; the order shows as CANCELLING until its answer is known."""
    with transaction.atomic(durable=True):
        account = lock_account(request.account_id)
        request.save(force_insert=True)
        last = _mark_cancelling(account, order_id, now, now)
    publish_events({account.user_id: last} if last else {})


def request_amend(request: OrderRequest, order_id: int, now: datetime) -> None:
    """Commit the intent to amend; REST is asked about the order if nobody says what became of it.

    Raises IntegrityError when the user has already used the request's idempotency key.
    """
    with transaction.atomic(durable=True):
        lock_account(request.account_id)
        request.save(force_insert=True)
        OpenOrder.objects.filter(pk=order_id).update(next_verify_at=now + CANCEL_IS_LATE)


def withdraw_cancel(
    account_id: int, order_id: int, now: datetime, *, request_id: int | None = None
) -> None:
    """Commit that a cancel (`request_id`) did not happen: the order shows as what it is.

    Which is CANCELLING still, if another cancel of it may yet be answered.
    """
    with transaction.atomic(durable=True):
        account = lock_account(account_id)
        journal = Journal(account.user_id, account.pk, now)
        take_cancel_mark(journal, order_id, request_id=request_id)
        last = journal.write()
    publish_events({account.user_id: last} if last else {})


def take_cancel_mark(journal: Journal, order_id: int, *, request_id: int | None = None) -> None:
    """Do what `withdraw_cancel` does inside the caller's transaction, under the account's lock."""
    row = OpenOrder.objects.select_for_update(no_key=True).filter(pk=order_id).first()
    if row is None or row.cancel_requested_at is None:
        return
    if not _is_cancelled_by_another(row, request_id):
        _write_cancel_mark(journal, row, None)


def _is_cancelled_by_another(row: OpenOrder, request_id: int | None) -> bool:
    others = OrderRequest.objects.filter(
        account_id=row.account_id,
        action=RequestAction.CANCEL.value,
        market_type=row.market_type,
        symbol=row.symbol,
        outcome__in=UNANSWERED,
        **order_outcomes.name_of(row),
    )
    return any(pk != request_id for pk in others.values_list("pk", flat=True))


def mark_cancelling(journal: Journal, orders: Sequence[OpenOrder]) -> None:
    """Show orders as CANCELLING, inside a transaction that holds them and their account locked."""
    for row in orders:
        _write_cancel_mark(journal, row, journal.now)


def _mark_cancelling(
    account: ExchangeAccount, order_id: int, requested_at: datetime | None, now: datetime
) -> int:
    row = OpenOrder.objects.select_for_update(no_key=True).filter(pk=order_id).first()
    if row is None:
        return 0
    journal = Journal(account.user_id, account.pk, now)
    _write_cancel_mark(journal, row, requested_at)
    return journal.write()


def _write_cancel_mark(journal: Journal, row: OpenOrder, requested_at: datetime | None) -> None:
    now = journal.now
    row.cancel_requested_at, row.version, row.updated_at = requested_at, row.version + 1, now
    if requested_at is not None:
        row.next_verify_at = now + CANCEL_IS_LATE
    row.save(update_fields=["cancel_requested_at", "version", "updated_at", "next_verify_at"])
    emit_pending_order_sse(journal, row, action="upsert")


def _merge_all(records: Records, gathered: Sequence[Gathered], emission: Emission) -> list[Noticed]:
    noticed = []
    for item in gathered:
        record = records.find(item)
        if record is None:
            continue
        transition = record.merge(item)
        emission.transitions.append((item, transition))
        noticed += [
            Noticed(kind=f.kind, key=item.label, detail=f.detail) for f in transition.findings
        ]
    return noticed


def _report(account: ExchangeAccount, emission: Emission) -> None:
    if emission.last_seq:
        publish_events({account.user_id: emission.last_seq})
    if emission.executions:
        log.info(
            "fill.processed",
            note=f"체결 처리: {emission.executions} execution(s) booked",
            account=account.pk,
            orders_closed=emission.closed,
            executions=emission.executions,
        )
