"""
Amendments whose answer is missing: settled by the terms the order shows, never sent again.

An amendment was made if the order is as it was to be, whoever told that: the stream, a sync, or
REST asked for it. It was not if REST shows other terms so long after it was sent that it cannot be
under way any more. An order that ended meanwhile is judged alike, by the terms it ended with; what
filled as much as it was to be from then on needs no amendment to be that.

REST is asked about such an order as about any whose state is open: at once, and then as
`verification_queue` says, until the amendment is settled.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction

from tracking.domain.submit_rounds import SUBMIT_MAY_ARRIVE
from tracking.models import (
    ClosedOrder,
    OpenOrder,
    OrderRequest,
    RequestAction,
    RequestOutcome,
)
from tracking.models.requests import UNANSWERED
from tracking.services import order_outcomes
from tracking.services.event_emitter import lock_account
from tracking.services.journal import Journal
from tracking.services.lost_cancels import is_working, order_of
from tracking.services.order_attempts import ANSWER_IS_LATE
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from tracking.models import ExchangeAccount
    from tracking.services.order_records import Gathered, OrderIdentity

Verdict = tuple[RequestOutcome, str]


def accounts_with_lost(now: datetime) -> set[int]:
    """Name the accounts with amendments that nobody has answered in time."""
    return set(_lost(now).values_list("account_id", flat=True).distinct())


def ask_about_lost(account_id: int, now: datetime) -> None:
    """Settle what can be without asking; let REST be asked about the orders of the others."""
    if not _lost(now).filter(account_id=account_id).exists():
        return
    _settle(account_id, frozenset(), now)
    for request in _lost(now).filter(account_id=account_id):
        row = order_of(OpenOrder, request)
        if row is not None and row.next_verify_at is None:
            OpenOrder.objects.filter(pk=row.pk).update(next_verify_at=now, verify_attempts=0)


def settle_lost(account: ExchangeAccount, answers: Sequence[Gathered], asked_at: datetime) -> None:
    """Settle amendments by what their orders show now; `answers`: what REST said just now."""
    working = {
        answer.identity
        for answer in answers
        if answer.identity and any(map(is_working, answer.evidence.statements))
    }
    if working and _lost(asked_at).filter(account=account).exists():
        _settle(account.pk, working, asked_at)


def _settle(account_id: int, working: Collection[OrderIdentity], asked_at: datetime) -> None:
    with transaction.atomic(durable=True):
        locked = lock_account(account_id)
        journal = Journal(locked.user_id, locked.pk, asked_at)
        requests = _lost(asked_at).filter(account_id=account_id)
        for request in requests.select_for_update(no_key=True).order_by("pk"):
            verdict = _verdict(request, working, asked_at)
            if verdict is not None:
                order_outcomes.end(journal, request, *verdict)
        last = journal.write()
    if last:
        publish_events({locked.user_id: last})


def _lost(now: datetime) -> QuerySet[OrderRequest]:
    return OrderRequest.objects.filter(
        action=RequestAction.AMEND.value,
        outcome__in=UNANSWERED,
        sent_at__isnull=False,
    ).exclude(outcome=RequestOutcome.PENDING.value, sent_at__gte=now - ANSWER_IS_LATE)


def _verdict(
    request: OrderRequest, working: Collection[OrderIdentity], asked_at: datetime
) -> Verdict | None:
    """Say how an amendment ended; None while that is open."""
    row = order_of(OpenOrder, request) or order_of(ClosedOrder, request)
    if row is None:
        return RequestOutcome.NOT_ACCEPTED, "nobody knows the order any more"
    if is_as_asked(row, request):
        return RequestOutcome.ACCEPTED, "the exchange shows the new terms"
    if isinstance(row, ClosedOrder):
        return RequestOutcome.REJECTED, f"the order ended {row.status}, with other terms"
    identity = (row.market_type, row.symbol, row.id_space, str(row.exchange_order_id))
    was_sent = request.sent_at or request.created_at
    if identity in working and was_sent < asked_at - SUBMIT_MAY_ARRIVE:
        return RequestOutcome.REJECTED, "the exchange shows other terms, long after"
    return None


def is_as_asked(row: OpenOrder | ClosedOrder, request: OrderRequest) -> bool:
    """Whether an order has the price and the quantity it was to have, or filled as much."""
    terms = request.body | request.terms
    price, quantity = (_amount(terms.get(name)) for name in ("price", "quantity"))
    if quantity is not None and row.filled_quantity >= quantity < row.quantity:
        # made smaller than what had filled by then: exchanges end it where it is
        return True
    return price in {None, row.price} and quantity in {None, row.quantity}


def _amount(told: object) -> Decimal | None:
    return None if told is None else Decimal(str(told))
