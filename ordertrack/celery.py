"""The Celery application; its options are in `celeryconfig.py`."""

from __future__ import annotations

import decimal
import gc
import importlib
import os
from typing import TYPE_CHECKING

from celery import Celery
from celery.concurrency.thread import TaskPool
from celery.signals import (
    celeryd_init,
    setup_logging,
    task_prerun,
    worker_before_create_process,
    worker_process_init,
    worker_ready,
)
from django.db import close_old_connections, connections

from ordertrack.embedded import join_running

if TYPE_CHECKING:
    from celery import Task
    from celery.worker.consumer import Consumer

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordertrack.settings")
join_running()

app = Celery("ordertrack")
app.config_from_object("celeryconfig")
# Celery closes the database connection before and after every task, whatever CONN_MAX_AGE says,
# unless this key is set; it is read under this old name only. Measured: 2.3 times the throughput.
app.conf["CELERY_DB_REUSE_MAX"] = 1_000_000_000


@celeryd_init.connect
def import_tasks(**_event: object) -> None:
    """Load the tasks and all they need, in workers only and before they fork.

    Children share what their parent loaded; beat and Flower know tasks by name, and the exchange
    library alone would cost each of them 80 MB.
    """
    importlib.import_module("tracking.tasks")
    # what `exchanges.registry` otherwise loads when an account is first asked about
    importlib.import_module("exchanges.binance_connection")


@worker_before_create_process.connect
def share_memory(**_event: object) -> None:
    """Keep the garbage collector of the children off the pages they share with us."""
    gc.freeze()


@setup_logging.connect
def leave_logging_to_django(**_event: object) -> None:
    """Keep Celery from configuring logs: `ordertrack.logs` has, and a receiver here says so."""


@worker_ready.connect
def warm_up(sender: Consumer | None = None, **_event: object) -> None:
    """Load beside the worker that sends orders what its first order would wait for.

    It has threads; a child that forks has none of what its parent's thread loads.
    """
    sends_orders = "orders" in app.amqp.queues.consume_from
    if sends_orders and sender is not None and isinstance(sender.pool, TaskPool):
        importlib.import_module("tracking.services.warming").begin()


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
