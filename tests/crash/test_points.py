"""Every point of every scenario fails once in each mode: the books come out the same."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from exchanges.errors import ExchangeError
from tests.crash import victim
from tests.crash.checks import check_everything
from tests.crash.points import KILLED, Mode, Points, counted
from tests.crash.recovery import recover
from tests.crash.scenarios import SCENARIOS, Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.integration.services.conftest import Exchange

    Tell = Callable[[str], None]
    NewExchange = Callable[[], AbstractContextManager[Exchange]]


@pytest.fixture
def points() -> Iterator[Points]:
    with counted() as counting:
        yield counting


@pytest.mark.parametrize("mode", [Mode.BEFORE, Mode.AFTER], ids=str)
@pytest.mark.parametrize("name", SCENARIOS)
def test_any_point_may_fail(
    new_exchange: NewExchange, points: Points, tell: Tell, name: str, mode: Mode
) -> None:
    failed = fail_everywhere(new_exchange, points, name, mode)

    tell(f"{name}: {mode.value} {dict(failed)}")
    assert_nothing_missed(name, failed)


@pytest.mark.long
@pytest.mark.parametrize("name", SCENARIOS)
def test_any_connection_may_be_cut(
    new_exchange: NewExchange, points: Points, tell: Tell, name: str
) -> None:
    failed = fail_everywhere(new_exchange, points, name, Mode.CUT)

    tell(f"{name}: cut {dict(failed)}")
    assert_nothing_missed(name, failed)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", KILLED, ids=str)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_process_may_be_killed_at_any_point(
    new_exchange: NewExchange, tell: Tell, name: str, mode: Mode
) -> None:
    deaths = kill_everywhere(new_exchange, name, mode)

    tell(f"{name}: {mode.value} at {deaths} points")
    assert deaths >= sum(SCENARIOS[name].least.values())


def fail_everywhere(
    new_exchange: NewExchange, points: Points, name: str, mode: Mode
) -> Counter[str]:
    """Fail at the first point, the second ... until the scenario completes untouched."""
    failed: Counter[str] = Counter()
    while True:
        with new_exchange() as exchange:
            play(exchange, points, SCENARIOS[name], sum(failed.values()) + 1, mode)
            where = points.struck
            come_round(exchange, f"{mode.value} {points.at}: {where}")
            if where is None:
                return failed
            failed[where.kind.value] += 1


def play(exchange: Exchange, points: Points, scenario: Scenario, at: int, mode: Mode) -> None:
    frames = scenario.prepare(exchange)
    with points.armed(at, mode):
        try:
            scenario.act(exchange.account, frames)
        except (DatabaseError, InterfaceError, ExchangeError):
            # what its callers expect: a task ends, a sweep comes
            assert points.struck


def kill_everywhere(new_exchange: NewExchange, name: str, mode: Mode) -> int:
    """Kill a process at the first point, the second ... until it survives."""
    parent, at = victim.forking(), 0
    while True:
        at += 1
        with new_exchange() as exchange:
            job = victim.Job(
                database=connection.settings_dict["NAME"],
                simulator_url=exchange.simulator.url,
                weight_per_minute=settings.BINANCE_WEIGHT_PER_MINUTE,
                account_id=exchange.account.pk,
                scenario=name,
                frames=tuple(SCENARIOS[name].prepare(exchange)),
                at=at,
                mode=mode.value,
            )
            survived = victim.survives(parent, job)
            come_round(exchange, f"{mode.value} {at}")
            if survived:
                return at - 1


def come_round(exchange: Exchange, where: str) -> None:
    try:
        recover(exchange)
        check_everything(exchange)
    except Exception as error:
        error.add_note(where)
        raise


def assert_nothing_missed(name: str, failed: Counter[str]) -> None:
    """No fewer points than ever: or statements are sent that nobody counts."""
    least = SCENARIOS[name].least
    assert {kind: failed[kind] for kind in least if failed[kind] < least[kind]} == {}
