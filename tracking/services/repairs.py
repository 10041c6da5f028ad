"""
What staff may put right by hand, each with who, why, and what was there before and after.

A repair is one durable transaction: the change, its journal events and its `Repair` row, under the
account's lock like every change of the books. Whoever may not do something is told why.

Note [An execution moves with its order]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
An execution belongs to whom its order belongs to (OL-16), because a trade is one order's aggregate
and late fills of the order follow its owner. So reassigning an execution moves its whole order, and
only for somebody who has named all executions that go with it: nobody moves fills unseen.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from exchanges.messages import Source
from tracking.domain.evidence import Evidence
from tracking.models import (
    Anomaly,
    ClosedOrder,
    EventKind,
    ExchangeAccount,
    OpenOrder,
    Repair,
    RepairAction,
    StrategyAccount,
    TradeExecution,
)
from tracking.services import anomalies
from tracking.services.event_emitter import Emission, lock_account, write_books
from tracking.services.journal import Journal, emit_pending_order_sse
from tracking.services.order_records import Gathered
from tracking.services.ownership import Belongings, identity_of, move
from tracking.services.payloads import (
    anomaly_payload,
    execution_payload,
    position_payload,
    trade_payload,
)
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tracking.services.payloads import Payload
    from tracking.services.statements import Statement

log = structlog.get_logger(__name__)

Actor = AbstractBaseUser | str
Order = OpenOrder | ClosedOrder
#: What nobody but us has said: only these may be voided.
OURS = frozenset({Source.INFERRED.value, Source.MANUAL.value})
GONE = "the order is not in the books: check them first"


class RepairRefusedError(Exception):
    """A repair that may not be; says why, to whoever asked for it."""


@dataclass(slots=True)
class Deed:
    """One repair while it is being done."""

    account: ExchangeAccount
    journal: Journal
    subject: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    #: to be written along with the journal
    moves: list[Statement] = field(default_factory=list)
    repair: Repair | None = None


def adopt_order(
    order: Order, strategy_account: StrategyAccount | None, *, actor: Actor, reason: str
) -> Repair:
    """Give an order that no strategy owns to a strategy, or (None) back to the residual.

    Its trade and executions go with it. Raises RepairRefusedError.
    """
    owner = strategy_account.pk if strategy_account else None
    with repairing(order.account_id, RepairAction.ADOPT_ORDER, actor, reason) as deed:
        belongings = _belongings(order)
        if owner is not None and belongings.owner is not None:
            message = (
                "the order belongs to a strategy: give it back to the residual, or reassign it"
            )
            raise RepairRefusedError(message)
        _hand_over(deed, belongings, strategy_account)
    return done(deed)


def reassign_execution(
    execution: TradeExecution,
    strategy_account: StrategyAccount | None,
    *,
    confirmed: Collection[str],
    actor: Actor,
    reason: str,
) -> Repair:
    """Move an execution, with its whole order, to another owner; None is the residual.

    `confirmed`: the trade ids of all live executions of the order.
    See Note [An execution moves with its order]. Raises RepairRefusedError.
    """
    action = RepairAction.REASSIGN_EXECUTION
    with repairing(execution.account_id, action, actor, reason) as deed:
        belongings = Belongings.load(identity_of(execution), execution.account_id)
        live = sorted(row.exchange_trade_id for row in belongings.live())
        if sorted(confirmed) != live:
            message = f"the whole order moves: confirm all its executions, {', '.join(live)}"
            raise RepairRefusedError(message)
        _hand_over(deed, belongings, strategy_account)
    return done(deed)


def void_execution(execution: TradeExecution, *, actor: Actor, reason: str) -> Repair:
    """Say that a fill did not happen which only we had believed in. Raises RepairRefusedError.

    It stays as a mark; no repeat and no guess brings it back.
    """
    action = RepairAction.VOID_EXECUTION
    with repairing(execution.account_id, action, actor, reason) as deed:
        # it may have been confirmed or retired since it was looked at
        current = TradeExecution.objects.get(pk=execution.pk)
        _may_be_voided(current)
        belongings = Belongings.load(identity_of(current), current.account_id)
        if belongings.order is None:
            raise RepairRefusedError(GONE)
        deed.subject = f"{belongings.label} #{current.exchange_trade_id}"
        deed.before = _state_of(belongings, [current])
        emission = Emission()
        deed.moves = write_books(deed.account, deed.journal, [_disclaimer(current)], emission)
        current.refresh_from_db()
        if not current.disclaimed:
            message = "its order does not lead to this execution: check the books first"
            raise RepairRefusedError(message)
        deed.after = _state_of(belongings.again(), [current])
    return done(deed)


def close_anomaly(anomaly: Anomaly, *, actor: Actor, reason: str) -> Repair:
    """Close an anomaly; one that is still true opens again by itself. Raises RepairRefusedError."""
    with repairing(anomaly.account_id, RepairAction.CLOSE_ANOMALY, actor, reason) as deed:
        row = Anomaly.objects.select_for_update(no_key=True).get(pk=anomaly.pk)
        if row.closed_at is not None:
            message = "the anomaly is closed already"
            raise RepairRefusedError(message)
        deed.subject, deed.before = str(row)[:200], dict(anomaly_payload(row))
        anomalies.close(deed.journal, [row], reason.strip())
        deed.after = dict(anomaly_payload(row))
    return done(deed)


@contextmanager
def repairing(account_id: int, action: RepairAction, actor: Actor, reason: str) -> Iterator[Deed]:
    """Do a repair inside one durable transaction, and write down what it was."""
    if not reason.strip():
        message = "say why"
        raise RepairRefusedError(message)
    now = timezone.now()
    with transaction.atomic(durable=True):
        account = lock_account(account_id)
        deed = Deed(account, Journal(account.user_id, account_id, now))
        yield deed
        person = actor if isinstance(actor, AbstractBaseUser) else None
        deed.repair = Repair.objects.create(
            account=account,
            user_id=person.pk if person else None,
            actor=(person.get_username() if person else str(actor))[:150],
            action=action.value,
            subject=deed.subject[:200],
            reason=reason.strip()[:500],
            before=deed.before,
            after=deed.after,
            created_at=now,
        )
        last = deed.journal.write(after=deed.moves)
    if last:
        publish_events({account.user_id: last})
    log.warning(
        "books.repaired",
        account=account_id,
        action=action.value,
        subject=deed.subject,
        repair=deed.repair.pk,
    )


def done(deed: Deed) -> Repair:
    """Give what was written down of a repair that is over."""
    assert deed.repair is not None  # noqa: S101  (written before the transaction ended)
    return deed.repair


def _belongings(order: Order) -> Belongings:
    """Load the order as it is now: it may have ended since it was looked at."""
    if order.exchange_order_id is not None:
        return Belongings.load(identity_of(order), order.account_id)
    row = OpenOrder.objects.select_for_update(no_key=True).filter(pk=order.pk).first()
    if row is None or row.exchange_order_id is not None:
        message = "the order has moved on since it was looked at: look again"
        raise RepairRefusedError(message)
    return Belongings(order=row, label=f"{row.market_type}:{row.symbol}:{row.client_order_id}")


def _hand_over(
    deed: Deed, belongings: Belongings, strategy_account: StrategyAccount | None
) -> None:
    owner = strategy_account.pk if strategy_account else None
    if strategy_account is not None and strategy_account.account_id != deed.account.pk:
        message = "the strategy does not use this account"
        raise RepairRefusedError(message)
    if belongings.order is None:
        raise RepairRefusedError(GONE)
    if belongings.owner == owner:
        message = "the order belongs there already"
        raise RepairRefusedError(message)
    deed.subject = belongings.label
    deed.before = _state_of(belongings, belongings.executions)
    positions, deed.moves = move(deed.account, belongings, owner, deed.journal.now)
    deed.after = _state_of(belongings, belongings.executions)
    deed.after["positions"] = [position_payload(row) for row in positions]
    _tell(deed, belongings)
    for row in positions:
        deed.journal.add(EventKind.POSITION, position_payload(row))


def _tell(deed: Deed, belongings: Belongings) -> None:
    order, trade = belongings.order, belongings.trade
    if isinstance(order, OpenOrder):
        emit_pending_order_sse(deed.journal, order, action="upsert", reason="reassigned")
    if trade is None:
        return
    for execution in belongings.live():
        deed.journal.add(EventKind.EXECUTION, execution_payload(execution), order=trade)
    deed.journal.add(EventKind.TRADE, trade_payload(trade), order=trade)


def _state_of(belongings: Belongings, executions: list[TradeExecution]) -> dict[str, Any]:
    """Write down an order with what it filled and the positions that moves."""
    state: dict[str, Any] = {
        "order": belongings.order_payload(),
        "trade": trade_payload(belongings.trade) if belongings.trade else None,
        "executions": _payloads(executions),
        "positions": [position_payload(row) for row in belongings.positions()],
    }
    return state


def _payloads(executions: list[TradeExecution]) -> list[Payload]:
    current = TradeExecution.objects.in_bulk([row.pk for row in executions])
    return [execution_payload(current[row.pk]) for row in executions]


def _may_be_voided(execution: TradeExecution) -> None:
    if execution.voided_at is not None:
        message = "the execution is voided already"
        raise RepairRefusedError(message)
    if execution.source not in OURS:
        message = (
            "the exchange has told of this execution: it may be reassigned, but not voided; "
            "only inferred ones and those made by hand may"
        )
        raise RepairRefusedError(message)


def _disclaimer(execution: TradeExecution) -> Gathered:
    key = (execution.exchange_trade_id, execution.side, execution.sequence)
    return Gathered(
        market_type=execution.market_type,
        symbol=execution.symbol,
        id_space=execution.id_space,
        exchange_order_id=execution.exchange_order_id,
        evidence=Evidence(disclaimed=(key,)),
    )
