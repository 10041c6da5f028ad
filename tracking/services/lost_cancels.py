"""
Cancels that never arrived: their orders go on working, and must not show as CANCELLING for ever.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F, Value
from django.db.models.functions import Greatest

from exchanges.messages import OrderSnapshot
from tracking.domain.states import WORKING
from tracking.models import OpenOrder, OrderRequest, RequestAction, RequestOutcome
from tracking.services.event_emitter import withdraw_cancel
from tracking.services.unknown_submits import SUBMIT_MAY_ARRIVE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from exchanges.messages import OrderStatement
    from tracking.models import ExchangeAccount
    from tracking.services.order_records import Gathered

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
