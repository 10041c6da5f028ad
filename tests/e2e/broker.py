"""What goes wrong between who asks for a task and who runs it, done to the real broker."""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis
from django.conf import settings

from ordertrack.celery import app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.system import System

PREFIX = "ordertrack:"
QUEUES = ("events", "sync", "orders")
#: every task that works on one account, and its queue
ACCOUNT_TASKS = {
    "tracking.process_stream_events": "events",
    "tracking.verify_account": "sync",
    "tracking.sync_open_orders": "sync",
}
PAUSE = 0.1


@dataclass(slots=True)
class Mischief:
    """How often it was done."""

    count: int = 0


@contextmanager
def everything_doubled(system: System) -> Iterator[Mischief]:
    """Send every task of every account again and again, beside those the system sends."""
    url = settings.REDIS_URL
    options = app.conf.broker_transport_options

    def double(done: Mischief) -> None:
        with app.connection_for_write(url, transport_options=options) as connection:
            for name, queue in ACCOUNT_TASKS.items():
                for account in system.cast.accounts:
                    arguments = {"account_id": account.pk}
                    for _ in range(2):
                        app.send_task(name, kwargs=arguments, queue=queue, connection=connection)
                        done.count += 1

    with _repeated(double) as done:
        yield done


@contextmanager
def tasks_stolen(*, one_in: int) -> Iterator[Mischief]:
    """Take messages off the queues before any worker does; put all but some of them back."""
    chance = random.Random(1)
    with redis.Redis.from_url(settings.REDIS_URL) as broker:

        def steal(done: Mischief) -> None:
            taken = broker.brpop([PREFIX + queue for queue in QUEUES], timeout=PAUSE)
            if taken is None:
                return
            queue, message = taken
            if chance.randrange(one_in):
                broker.lpush(queue, message)
            else:
                done.count += 1

        with _repeated(steal, pause=0.0) as done:
            yield done


@contextmanager
def _repeated(deed: Callable[[Mischief], None], pause: float = PAUSE) -> Iterator[Mischief]:
    done, ending = Mischief(), threading.Event()

    def go_on() -> None:
        while not ending.wait(pause):
            deed(done)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield done
    finally:
        ending.set()
        thread.join()
