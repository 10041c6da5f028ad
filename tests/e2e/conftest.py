"""Starts the whole system once a module: the exchange, the broker, and all of our processes."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from ordertrack.demo_home import new_database
from ordertrack.supervisor import Supervisor
from tests.e2e.system import System, processes, servers, stores
from tracking.management.demo.cast import assemble
from tracking.management.demo.readiness import streams_are_connected, web_answers
from tracking.management.demo.sse_client import SseClient
from tracking.management.demo.theatre import Theatre
from tracking.management.demo.waiting import wait_until
from tracking.services import wakeups

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django.plugin import DjangoDbBlocker

START_TIMEOUT = 60.0
DATABASE = "end_to_end"


@pytest.fixture(scope="module")
def whole_system(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[System]:
    """Run everything; what dies is started again while somebody waits."""
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        stack.enter_context(own_stores())
        yield start(stack, tmp_path_factory.mktemp("end to end"))


@pytest.fixture
def system(whole_system: System) -> Iterator[System]:
    """Give the running system, calm: no faults, prices standing still."""
    whole_system.control.freeze_prices()
    yield whole_system
    whole_system.control.faults(reset=True)


@contextmanager
def own_stores() -> Iterator[None]:
    """Point this process and its children at stores no other test uses."""
    url = new_database(os.environ["DATABASE_URL"], DATABASE)
    variables = stores()
    with pytest.MonkeyPatch.context() as patch, own_settings(variables):
        for name, value in (variables | {"DATABASE_URL": url}).items():
            patch.setenv(name, value)
        default = connections.settings["default"]
        connections["default"].close()
        patch.setitem(default, "NAME", DATABASE)
        patch.setitem(connections["default"].settings_dict, "NAME", DATABASE)
        yield
        connections["default"].close()


@contextmanager
def own_settings(variables: dict[str, str]) -> Iterator[None]:
    """Tell the settings what the variables will tell the children."""
    wakeups._redis.cache_clear()
    with override_settings(
        REDIS_URL=variables["REDIS_URL"],
        REDIS_STATE_URL=variables["REDIS_URL"].removesuffix("0") + "1",
        SIMULATOR_URL=variables["SIMULATOR_URL"],
        PORT=int(variables["PORT"]),
    ):
        yield
    wakeups._redis.cache_clear()


def start(stack: ExitStack, folder: Path) -> System:
    """Start all processes in the order in which they need each other."""
    call_command("migrate", verbosity=0, skip_checks=True)
    call_command("sync_schedules", verbosity=0)
    theatre = Theatre(settings.SIMULATOR_URL)
    before = stack.enter_context(Supervisor(servers(folder)))
    assert wait_until(theatre.is_up, timeout=START_TIMEOUT, tend=before.poll)
    theatre.freeze_prices()
    cast = assemble(theatre, password="not secret")
    ours = stack.enter_context(Supervisor(processes()))
    url = f"http://127.0.0.1:{settings.PORT}"
    listener = SseClient(url, cast.token)
    system = System(theatre=theatre, cast=cast, listener=listener, supervisors=[before, ours])
    assert system.eventually(lambda: web_answers(url), START_TIMEOUT)
    listener.start()
    stack.callback(listener.stop)
    assert system.eventually(lambda: streams_are_connected(cast.accounts), START_TIMEOUT)
    assert system.eventually(lambda: listener.is_open, START_TIMEOUT)
    return system
