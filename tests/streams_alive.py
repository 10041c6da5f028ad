"""A private stream that was alive all the time, for stories that do not run one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from tests.factories import OrderTrackingSessionFactory
from tracking.models import OrderTrackingSession

if TYPE_CHECKING:
    from tracking.models import ExchangeAccount

LONG: timedelta = timedelta(minutes=10)


def keep_alive(account: ExchangeAccount, since: timedelta = LONG) -> OrderTrackingSession:
    """Let the account's stream have been alive for ten minutes (or so long), up to now."""
    now = timezone.now()
    rows = OrderTrackingSession.objects.filter(account=account, ended_at=None)
    if not rows.exists():
        OrderTrackingSessionFactory.create(account=account, started_at=now - LONG)
    rows.update(connected_at=now - since, last_ping=now, missed_at=None)
    return rows.latest("started_at")


def fall_silent(account: ExchangeAccount, at_ago: timedelta = LONG) -> None:
    """Let the account's stream have given its last sign of life so long ago."""
    rows = OrderTrackingSession.objects.filter(account=account)
    then = timezone.now() - at_ago
    rows.update(connected_at=then - LONG, last_ping=then)
