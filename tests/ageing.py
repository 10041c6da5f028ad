"""Requests that have become older, with all that was noted about them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from tests.integration.services.conftest import make_due
from tests.streams_alive import keep_alive
from tracking.models import OrderRequest
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tracking.models import ExchangeAccount

#: as much later as leaves nothing of ours under way
LATER = timedelta(seconds=30)
_TIMES = ("asked_at", "stream_since", "stream_until")


def age(requests: QuerySet[OrderRequest], by: timedelta) -> None:
    """Let so much time pass over requests, as if the clock had moved on."""
    for request in requests:
        request.created_at -= by
        if request.attempted_at is not None:
            request.attempted_at -= by
        if request.sent_at is not None:
            request.sent_at -= by
        request.evidence = [_older(told, by) for told in request.evidence]
        request.save(update_fields=["created_at", "attempted_at", "sent_at", "evidence"])


def sent_ago(seconds: float) -> None:
    """Let all requests that were sent have been sent so many seconds ago."""
    now = timezone.now()
    for request in OrderRequest.objects.exclude(sent_at=None):
        assert request.sent_at is not None
        by = timedelta(seconds=seconds) - (now - request.sent_at)
        age(OrderRequest.objects.filter(pk=request.pk), by)


def ask_much_later(account: ExchangeAccount) -> None:
    """Let half a minute pass with the stream alive, and whatever is due be asked then."""
    age(OrderRequest.objects.all(), LATER)
    keep_alive(account)
    make_due()
    verify_due(account.pk)


def _older(told: dict[str, str | bool | None], by: timedelta) -> dict[str, str | bool | None]:
    return {
        name: (datetime.fromisoformat(str(value)) - by).isoformat()
        if name in _TIMES and value
        else value
        for name, value in told.items()
    }
