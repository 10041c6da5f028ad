"""
Database reads of the stream, in two threads a process, whatever the number of clients.

Django gives each async request a thread of its own and keeps that thread's connection until the
response ends. A stream ends when the browser closes. So the hub reads in one thread, the clients'
logins and replays in another (reads only: repeating is safe), and `release_request_thread` gives
back what Django reserved.

@FEAT:order-tracking @COMP:sse @TYPE:core
"""

from __future__ import annotations

from asgiref.sync import SyncToAsync
from django.db import connections

from tracking.services.database_threads import DatabaseThread

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
