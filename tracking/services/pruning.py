"""Forgetting what may be forgotten, in small bites so that nobody waits for it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.utils import timezone

from tracking.models import ClosedOrder, StreamEvent

if TYPE_CHECKING:
    from django.db.models import QuerySet

log = structlog.get_logger(__name__)

BITE = 5_000


def prune() -> dict[str, int]:
    """Delete old processed frames, and the memory of old orders that never filled."""
    now = timezone.now()
    frames = StreamEvent.objects.filter(
        received_at__lt=now - timedelta(days=settings.STREAM_EVENT_RETENTION_DAYS),
        processed_at__isnull=False,
    )
    orders = ClosedOrder.objects.filter(
        keep=False,
        closed_at__lt=now - timedelta(days=settings.CLOSED_ORDER_RETENTION_DAYS),
    )
    removed = {"stream_events": _delete(frames), "closed_orders": _delete(orders)}
    log.info("rows.pruned", **removed)
    return removed


def _delete(rows: QuerySet[StreamEvent] | QuerySet[ClosedOrder]) -> int:
    """Delete bite by bite, each its own transaction."""
    total = 0
    while ids := list(rows.values_list("pk", flat=True)[:BITE]):
        total += rows.model.objects.filter(pk__in=ids).delete()[0]
    return total
