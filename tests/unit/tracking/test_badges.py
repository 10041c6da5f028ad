"""When a stream may be called live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tracking.models import SessionStatus
from tracking.selectors import STALE_AFTER, Badge, badge_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "silence", "badge"),
    [
        pytest.param(SessionStatus.CONNECTED, 0, Badge(state="live", silent_for=0), id="just now"),
        pytest.param(
            SessionStatus.CONNECTED,
            STALE_AFTER,
            Badge(state="live", silent_for=STALE_AFTER),
            id="the last second that counts",
        ),
        pytest.param(
            SessionStatus.CONNECTED,
            STALE_AFTER + 1,
            Badge(state="stale", silent_for=STALE_AFTER + 1),
            id="too long ago",
        ),
        pytest.param(SessionStatus.CONNECTED, None, Badge(state="stale"), id="never"),
        pytest.param(
            SessionStatus.CONNECTING, 5, Badge(state="reconnecting", silent_for=5), id="trying"
        ),
        pytest.param(SessionStatus.ERROR, 5, Badge(state="down", silent_for=5), id="failed"),
        pytest.param(None, None, Badge(state="down"), id="no session at all"),
        pytest.param(
            SessionStatus.CONNECTED, -3, Badge(state="live", silent_for=0), id="clocks disagree"
        ),
    ],
)
def test_only_a_recent_sign_of_life_makes_a_stream_live(
    status: str | None, silence: int | None, badge: Badge
) -> None:
    last_ping = None if silence is None else NOW - timedelta(seconds=silence)

    assert badge_of(status, last_ping, NOW) == badge
