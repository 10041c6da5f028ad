"""When a stream may be called live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tracking.models import OrderTrackingSession, SessionStatus
from tracking.selectors import STALE_AFTER, Badge, badge_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


CONNECTED = SessionStatus.CONNECTED.value


@pytest.mark.parametrize(
    ("status", "silence", "badge"),
    [
        pytest.param(CONNECTED, 0, Badge(state="live", silent_for=0), id="just now"),
        pytest.param(
            CONNECTED,
            STALE_AFTER,
            Badge(state="live", silent_for=STALE_AFTER),
            id="the last second that counts",
        ),
        pytest.param(
            CONNECTED,
            STALE_AFTER + 1,
            Badge(state="stale", silent_for=STALE_AFTER + 1),
            id="too long ago",
        ),
        pytest.param(CONNECTED, None, Badge(state="stale"), id="never"),
        pytest.param("connecting", 5, Badge(state="reconnecting", silent_for=5), id="trying"),
        pytest.param("disconnected", 5, Badge(state="reconnecting", silent_for=5), id="cut off"),
        pytest.param(CONNECTED, -3, Badge(state="live", silent_for=0), id="clocks disagree"),
    ],
)
def test_only_a_recent_sign_of_life_makes_a_stream_live(
    status: str, silence: int | None, badge: Badge
) -> None:
    last_ping = None if silence is None else NOW - timedelta(seconds=silence)

    assert badge_of(OrderTrackingSession(status=status, last_ping=last_ping), NOW) == badge


def test_a_session_that_ended_is_down_however_well_it_was() -> None:
    session = OrderTrackingSession(status=CONNECTED, last_ping=NOW, ended_at=NOW)

    assert badge_of(session, NOW) == Badge(state="down", silent_for=0)
