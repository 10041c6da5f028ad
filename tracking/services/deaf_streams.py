"""
Streams that live and say nothing: the socket is open, pongs come, and no frame tells of a fill.

Note [Deaf streams]
~~~~~~~~~~~~~~~~~~~
No timer can see this: a quiet account is as silent. What proves it is a fill. When a sync books
one that happened while the stream was connected and the stream has told nothing since, that is
noted; if it still has told nothing when a later sync looks, the stream is replaced. A frame that
was merely late clears the note, and so does any other: the stream speaks. So does the connection
that replaces it. While it stands, the stream proves nothing (Note [A stream proven alive]).

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db.models import Q
from django.utils import timezone

from exchanges.messages import Source
from tracking.models import OrderTrackingSession, SessionStatus, TradeExecution
from tracking.services import leases

if TYPE_CHECKING:
    from datetime import datetime

log = structlog.get_logger(__name__)

#: How long a frame may be on its way behind the sync that booked its fill.
GRACE = timedelta(seconds=5)
#: The exchange's clock may be ahead of ours by this when it says a fill came after the connect.
CLOCKS_DIFFER = timedelta(seconds=2)


def look_after_sync(account_id: int, *, began: datetime, found_fills: bool) -> bool:
    """Judge an account's stream by what a sync found. True: it was deaf and is to reconnect."""
    session = _connected(account_id)
    if session is None:
        return False
    if session.missed_at is not None:
        if _has_spoken(session, since=session.missed_at):
            _note(session, None)
        elif session.missed_at <= timezone.now() - GRACE:
            _replace(session)
            return True
    elif found_fills and not _has_spoken(session, since=began) and _missed_one(session, began):
        _note(session, timezone.now())
    return False


def _connected(account_id: int) -> OrderTrackingSession | None:
    return (
        OrderTrackingSession.objects.filter(
            account_id=account_id, status=SessionStatus.CONNECTED.value, ended_at__isnull=True
        )
        .exclude(connected_at=None)
        .order_by("-started_at")
        .first()
    )


def _has_spoken(session: OrderTrackingSession, *, since: datetime) -> bool:
    """Whether a frame has come since, or the connection is a new one."""
    return any(
        at is not None and at >= since for at in (session.last_event_at, session.connected_at)
    )


def _missed_one(session: OrderTrackingSession, began: datetime) -> bool:
    """Whether a fill booked since then, from REST, is one the stream should have told."""
    connected_at = session.connected_at
    return (
        connected_at is not None
        and TradeExecution.objects.filter(
            ~Q(source=Source.WS.value),
            account_id=session.account_id,
            created_at__gte=began,
            executed_at__gt=connected_at + CLOCKS_DIFFER,
        ).exists()
    )


def _note(session: OrderTrackingSession, missed_at: datetime | None) -> None:
    OrderTrackingSession.objects.filter(pk=session.pk).update(missed_at=missed_at)


def _replace(session: OrderTrackingSession) -> None:
    leases.request_reconnect(session.account_id)
    log.warning(
        "stream.deaf",
        note="WebSocket connected but silent: reconnecting",
        account=session.account_id,
    )
