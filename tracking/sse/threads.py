"""
Database reads of the stream, in two threads a process, whatever the number of clients.

Django gives each async request a thread of its own and keeps that thread's connection until the
response ends. A stream ends when the browser closes: a hundred open pages would take a hundred
threads and all of PostgreSQL's connections. So the hub reads in one thread, the clients' logins
and replays in another, and `release_request_thread` gives back what Django reserved.

Both threads keep their connection. It may be dead when the database was restarted, which only the
next read can find out: that read is made once more on a new one (reads only: repeating is safe).

@FEAT:order-tracking @COMP:sse @TYPE:core
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from asgiref.sync import SyncToAsync
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

    async def run(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `read` in the thread. Raises what it raises, after a second try if need be."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._executor, partial(_twice, partial(read, *args, **kwargs))
        )

    def disconnect(self) -> None:
        """Close the thread's connection; the next read opens another."""
        self._executor.submit(connections.close_all).result()


def _twice(read: Callable[[], T]) -> T:
    try:
        return read()
    except (OperationalError, InterfaceError):
        connections.close_all()
    try:
        return read()
    except (OperationalError, InterfaceError):
        connections.close_all()
        raise


hub_thread = DatabaseThread("sse-hub")
client_thread = DatabaseThread("sse-clients")


def release_request_thread() -> None:
    """Give back the thread that Django's handler holds for the current request, if it has one."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is None:
        return
    executor = SyncToAsync.context_to_thread_executor.pop(context, None)
    if executor is not None:
        executor.submit(connections.close_all)
        executor.shutdown(wait=False)
