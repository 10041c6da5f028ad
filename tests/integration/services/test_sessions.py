"""A session says only what its lease epoch allows, and ends when it shows no life."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import ExchangeAccountFactory
from tracking.models import ExchangeAccount, OrderEvent, OrderTrackingSession, SessionStatus
from tracking.services import leases, sessions
from tracking.services.order_tracking import create_session, stream_is_alive
from tracking.services.sessions import Pulse

pytestmark = pytest.mark.django_db(transaction=True)


def a_session(account: ExchangeAccount, epoch: int = 1) -> OrderTrackingSession:
    return create_session(
        session_id=uuid.uuid4(),
        account_id=account.pk,
        market_type="FUTURES",
        owner="one",
        epoch=epoch,
    )


def a_pulse(session: OrderTrackingSession, epoch: int = 1) -> Pulse:
    return Pulse(
        session_id=session.session_id,
        epoch=epoch,
        connected_at=None,
        last_ping=timezone.now(),
        last_event_at=None,
        frame_count=3,
        event_count=2,
    )


def test_a_change_of_status_is_told_to_the_user() -> None:
    session = a_session(ExchangeAccountFactory.create())

    assert sessions.note_status(session.session_id, 1, SessionStatus.CONNECTED)

    assert OrderEvent.objects.get().payload["status"] == "connected"


def test_a_stale_epoch_changes_nothing() -> None:
    session = a_session(ExchangeAccountFactory.create(), epoch=2)

    assert not sessions.note_status(session.session_id, 1, SessionStatus.CONNECTED)
    sessions.note_pulses([a_pulse(session, epoch=1)])

    session.refresh_from_db()
    assert (session.status, session.frame_count) == ("connecting", 0)


def test_a_pulse_proves_the_stream_alive() -> None:
    account = ExchangeAccountFactory.create()
    session = a_session(account)
    assert not stream_is_alive(account.pk, timezone.now())

    sessions.note_pulses([a_pulse(session)])

    assert stream_is_alive(account.pk, timezone.now())
    assert not stream_is_alive(account.pk, timezone.now() + timedelta(minutes=2))


def test_a_session_without_life_for_five_minutes_ends() -> None:
    stale, alive = (a_session(ExchangeAccountFactory.create()) for _ in range(2))
    OrderTrackingSession.objects.update(started_at=timezone.now() - timedelta(minutes=6))
    sessions.note_pulses([a_pulse(alive)])

    assert sessions.expire_stale() == 1

    stale.refresh_from_db()
    alive.refresh_from_db()
    assert stale.status == "disconnected"
    assert alive.ended_at is None


def test_a_new_epoch_closes_what_the_old_one_left_open() -> None:
    account = ExchangeAccountFactory.create()
    left = a_session(account, epoch=1)

    assert sessions.close_left_open(account.pk, 2) == 1

    left.refresh_from_db()
    assert left.end_reason == "another process took over"


def test_a_lease_is_held_by_one_and_its_epoch_grows() -> None:
    account = ExchangeAccountFactory.create()

    assert leases.take("one", 5) == {account.pk: 1}
    assert leases.take("two", 5) == {}
    assert leases.renew("one", {account.pk: 1}) == {account.pk}
    leases.give_back("one", [account.pk])
    assert leases.take("two", 5) == {account.pk: 2}
    assert leases.renew("one", {account.pk: 1}) == set()
