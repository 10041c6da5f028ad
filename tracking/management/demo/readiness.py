"""Whether the processes have begun to work."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

from tracking.models import OrderTrackingSession, SessionStatus

if TYPE_CHECKING:
    from collections.abc import Collection

    from tracking.models import ExchangeAccount

TIMEOUT = 5


def web_answers(url: str) -> bool:
    """Say whether the web process answers."""
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=TIMEOUT):  # noqa: S310
            return True
    except OSError:
        return False


def streams_are_connected(accounts: Collection[ExchangeAccount]) -> bool:
    """Say whether each of these accounts has a connected private stream."""
    connected = OrderTrackingSession.objects.filter(
        account__in=accounts, status=SessionStatus.CONNECTED.value, ended_at__isnull=True
    )
    return connected.values("account").distinct().count() == len(accounts)
