"""
Seeds what beat runs, as rows that the admin may edit.

Run at every start and deploy. A row that exists keeps its interval, queue and on/off switch, so an
edit outlives the next deploy; only a row of ours whose task no longer exists is removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask

if TYPE_CHECKING:
    from collections.abc import Iterable

#: rows whose name begins so are ours
PREFIX = "tracking."

MINUTE, DAY = 60, 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One periodic task; its row has the same name."""

    task: str
    queue: str
    seconds: int
    #: a message that waited longer is dropped: the next one is due anyway
    expires: int
    description: str


def schedules() -> tuple[Schedule, ...]:
    """Return all that beat is to run."""
    return (
        Schedule(
            task="tracking.sweep",
            queue="events",
            seconds=2,
            expires=2,
            description="Wake whatever a lost message left asleep.",
        ),
        Schedule(
            task="tracking.sync_due_accounts",
            queue="sync",
            seconds=settings.SYNC_INTERVAL,
            expires=max(settings.SYNC_INTERVAL - 1, 1),
            description="Compare open orders and holdings with the exchanges.",
        ),
        Schedule(
            task="tracking.value_all_commissions",
            queue="sync",
            seconds=MINUTE,
            expires=MINUTE,
            description="Ask what commissions paid in a third asset were worth.",
        ),
        Schedule(
            task="tracking.expire_stale_sessions",
            queue="sync",
            seconds=MINUTE,
            expires=MINUTE,
            description="End tracking sessions that gave no sign of life for five minutes.",
        ),
        Schedule(
            task="tracking.refresh_listen_keys",
            queue="sync",
            seconds=30 * MINUTE,
            expires=10 * MINUTE,
            description="Extend the listen keys of the private streams.",
        ),
        Schedule(
            task="tracking.gather_notices",
            queue="sync",
            seconds=3,
            expires=3,
            description="Tell users what they want to be told of.",
        ),
        Schedule(
            task="tracking.watch_for_notices",
            queue="sync",
            seconds=15,
            expires=15,
            description="Tell of streams that are down and keys that expire.",
        ),
        Schedule(
            task="tracking.check_keys",
            queue="sync",
            seconds=10 * MINUTE,
            expires=10 * MINUTE,
            description="Ask what keys may do: each once a day, a few at a time.",
        ),
        Schedule(
            task="tracking.prune",
            queue="sync",
            seconds=DAY,
            expires=DAY,
            description="Delete raw stream events and closed orders past their retention.",
        ),
        Schedule(
            task="tracking.check_all_books",
            queue="sync",
            seconds=DAY,
            expires=DAY,
            description="Prove the books: recompute them, and compare with the exchanges.",
        ),
    )


def seed(wanted: Iterable[Schedule]) -> tuple[list[str], list[str]]:
    """Create what is missing, remove ours that are gone. Return both lists of names."""
    created = []
    with transaction.atomic():
        for schedule in wanted:
            _, is_new = PeriodicTask.objects.get_or_create(
                name=schedule.task, defaults=_row(schedule)
            )
            created += [schedule.task] if is_new else []
        gone = PeriodicTask.objects.filter(name__startswith=PREFIX).exclude(
            task__in=[schedule.task for schedule in wanted]
        )
        removed = sorted(gone.values_list("name", flat=True))
        # one by one: each deletion tells the running beat that something changed
        for row in gone:
            row.delete()
    return created, removed


def _row(schedule: Schedule) -> dict[str, Any]:
    interval, _ = IntervalSchedule.objects.get_or_create(
        every=schedule.seconds, period=IntervalSchedule.SECONDS
    )
    return {
        "task": schedule.task,
        "queue": schedule.queue,
        "interval": interval,
        "expire_seconds": schedule.expires,
        "description": schedule.description,
    }


class Command(BaseCommand):
    """`manage.py sync_schedules`."""

    help = "Seed the periodic tasks; keeps what was edited in the admin."

    def handle(self, **_options: Any) -> None:
        """Seed, and say what changed."""
        created, removed = seed(schedules())
        self.stdout.write(f"schedules: {len(created)} created, {len(removed)} removed")
