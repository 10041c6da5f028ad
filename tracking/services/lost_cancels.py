"""
Cancels whose answer is missing: they end all the same, and their orders show as what they are.

A cancel is settled by the end of its order, in the transaction that writes it. Where that cannot
be, because the order had ended before the cancel was committed or whoever sent it died, the request
is settled here, by what became of the order. A cancel that never arrived is withdrawn once REST,
asked long after, still knows its order as working. It is never sent again by itself.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.db import transaction

from exchanges.messages import OrderSnapshot
from tracking.domain.states import WORKING
from tracking.domain.submit_rounds import SUBMIT_MAY_ARRIVE
from tracking.models import ClosedOrder, OpenOrder, OrderRequest, RequestAction, RequestOutcome
from tracking.models.requests import UNANSWERED
from tracking.services import order_outcomes
from tracking.services.event_emitter import lock_account, take_cancel_mark
from tracking.services.journal import Journal
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from exchanges.messages import OrderStatement
    from tracking.models import ExchangeAccount
    from tracking.services.order_records import Gathered

Row = TypeVar("Row", OpenOrder, ClosedOrder)


def withdraw_lost(
    account: ExchangeAccount, answers: Sequence[Gathered], asked_at: datetime
) -> None:
    """Show orders as what they are that REST, asked just now, still knows as working.

    Only when their cancel was requested so long before that it cannot be under way any more.
    """
    working = {g.identity for g in answers if any(map(is_working, g.evidence.statements))}
    rows = OpenOrder.objects.filter(
        account=account,
        exchange_order_id__in=[identity[3] for identity in working if identity],
        cancel_requested_at__lt=asked_at - SUBMIT_MAY_ARRIVE,
        withheld_status__isnull=True,
    )
    for row in rows:
        if (row.market_type, row.symbol, row.id_space, row.exchange_order_id) in working:
            _give_up(row, asked_at)


def _give_up(row: OpenOrder, now: datetime) -> None:
    """End the cancels of an order; one that was never claimed cannot be sent after this."""
    with transaction.atomic(durable=True):
        account = lock_account(row.account_id)
        journal = Journal(account.user_id, account.pk, now)
        requests = _unresolved(
            account_id=account.pk,
            market_type=row.market_type,
            symbol=row.symbol,
            **order_outcomes.name_of(row),
        ).exclude(sent_at__gte=now - SUBMIT_MAY_ARRIVE)
        for request in requests.select_for_update(no_key=True).order_by("pk"):
            order_outcomes.end(
                journal, request, RequestOutcome.NOT_ACCEPTED, "the order works on, long after"
            )
        take_cancel_mark(journal, row.pk)
        last = journal.write()
    if last:
        publish_events({account.user_id: last})


def accounts_with_forgotten(now: datetime) -> set[int]:
    """Name the accounts with cancels that should have been settled by now."""
    return set(_forgotten(now).values_list("account_id", flat=True).distinct())


def end_forgotten(account_id: int, now: datetime) -> None:
    """Settle cancels nobody will answer any more, by what became of their orders."""
    if not _forgotten(now).filter(account_id=account_id).exists():
        return
    with transaction.atomic(durable=True):
        account = lock_account(account_id)
        journal = Journal(account.user_id, account_id, now)
        requests = _forgotten(now).filter(account_id=account_id)
        for request in requests.select_for_update(no_key=True).order_by("pk"):
            outcome, detail = _what_became(request)
            if outcome is not None:
                order_outcomes.end(journal, request, outcome, detail)
        last = journal.write()
    if last:
        publish_events({account.user_id: last})


def _forgotten(now: datetime) -> QuerySet[OrderRequest]:
    return _unresolved(created_at__lt=now - SUBMIT_MAY_ARRIVE).exclude(
        sent_at__gte=now - SUBMIT_MAY_ARRIVE
    )


def _unresolved(**which: object) -> QuerySet[OrderRequest]:
    return OrderRequest.objects.filter(
        action=RequestAction.CANCEL.value, outcome__in=UNANSWERED, **which
    )


def _what_became(request: OrderRequest) -> tuple[RequestOutcome | None, str]:
    """Say how a request ends; None while its order is still asked about."""
    row = order_of(OpenOrder, request)
    if row is not None:
        is_asked = row.cancel_requested_at is not None
        return (None, "") if is_asked else (RequestOutcome.NOT_ACCEPTED, "the order works on")
    ended = order_of(ClosedOrder, request)
    if ended is None:
        return RequestOutcome.NOT_ACCEPTED, "nobody knows the order any more"
    return order_outcomes.settled_by(ended.status)


def order_of(model: type[Row], request: OrderRequest) -> Row | None:
    """Give the order that a cancel or an amendment is about."""
    rows = model._default_manager.filter(  # noqa: SLF001 - the manager of any model
        account_id=request.account_id, market_type=request.market_type, symbol=request.symbol
    )
    if request.exchange_order_id is not None:
        return rows.filter(exchange_order_id=request.exchange_order_id).first()
    return rows.filter(client_order_id=request.client_order_id, placed_by_us=True).first()


def is_working(statement: OrderStatement) -> bool:
    """Whether REST shows an order as alive."""
    return isinstance(statement, OrderSnapshot) and statement.status in WORKING
