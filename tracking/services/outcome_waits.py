"""
Waiting for what becomes of requests, for callers who want the outcome in the same answer.

The connection is given back between two looks, and only so many may wait at once: a caller beyond
that gets what is known now, and asks again.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from django.db import connection

from tracking.models import OrderRequest, RequestOutcome

if TYPE_CHECKING:
    from collections.abc import Collection

MOST_WAITERS: Final = 32
LONGEST_WAIT: Final = 10.0
_FIRST_LOOK: Final = 0.03
_LONGEST_PAUSE: Final = 0.5
#: nobody knows yet. What waits for room, or for a person, may do so for hours.
_OPEN: Final = (RequestOutcome.PENDING.value, RequestOutcome.UNKNOWN.value)

_places = threading.BoundedSemaphore(MOST_WAITERS)


def wait_for_outcomes(request_ids: Collection[int], *, seconds: float) -> None:
    """Return once all of them have an outcome, when the time is over, or when too many wait."""
    if not _places.acquire(blocking=False):
        return
    try:
        _wait(request_ids, time.monotonic() + min(seconds, LONGEST_WAIT))
    finally:
        _places.release()


def _wait(request_ids: Collection[int], end: float) -> None:
    pause = _FIRST_LOOK
    waited_for = OrderRequest.objects.filter(pk__in=request_ids, outcome__in=_OPEN)
    while (left := end - time.monotonic()) > 0 and waited_for.exists():
        if not connection.in_atomic_block:
            connection.close()
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)
