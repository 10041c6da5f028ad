"""
Since when an account's private stream has been alive without interruption, as its sessions show.

Note [A stream proven alive]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~
A session row keeps the time of its latest connection (`connected_at`) and of its last sign of life
(`last_ping`: a frame, a pong). Frames and pongs come in the order they were written, so a sign of
life proves that nothing the exchange had written on that connection before was lost on the way:
from `connected_at` to `last_ping` the connection was alive, and about later nothing is known. That
holds for connections that have ended since as well.

* Connections that overlap are one: a process takes over an account by connecting before the other
  has left. A renewal inside one session is told as a new connection: less is proven than could be.
* A session with a fill booked that its stream should have told (`missed_at`, see Note [Deaf
  streams]) proves nothing until it has spoken again or was connected anew.
* A frame that was received and not read yet may tell of the very order: until the inbox is read up
  to then, the proof ends where the oldest waiting frame came.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Min

from tracking.domain.submit_rounds import Stretch
from tracking.models import OrderTrackingSession, StreamEvent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

#: What lies further back proves nothing that is still asked about.
LOOK_BACK: Final = timedelta(days=2)


def proven_stretch(account_id: int, now: datetime) -> Stretch | None:
    """Give the last stretch over which the account's stream is proven alive; None: there is none.

    See Note [A stream proven alive].
    """
    sessions = OrderTrackingSession.objects.filter(
        account_id=account_id,
        connected_at__isnull=False,
        last_ping__gte=now - LOOK_BACK,
        missed_at__isnull=True,
    )
    stretch = joined(sessions.values_list("connected_at", "last_ping"))
    unread = _oldest_unread(account_id)
    if stretch is None or unread is None or unread > stretch.until:
        return stretch
    return Stretch(since=stretch.since, until=unread) if unread > stretch.since else None


def joined(lives: Iterable[tuple[datetime | None, datetime | None]]) -> Stretch | None:
    """Join the connections that overlap, from the one that showed life last backwards."""
    since = until = None
    newest_first = sorted(
        ((ended, began) for began, ended in lives if began and ended and began <= ended),
        reverse=True,
    )
    for ended, began in newest_first:
        if since is None or until is None:
            since, until = began, ended
        elif ended >= since:
            since = min(since, began)
    return Stretch(since=since, until=until) if since and until else None


def _oldest_unread(account_id: int) -> datetime | None:
    waiting = StreamEvent.objects.filter(
        account_id=account_id, processed_at__isnull=True, quarantined_at__isnull=True
    )
    oldest: datetime | None = waiting.aggregate(at=Min("received_at"))["at"]
    return oldest
