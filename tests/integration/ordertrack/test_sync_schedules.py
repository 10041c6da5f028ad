"""The seed of beat's schedule: complete, repeatable, and respectful of edits."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.management import call_command
from django_celery_beat.models import IntervalSchedule, PeriodicTask

import celeryconfig
from tracking.management.commands.sync_schedules import schedules

pytestmark = pytest.mark.django_db


def test_all_tasks_are_seeded_with_their_pace_and_queue() -> None:
    call_command("sync_schedules")

    rows = {
        row.task: (row.interval.every, row.interval.period, row.queue)
        for row in PeriodicTask.objects.filter(name__startswith="tracking.")
    }
    assert rows == {
        "tracking.sweep": (2, "seconds", "events"),
        "tracking.sync_due_accounts": (settings.SYNC_INTERVAL, "seconds", "sync"),
        "tracking.value_all_commissions": (60, "seconds", "sync"),
        "tracking.expire_stale_sessions": (60, "seconds", "sync"),
        "tracking.refresh_listen_keys": (1800, "seconds", "sync"),
        "tracking.gather_notices": (3, "seconds", "sync"),
        "tracking.watch_for_notices": (15, "seconds", "sync"),
        "tracking.check_keys": (600, "seconds", "sync"),
        "tracking.prune": (86400, "seconds", "sync"),
        "tracking.check_all_books": (86400, "seconds", "sync"),
    }


def test_seeding_again_changes_nothing() -> None:
    call_command("sync_schedules")
    before = list(PeriodicTask.objects.order_by("id").values())

    call_command("sync_schedules")

    assert list(PeriodicTask.objects.order_by("id").values()) == before


def test_an_edit_in_the_admin_outlives_the_next_deploy() -> None:
    call_command("sync_schedules")
    slower, _ = IntervalSchedule.objects.get_or_create(every=30, period="seconds")
    PeriodicTask.objects.filter(task="tracking.sync_due_accounts").update(
        interval=slower, enabled=False
    )

    call_command("sync_schedules")

    row = PeriodicTask.objects.get(task="tracking.sync_due_accounts")
    assert (row.interval, row.enabled) == (slower, False)


def test_a_task_of_ours_that_is_gone_is_removed_and_others_stay() -> None:
    every = IntervalSchedule.objects.create(every=1, period="days")
    PeriodicTask.objects.create(name="tracking.old", task="tracking.old", interval=every)
    PeriodicTask.objects.create(name="somebody's own", task="tracking.prune", interval=every)

    call_command("sync_schedules")

    names = set(PeriodicTask.objects.values_list("name", flat=True))
    assert "tracking.old" not in names
    assert "somebody's own" in names


def test_a_message_expires_before_the_next_but_one_is_due() -> None:
    assert all(schedule.expires <= schedule.seconds for schedule in schedules())


def test_every_queue_exists() -> None:
    existing = {queue.name for queue in celeryconfig.task_queues}

    assert {schedule.queue for schedule in schedules()} <= existing
