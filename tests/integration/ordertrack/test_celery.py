"""Celery as configured: what a worker keeps between tasks, and what a publisher risks."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
import redis
from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError

import celeryconfig
from ordertrack.celery import app
from ordertrack.supervisor import Program, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANSWERS = "tests:worker-probe"
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def ask() -> Iterator[Callable[[], dict[str, Any]]]:
    """Run a real worker with one child; give a function that has it run the probe."""
    answers = redis.Redis.from_url(settings.REDIS_STATE_URL, socket_timeout=60)
    options = ("--queues=events", "--concurrency=1", "--without-gossip", "--without-mingle")
    command = ("-m", "celery", "--app=tests.integration.ordertrack.worker_probe:app", "--quiet")
    program = Program(
        name="worker",
        argv=(sys.executable, *command, "worker", *options),
        environment={"CELERY_SKIP_CHECKS": "1", "PYTHONPATH": str(ROOT)},
    )

    def ask_once() -> dict[str, Any]:
        app.send_task("tests.probe", queue="events")
        told = answers.blpop([ANSWERS], timeout=30)
        assert told, "the worker did not answer"
        answer: dict[str, Any] = json.loads(told[1])
        return answer

    with Supervisor([program]):
        yield ask_once
    answers.close()


def test_tasks_of_a_worker_share_one_database_session(ask: Callable[[], dict[str, Any]]) -> None:
    sessions = {ask()["session"] for _ in range(5)}

    assert len(sessions) == 1


def test_a_worker_whose_database_session_broke_opens_another(
    ask: Callable[[], dict[str, Any]],
) -> None:
    broken = ask()["session"]
    admin = psycopg2.connect(os.environ["DATABASE_URL"])
    with admin, admin.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s, 5000)", [broken])
    admin.close()

    assert ask()["session"] != broken


def test_a_worker_multiplies_amounts_exactly(ask: Callable[[], dict[str, Any]]) -> None:
    assert ask()["precision"] == 60


def test_a_publisher_without_a_broker_knows_at_once() -> None:
    orphan = Celery("orphan", set_as_current=False)
    orphan.config_from_object(celeryconfig)
    orphan.conf.update(broker_url="redis://127.0.0.1:1/0")
    started = time.monotonic()

    for _ in range(2):
        with pytest.raises(OperationalError):
            orphan.send_task("tests.probe", queue="events")

    assert time.monotonic() - started < 1


def test_a_misspelt_queue_is_an_error_where_it_is_written() -> None:
    with pytest.raises(Exception, match="evnets"):
        app.send_task("tests.probe", queue="evnets")


def test_no_task_may_outlive_the_brokers_patience() -> None:
    patience = celeryconfig.broker_transport_options["visibility_timeout"]

    assert celeryconfig.task_soft_time_limit < celeryconfig.task_time_limit < int(str(patience))
