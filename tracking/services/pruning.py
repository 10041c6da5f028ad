"""
Forgetting what may be forgotten, in small bites so that nobody waits for it.

Frames and the evidence that names them go together, after as many days unless settings differ. A
frame nobody could read waits for a person: it is kept four times as long. Calls of webhooks are
what makes a nonce count once, so none goes while its signature may still be good.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.utils import timezone

from tracking.models import ClosedOrder, Notice, OrderEvidence, StreamEvent, WebhookDelivery

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

log = structlog.get_logger(__name__)

BITE = 5_000
#: so many times longer a quarantined frame is kept
PATIENCE = 4
#: a signature is good for a minute, by a clock that may be a minute off
NONCES_ARE_KEPT = timedelta(minutes=10)


def prune() -> dict[str, int]:
    """Delete old frames and evidence, and the memory of old orders that never filled."""
    now = timezone.now()
    days = settings.STREAM_EVENT_RETENTION_DAYS
    processed = StreamEvent.objects.filter(
        processed_at__isnull=False, received_at__lt=_before(now, days)
    )
    quarantined = StreamEvent.objects.filter(
        quarantined_at__isnull=False, received_at__lt=_before(now, days * PATIENCE)
    )
    evidence = OrderEvidence.objects.filter(
        created_at__lt=_before(now, settings.EVIDENCE_RETENTION_DAYS)
    )
    orders = ClosedOrder.objects.filter(
        keep=False, closed_at__lt=_before(now, settings.CLOSED_ORDER_RETENTION_DAYS)
    )
    notices = Notice.objects.filter(created_at__lt=_before(now, settings.NOTICE_RETENTION_DAYS))
    forgotten = _before(now, settings.WEBHOOK_DELIVERY_RETENTION_DAYS)
    calls = WebhookDelivery.objects.filter(received_at__lt=min(forgotten, now - NONCES_ARE_KEPT))
    removed = {
        "stream_events": _delete(processed) + _delete(quarantined),
        "order_evidence": _delete(evidence),
        "closed_orders": _delete(orders),
        "notices": _delete(notices),
        "webhook_deliveries": _delete(calls),
    }
    log.info("rows.pruned", **removed)
    return removed


def _before(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)


def _delete(
    rows: QuerySet[StreamEvent]
    | QuerySet[OrderEvidence]
    | QuerySet[ClosedOrder]
    | QuerySet[Notice]
    | QuerySet[WebhookDelivery],
) -> int:
    """Delete bite by bite, each its own transaction."""
    total = 0
    while ids := list(rows.values_list("pk", flat=True)[:BITE]):
        total += rows.model.objects.filter(pk__in=ids).delete()[0]
    return total
