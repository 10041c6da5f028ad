"""Of several beats one ticks, and another takes over when it goes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import redis
from django.conf import settings
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from ordertrack.beat import LEASE_NAME, STANDBY_INTERVAL, LeaderDatabaseScheduler
from ordertrack.celery import app

if TYPE_CHECKING:
    from collections.abc import Iterator

# a beat leaves no transaction open, and so cannot run inside one
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def state() -> Iterator[redis.Redis]:
    """Give the database the lease is in, without a lease."""
    client = redis.Redis.from_url(settings.REDIS_STATE_URL)
    client.delete(LEASE_NAME)
    yield client
    client.delete(LEASE_NAME)
    client.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what is sent, in place of a broker that workers of another test may read."""
    names: list[str] = []
    monkeypatch.setattr(
        LeaderDatabaseScheduler,
        "send_task",
        lambda _self, name, *_args, **_options: names.append(name),
    )
    return names


@pytest.fixture
def due_task() -> PeriodicTask:
    """One task that is due at once, and then not for an hour."""
    hourly = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    return PeriodicTask.objects.create(
        name="due",
        task="nobody.knows.it",
        interval=hourly,
        last_run_at=timezone.now() - timedelta(hours=2),
    )


def a_beat() -> LeaderDatabaseScheduler:
    beat = LeaderDatabaseScheduler(app=app)
    # it would save once more when Python ends, into a database that is gone by then
    beat._finalize.cancel()
    return beat


def tick_until_idle(beat: LeaderDatabaseScheduler) -> float:
    while (wait := beat.tick()) == 0:
        continue
    return wait


@pytest.mark.usefixtures("due_task")
def test_two_beats_send_a_due_task_once(state: redis.Redis, sent: list[str]) -> None:
    first, second = a_beat(), a_beat()

    tick_until_idle(first)
    waits = tick_until_idle(second)

    assert sent == ["nobody.knows.it"]
    assert (first.is_leader, second.is_leader) == (True, False)
    assert waits == STANDBY_INTERVAL


def test_a_standby_takes_over_when_the_lease_lapses(state: redis.Redis, sent: list[str]) -> None:
    first, second = a_beat(), a_beat()
    first.tick()

    state.delete(LEASE_NAME)
    second.tick()
    first.tick()

    assert (first.is_leader, second.is_leader) == (False, True)


def test_a_beat_that_stops_hands_over_at_once(state: redis.Redis, sent: list[str]) -> None:
    first, second = a_beat(), a_beat()
    first.tick()

    first.close()
    second.tick()

    assert second.is_leader


def test_the_lease_is_renewed_while_it_ticks(state: redis.Redis, sent: list[str]) -> None:
    beat = a_beat()
    beat.tick()
    state.pexpire(LEASE_NAME, 500)

    wait = beat.tick()

    assert state.pttl(LEASE_NAME) > 500
    assert wait <= settings.BEAT_LEASE / 3


@pytest.mark.usefixtures("due_task", "state")
def test_a_new_leader_does_not_repeat_what_the_old_one_sent(sent: list[str]) -> None:
    first, second = a_beat(), a_beat()
    tick_until_idle(second)
    second.close()

    tick_until_idle(first)

    assert sent == ["nobody.knows.it"]


def test_without_redis_nobody_ticks_and_nobody_dies(
    sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "REDIS_STATE_URL", "redis://127.0.0.1:1/1")
    beat = a_beat()

    assert beat.tick() == STANDBY_INTERVAL
    assert not beat.is_leader
