"""
Database work of the web's event loop, in few threads that keep their connections.

Django gives each async request a thread of its own and a new connection: a hundred callers at once
would take a hundred threads and all of PostgreSQL's connections. Work that is sent here waits for
one of a fixed number of threads instead.

A kept connection may be dead when the database was restarted, which only the next piece of work can
find out: that piece is done once more on a new one. So whatever runs here must bear being repeated.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connections

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class DatabaseThread:
    """One thread with one connection that outlives a restart of the database."""

    def __init__(self, name: str) -> None:
        """Start nothing yet; `name` is what the thread is called."""
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        #: pieces of work that are not done yet; only the event loop's thread counts them
        self.waiting = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `work` in the thread. Raises what it raises, after a second try if need be."""
        loop = asyncio.get_running_loop()
        self.waiting += 1
        try:
            return await loop.run_in_executor(
                self._executor, partial(_twice, partial(work, *args, **kwargs))
            )
        finally:
            self.waiting -= 1

    def disconnect(self) -> None:
        """Close the thread's connection; the next piece of work opens another."""
        self._executor.submit(connections.close_all).result()


class BusyThreadsError(Exception):
    """So much work waits for a thread already that more would not be done in time."""


class DatabaseThreads:
    """Several such threads; work goes to the one that has the least to do."""

    def __init__(self, name: str, *, count: int, most_waiting: int) -> None:
        """Start nothing yet; beyond `most_waiting` pieces of work in all, more is refused."""
        self._threads = [DatabaseThread(f"{name}-{number}") for number in range(count)]
        self._most_waiting = most_waiting
        self._turns = itertools.cycle(range(count))

    @property
    def waiting(self) -> int:
        """How many pieces of work are not done yet."""
        return sum(thread.waiting for thread in self._threads)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `work` in one of the threads. Raises what it raises, or BusyThreadsError."""
        if self.waiting >= self._most_waiting:
            raise BusyThreadsError(BusyThreadsError.__doc__)
        return await self._least_busy().run(work, *args, **kwargs)

    def disconnect(self) -> None:
        """Close the connections of all threads."""
        for thread in self._threads:
            thread.disconnect()

    def _least_busy(self) -> DatabaseThread:
        # among equals in turn, so that all connections are used and a dead one is noticed
        first = next(self._turns)
        turned = self._threads[first:] + self._threads[:first]
        return min(turned, key=lambda thread: thread.waiting)


def _twice(work: Callable[[], T]) -> T:
    try:
        return work()
    except (OperationalError, InterfaceError):
        connections.close_all()
    try:
        return work()
    except (OperationalError, InterfaceError):
        connections.close_all()
        raise
