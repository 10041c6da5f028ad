"""Few threads, the least busy first, and no more work than can be done in time."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.db import OperationalError

from tracking.services.database_threads import BusyThreadsError, DatabaseThread, DatabaseThreads


def test_work_goes_to_the_thread_that_has_the_least_to_do() -> None:
    threads = DatabaseThreads("test", count=3, most_waiting=10)
    held = threading.Event()

    async def run() -> set[str]:
        slow = [asyncio.create_task(threads.run(held.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        names = {await threads.run(lambda: threading.current_thread().name) for _ in range(5)}
        held.set()
        await asyncio.gather(*slow)
        return names

    assert len(asyncio.run(run())) == 1
    assert threads.waiting == 0


def test_more_work_than_may_wait_is_refused_at_once() -> None:
    threads = DatabaseThreads("test", count=1, most_waiting=2)
    held = threading.Event()

    async def run() -> None:
        slow = [asyncio.create_task(threads.run(held.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        try:
            with pytest.raises(BusyThreadsError):
                await threads.run(held.wait)
        finally:
            held.set()
            await asyncio.gather(*slow)
        await threads.run(held.wait)

    asyncio.run(run())


def test_work_that_finds_a_dead_connection_is_done_once_more() -> None:
    calls: list[int] = []

    def work() -> str:
        calls.append(len(calls))
        if len(calls) == 1:
            raise OperationalError
        return "done"

    assert asyncio.run(DatabaseThread("test").run(work)) == "done"
    assert len(calls) == 2
