"""
Cancels whose answer is missing: they end all the same, and their orders show as what they are.

A cancel is settled by the end of its order, in the transaction that writes it. Where that cannot
be, because the order had ended before the cancel was committed or whoever sent it died, the request
is settled here, by what became of the order. A cancel that never arrived is withdrawn once REST,
asked long after, still knows its order as working.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.db.models import F, Value
from django.db.models.functions import Greatest

from exchanges.messages import OrderSnapshot
from tracking.domain.states import WORKING
from tracking.models import ClosedOrder, OpenOrder, OrderRequest, RequestAction, RequestOutcome
from tracking.services.event_emitter import withdraw_cancel
from tracking.services.order_outcomes import settled_by
from tracking.services.unknown_submits import SUBMIT_MAY_ARRIVE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from exchanges.messages import OrderStatement
    from tracking.models import ExchangeAccount
    from tracking.services.order_records import Gathered

Row = TypeVar("Row", OpenOrder, ClosedOrder)

_UNRESOLVED = (RequestOutcome.PENDING.value, RequestOutcome.UNKNOWN.value)


def withdraw_lost(
    account: ExchangeAccount, answers: Sequence[Gathered], asked_at: datetime
) -> None:
    """Show orders as what they are that REST, asked just now, still knows as working.

    Only when their cancel was requested so long before that it cannot be under way any more.
    """
    working = {g.identity for g in answers if any(map(_is_working, g.evidence.statements))}
    rows = OpenOrder.objects.filter(
        account=account,
        exchange_order_id__in=[identity[3] for identity in working if identity],
        cancel_requested_at__lt=asked_at - SUBMIT_MAY_ARRIVE,
        withheld_status__isnull=True,
    )
    for row in rows:
        if (row.market_type, row.symbol, row.id_space, row.exchange_order_id) in working:
            _give_up(account, row, asked_at)
            withdraw_cancel(account.pk, row.pk, asked_at)


def accounts_with_forgotten(now: datetime) -> set[int]:
    """Name the accounts with cancels that should have been settled by now."""
    return set(_forgotten(now).values_list("account_id", flat=True).distinct())


def end_forgotten(account_id: int, now: datetime) -> None:
    """Settle cancels nobody will answer any more, by what became of their orders."""
    for request in _forgotten(now).filter(account_id=account_id):
        outcome, detail = _what_became(request)
        if outcome is not None:
            _unresolved(pk=request.pk).update(
                outcome=outcome.value,
                detail=detail,
                answered_at=Greatest(Value(now), F("created_at")),
            )


def _forgotten(now: datetime) -> QuerySet[OrderRequest]:
    return _unresolved(
        action=RequestAction.CANCEL.value,
        created_at__lt=now - SUBMIT_MAY_ARRIVE,
    ).exclude(sent_at__gte=now - SUBMIT_MAY_ARRIVE)


def _unresolved(**which: object) -> QuerySet[OrderRequest]:
    return OrderRequest.objects.filter(outcome__in=_UNRESOLVED, **which)


def _what_became(request: OrderRequest) -> tuple[RequestOutcome | None, str]:
    """Say how a request ends; None while its order is still asked about."""
    row = _order_of(OpenOrder, request)
    if row is not None:
        is_asked = row.cancel_requested_at is not None
        return (None, "") if is_asked else (RequestOutcome.NOT_ACCEPTED, "the order works on")
    ended = _order_of(ClosedOrder, request)
    if ended is None:
        return RequestOutcome.NOT_ACCEPTED, "nobody knows the order any more"
    return settled_by(ended.status)


def _order_of(model: type[Row], request: OrderRequest) -> Row | None:
    rows = model._default_manager.filter(  # noqa: SLF001 - the manager of any model
        account_id=request.account_id, market_type=request.market_type, symbol=request.symbol
    )
    if request.exchange_order_id is not None:
        return rows.filter(exchange_order_id=request.exchange_order_id).first()
    return rows.filter(client_order_id=request.client_order_id, placed_by_us=True).first()


def _is_working(statement: OrderStatement) -> bool:
    return isinstance(statement, OrderSnapshot) and statement.status in WORKING


def _give_up(account: ExchangeAccount, row: OpenOrder, now: datetime) -> None:
    """End the requests; one that was never claimed cannot be sent after this."""
    OrderRequest.objects.filter(
        account=account,
        action=RequestAction.CANCEL.value,
        symbol=row.symbol,
        exchange_order_id=row.exchange_order_id,
        outcome__in=_UNRESOLVED,
    ).update(
        outcome=RequestOutcome.NOT_ACCEPTED.value,
        detail="the order works on, long after",
        answered_at=Greatest(Value(now), F("created_at")),
    )
