"""
Session rows: what a stream says of itself, fenced by the lease epoch it runs under.

Changes of status are told to the user; pings only move columns, many sessions at a time.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import connection, transaction
from django.utils import timezone

from tracking.models import EventKind, ExchangeAccount, OrderTrackingSession, SessionStatus
from tracking.models.sessions import LIVE_SESSION
from tracking.services.journal import Journal
from tracking.services.payloads import session_payload
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

log = structlog.get_logger(__name__)

STALE_AFTER = timedelta(minutes=5)

_PULSE = """
    UPDATE tracking_ordertrackingsession AS session
    SET connected_at = GREATEST(connected_at, %s), last_ping = GREATEST(session.last_ping, %s),
        last_event_at = GREATEST(last_event_at, %s), frame_count = %s, event_count = %s
    WHERE session_id = %s AND epoch = %s AND ended_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """Signs of life of one session since it began."""

    session_id: UUID
    epoch: int
    #: told with every sign of life: one must never be taken for a sign of the connection before
    connected_at: datetime | None
    last_ping: datetime | None
    last_event_at: datetime | None
    frame_count: int
    event_count: int


def note_pulses(pulses: Sequence[Pulse]) -> None:
    """Write the signs of life of many sessions."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        for pulse in sorted(pulses, key=lambda p: p.session_id.hex):
            cursor.execute(
                _PULSE,
                [
                    pulse.connected_at,
                    pulse.last_ping,
                    pulse.last_event_at,
                    pulse.frame_count,
                    pulse.event_count,
                    pulse.session_id,
                    pulse.epoch,
                ],
            )


def note_status(
    session_id: UUID,
    epoch: int,
    status: SessionStatus,
    *,
    reason: str = "",
    reconnects: int = 0,
    connected_at: datetime | None = None,
    ended: bool = False,
) -> bool:
    """Write a change of status and tell it. False: the epoch is not the row's, or it has ended.

    `connected_at`: when it was connected, if it may have taken a while until it is told here.
    """
    now = timezone.now()
    with transaction.atomic(durable=True):
        row = (
            OrderTrackingSession.objects.select_for_update(no_key=True)
            .filter(session_id=session_id, epoch=epoch, ended_at__isnull=True)
            .first()
        )
        if row is None:
            return False
        row.status, row.end_reason, row.reconnect_count = status.value, reason[:200], reconnects
        if status is SessionStatus.CONNECTED:
            row.connected_at = row.last_ping = connected_at or now
            row.missed_at = None
        if ended:
            row.ended_at = now
        row.save()
        last, user_id = _tell(row, now)
    publish_events({user_id: last})
    return True


def _tell(row: OrderTrackingSession, now: datetime) -> tuple[int, int]:
    user_id = ExchangeAccount.objects.values_list("user_id", flat=True).get(pk=row.account_id)
    journal = Journal(user_id, row.account_id, now)
    journal.add(EventKind.SESSION, session_payload(row))
    return journal.write(), user_id


def close_left_open(account_id: int, epoch: int) -> int:
    """Close the sessions earlier lease epochs left open: their owner is gone."""
    left = OrderTrackingSession.objects.filter(
        account_id=account_id, epoch__lt=epoch, ended_at__isnull=True
    )
    for row in left:
        note_status(
            row.session_id,
            row.epoch,
            SessionStatus.DISCONNECTED,
            reason="another process took over",
            reconnects=row.reconnect_count,
            ended=True,
        )
    return len(left)


def expire_stale() -> int:
    """End sessions that have shown no life for five minutes; return how many."""
    stale = OrderTrackingSession.objects.filter(
        status__in=LIVE_SESSION,
        ended_at__isnull=True,
        started_at__lt=timezone.now() - STALE_AFTER,
    ).exclude(last_ping__gte=timezone.now() - STALE_AFTER)
    ended = 0
    for row in stale:
        ended += note_status(
            row.session_id,
            row.epoch,
            SessionStatus.DISCONNECTED,
            reason="no sign of life for five minutes",
            reconnects=row.reconnect_count,
            ended=True,
        )
        log.warning("session.expired", note="WebSocket session expired", account=row.account_id)
    return ended
