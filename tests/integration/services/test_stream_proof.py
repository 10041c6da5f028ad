"""Since when a stream has been alive, read off its sessions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.factories import (
    ExchangeAccountFactory,
    OrderTrackingSessionFactory,
    StreamEventFactory,
)
from tests.streams_alive import keep_alive
from tracking.domain.submit_rounds import Stretch
from tracking.models import OrderTrackingSession, SessionStatus
from tracking.services import sessions
from tracking.services.sessions import Pulse
from tracking.services.stream_proof import proven_stretch

if TYPE_CHECKING:
    from tracking.models import ExchangeAccount

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def account() -> ExchangeAccount:
    made: ExchangeAccount = ExchangeAccountFactory.create()
    return made


def alive(
    account: ExchangeAccount, now: datetime, since: float, until: float, **terms: object
) -> OrderTrackingSession:
    """Let a session have been connected so many seconds ago, and shown life so many ago."""
    made: OrderTrackingSession = OrderTrackingSessionFactory.create(
        account=account,
        connected_at=now - timedelta(seconds=since),
        last_ping=now - timedelta(seconds=until),
        **terms,
    )
    return made


def stretch(account: ExchangeAccount, now: datetime) -> tuple[float, float] | None:
    """Give the proven stretch, in seconds ago."""
    proven = proven_stretch(account.pk, now)
    if proven is None:
        return None
    return (now - proven.since).total_seconds(), (now - proven.until).total_seconds()


def test_a_session_proves_from_its_connection_to_its_last_sign_of_life(
    account: ExchangeAccount, now: datetime
) -> None:
    alive(account, now, 100, 20)

    assert stretch(account, now) == (100, 20)


def test_without_a_connection_nothing_is_proven(account: ExchangeAccount, now: datetime) -> None:
    assert stretch(account, now) is None
    OrderTrackingSessionFactory.create(account=account, connected_at=None, last_ping=None)
    alive(ExchangeAccountFactory.create(), now, 100, 0)

    assert stretch(account, now) is None


def test_sessions_that_overlap_are_one(account: ExchangeAccount, now: datetime) -> None:
    ended = SessionStatus.DISCONNECTED.value
    alive(account, now, 300, 90, status=ended, ended_at=now)
    alive(account, now, 100, 40, status=ended, ended_at=now)
    alive(account, now, 50, 5)

    assert stretch(account, now) == (300, 5)


def test_a_moment_without_any_session_is_a_break(account: ExchangeAccount, now: datetime) -> None:
    alive(account, now, 300, 90)
    alive(account, now, 80, 5)

    assert stretch(account, now) == (80, 5)


def test_a_connection_that_has_ended_proves_what_it_lasted(
    account: ExchangeAccount, now: datetime
) -> None:
    alive(account, now, 300, 90, status=SessionStatus.ERROR.value)

    assert stretch(account, now) == (300, 90)


def test_a_stream_that_missed_a_fill_proves_nothing(
    account: ExchangeAccount, now: datetime
) -> None:
    alive(account, now, 300, 5, missed_at=now)

    assert stretch(account, now) is None


def test_a_stream_that_is_connected_anew_is_deaf_no_more(
    account: ExchangeAccount, now: datetime
) -> None:
    session = alive(account, now, 300, 5, missed_at=now)

    sessions.note_status(session.session_id, session.epoch, SessionStatus.CONNECTED)

    proven = proven_stretch(account.pk, timezone.now())
    assert proven is not None
    assert proven.since >= now


def test_frames_that_wait_to_be_read_end_the_proof(account: ExchangeAccount, now: datetime) -> None:
    alive(account, now, 300, 5)
    for ago in (60, 30):
        StreamEventFactory.create(account=account, received_at=now - timedelta(seconds=ago))

    assert stretch(account, now) == (300, 60)


def test_frames_that_were_read_or_set_apart_do_not(account: ExchangeAccount, now: datetime) -> None:
    alive(account, now, 300, 5)
    StreamEventFactory.create(account=account, received_at=now, processed_at=now)
    StreamEventFactory.create(account=account, received_at=now, quarantined_at=now)

    assert stretch(account, now) == (300, 5)


def test_frames_of_before_leave_no_proof(account: ExchangeAccount, now: datetime) -> None:
    alive(account, now, 30, 5)
    StreamEventFactory.create(account=account, received_at=now - timedelta(seconds=60))

    assert stretch(account, now) is None


def test_a_sign_of_life_brings_the_time_of_its_own_connection(account: ExchangeAccount) -> None:
    """It may be written before the change of status that tells of a reconnect."""
    session = keep_alive(account)
    assert session.connected_at is not None
    reconnected = timezone.now()

    sessions.note_pulses(
        [
            Pulse(
                session_id=session.session_id,
                epoch=session.epoch,
                connected_at=reconnected,
                last_ping=reconnected + timedelta(seconds=1),
                last_event_at=None,
                frame_count=1,
                event_count=1,
            )
        ]
    )

    assert proven_stretch(account.pk, reconnected) == Stretch(
        since=reconnected, until=reconnected + timedelta(seconds=1)
    )


def test_the_time_of_a_connection_is_when_it_was_made_not_when_it_was_told(
    account: ExchangeAccount, now: datetime
) -> None:
    session = keep_alive(account)
    made = now + timedelta(seconds=1)

    sessions.note_status(
        session.session_id, session.epoch, SessionStatus.CONNECTED, connected_at=made
    )

    assert proven_stretch(account.pk, now) == Stretch(since=made, until=made)
