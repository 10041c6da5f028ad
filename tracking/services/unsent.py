"""
Orders of ours that still wait for their first word: sent without an answer, or never sent at all.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from exchanges.messages import OrderStatus
from tracking.domain.evidence import Evidence, Verdict
from tracking.models import OpenOrder, OrderRequest, RequestAction, RequestOutcome
from tracking.services.event_emitter import emit_trade_event
from tracking.services.order_records import Gathered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

NEVER_SENT_AFTER = timedelta(seconds=30)


def fail_never_sent(account_id: int, orders: Sequence[OpenOrder], now: datetime) -> None:
    """Orders of ours that were never claimed for sending are FAILED; claimed ones are UNKNOWN."""
    pending = [o for o in orders if o.status == OrderStatus.PENDING.value]
    judged = []
    for row in pending:
        verdict = _verdict_on_pending(row, now)
        if verdict:
            judged.append(
                Gathered(
                    market_type=row.market_type,
                    symbol=row.symbol,
                    id_space=row.id_space,
                    client_order_id=row.client_order_id,
                    evidence=Evidence(verdict=verdict),
                )
            )
    if judged:
        emit_trade_event(account_id=account_id, gathered=judged, now=now)


def _verdict_on_pending(row: OpenOrder, now: datetime) -> Verdict | None:
    requests = OrderRequest.objects.filter(
        account_id=row.account_id,
        client_order_id=row.client_order_id,
        action=RequestAction.PLACE.value,
    )
    if requests.filter(sent_at__isnull=False).exists():
        return Verdict(status=OrderStatus.UNKNOWN, reason="sent, but no answer was recorded")
    if row.created_at > now - NEVER_SENT_AFTER:
        return None
    # the sender's claim needs PENDING: one of the two finds nothing left to update. FAILED is what
    # we wrote before a crash kept us from closing the order.
    unsent = (RequestOutcome.PENDING.value, RequestOutcome.FAILED.value)
    if requests.filter(sent_at__isnull=True, outcome__in=unsent).update(
        outcome=RequestOutcome.FAILED.value
    ):
        return Verdict(status=OrderStatus.FAILED, reason="never sent")
    return None
