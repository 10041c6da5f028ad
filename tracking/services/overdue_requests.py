"""
Requests that nobody answered in time: none of them may hang.

Note [Every state has an exit]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
* PENDING, not claimed: it is dispatched again while it is young, and refused as too old later
  (`order_dispatch`); an order that was made for it and never claimed is FAILED after 30 s
  (`unsent`). WAITING ends within a day (`waiting_queue`).
* PENDING, claimed: an answer comes within 10 s or never. After 15 s it is UNKNOWN, whoever should
  have written the answer.
* UNKNOWN: asked about until it is known or proven absent (`unknown_submits`), or settled by what
  its order shows (`lost_cancels`, `lost_amends`). After two minutes it NEEDS REVIEW.
* NEEDS_REVIEW: asked about on and on, and settled by a person at any time (`order_review`).
* A placement follows its order, in one transaction with it. Should its order be there and settled,
  it is settled as well; should its order be nowhere, that is written anew, as UNKNOWN, from the
  terms that were committed before it was sent.

This needs the database only: neither a key that was refused nor a dead exchange keeps a request
from being seen.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from exchanges.messages import OrderStatus
from tracking.domain.states import IN_FLIGHT
from tracking.domain.submit_rounds import weigh
from tracking.models import (
    ClosedOrder,
    OpenOrder,
    OrderRequest,
    RequestAction,
    RequestOutcome,
)
from tracking.models.requests import UNANSWERED
from tracking.services import lost_amends, lost_cancels, order_outcomes, review_marks
from tracking.services.event_emitter import lock_account, open_pending
from tracking.services.journal import Journal
from tracking.services.order_attempts import ANSWER_IS_LATE, new_row
from tracking.services.order_preparation import intent_of
from tracking.services.unknown_submits import REVIEW_AFTER, rounds_of
from tracking.services.unsent import fail_never_sent
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from tracking.models import ExchangeAccount
    from tracking.services.order_records import Gathered

log = structlog.get_logger(__name__)

NO_ANSWER: Final = "sent, but no answer was recorded"
_IN_FLIGHT: Final = [status.value for status in IN_FLIGHT]
#: what the end of its order makes of a placement; any other was accepted
_OUTCOMES: Final = {
    OrderStatus.REJECTED: RequestOutcome.REJECTED,
    OrderStatus.FAILED: RequestOutcome.NOT_ACCEPTED,
}


def accounts_with_overdue(now: datetime) -> set[int]:
    """Name the accounts with requests that somebody should have answered by now."""
    unanswered = set(_overdue(now).values_list("account_id", flat=True))
    return (
        unanswered | lost_cancels.accounts_with_forgotten(now) | lost_amends.accounts_with_lost(now)
    )


def look_after(account_id: int, now: datetime) -> None:
    """Move an account's overdue requests on. See Note [Every state has an exit].

    Raises RuntimeError inside a transaction.
    """
    fail_never_sent(account_id, _claimed_orders(account_id, now), now)
    if _overdue(now).filter(account_id=account_id).exists():
        _move_all(account_id, now)
    lost_cancels.end_forgotten(account_id, now)
    lost_amends.ask_about_lost(account_id, now)


def settle_changes(
    account: ExchangeAccount, answers: Sequence[Gathered], asked_at: datetime
) -> None:
    """Settle cancels and amendments without an answer by what REST said just now."""
    lost_cancels.withdraw_lost(account, answers, asked_at)
    lost_amends.settle_lost(account, answers, asked_at)


def _move_all(account_id: int, now: datetime) -> None:
    with transaction.atomic(durable=True):
        account = lock_account(account_id)
        journal = Journal(account.user_id, account_id, now)
        rows = _overdue(now).filter(account_id=account_id).select_for_update(no_key=True)
        for request in rows.order_by("pk"):
            _move_on(account, journal, request)
        last = journal.write()
    if last:
        publish_events({account.user_id: last})


def _overdue(now: datetime) -> QuerySet[OrderRequest]:
    """Give the claimed ones without an answer, those unknown for long, and those without order."""
    in_flight = OpenOrder.objects.filter(
        account=OuterRef("account"),
        client_order_id=OuterRef("client_order_id"),
        placed_by_us=True,
        status__in=_IN_FLIGHT,
    )
    late = Q(outcome=RequestOutcome.PENDING.value)
    long = Q(outcome=RequestOutcome.UNKNOWN.value, sent_at__lt=now - REVIEW_AFTER)
    astray = Q(action=RequestAction.PLACE.value) & ~Q(Exists(in_flight))
    rows = OrderRequest.objects.filter(outcome__in=UNANSWERED, sent_at__lt=now - ANSWER_IS_LATE)
    return rows.filter(late | long | astray)


def _claimed_orders(account_id: int, now: datetime) -> Sequence[OpenOrder]:
    """Give the orders that still show PENDING although they were claimed long ago."""
    claimed = OrderRequest.objects.filter(
        account_id=account_id,
        action=RequestAction.PLACE.value,
        outcome=RequestOutcome.PENDING.value,
        sent_at__lt=now - ANSWER_IS_LATE,
    )
    pending = OpenOrder.objects.filter(
        account_id=account_id,
        placed_by_us=True,
        status=OrderStatus.PENDING.value,
        client_order_id__in=claimed.values("client_order_id"),
    )
    return list(pending)


def _move_on(account: ExchangeAccount, journal: Journal, request: OrderRequest) -> None:
    """Bring one locked request to its next state, if that is not where it is."""
    if request.action == RequestAction.PLACE.value:
        status = _status_of_order(request)
        if status is None:
            open_pending(journal, _row_anew(account, request, journal.now))
            log.error("order.written_anew", request=request.pk)
        elif status not in IN_FLIGHT:
            outcome = _OUTCOMES.get(status, RequestOutcome.ACCEPTED)
            order_outcomes.end(journal, request, outcome, "")
            return
    if request.outcome == RequestOutcome.PENDING.value:
        order_outcomes.end(journal, request, RequestOutcome.UNKNOWN, NO_ANSWER)
    else:
        _send_to_review(journal, request)


def _send_to_review(journal: Journal, request: OrderRequest) -> None:
    sent_at = request.sent_at or request.created_at
    is_long = journal.now >= sent_at + REVIEW_AFTER
    if request.outcome != RequestOutcome.UNKNOWN.value or not is_long:
        return
    why = _what_is_missing(request, sent_at)
    order_outcomes.end(journal, request, RequestOutcome.NEEDS_REVIEW, why)
    review_marks.mark(journal, [request], why)
    log.warning("request.needs_review", request=request.pk, account=request.account_id, why=why)


def _what_is_missing(request: OrderRequest, sent_at: datetime) -> str:
    if request.action != RequestAction.PLACE.value:
        return "its order could not be read since"
    rounds = rounds_of(request)
    if not rounds:
        return "nobody could be asked about it"
    weighed = weigh(rounds, sent_at)
    answers = [rounds[-1].order, rounds[-1].open_orders, rounds[-1].trades]
    silent = next((text for text in answers if text.startswith("no answer")), "")
    return "; ".join(filter(None, [weighed.missing, silent]))


def _status_of_order(request: OrderRequest) -> OrderStatus | None:
    """Give how the order of a placement stands; None: there is none."""
    for model in (OpenOrder, ClosedOrder):
        rows = model.objects.filter(
            account_id=request.account_id,
            market_type=request.market_type,
            client_order_id=request.client_order_id,
            placed_by_us=True,
        )
        status = rows.values_list("status", flat=True).first()
        if status is not None:
            return OrderStatus(status)
    return None


def _row_anew(account: ExchangeAccount, request: OrderRequest, now: datetime) -> OpenOrder:
    """Make the order of a request that was sent, and that nothing else remembers."""
    row = new_row(account, request, intent_of(request), now)
    row.status, row.reason = OrderStatus.UNKNOWN.value, NO_ANSWER
    row.next_verify_at, row.created_at = now, request.created_at
    return row
