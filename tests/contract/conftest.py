"""One simulator with the houses of all cases; each test has an account of its own there."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exchanges.simulator.thread import SimulatorThread
from tests.contract.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.streams import Stream
    from tests.contract.case import Case

CASES: tuple[Case, ...] = tuple(
    case
    for path in sorted(Path(__file__).parent.glob("case_*.py"))
    for case in importlib.import_module(f"tests.contract.{path.stem}").CASES
)


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorThread]:
    houses = list(dict.fromkeys(case.house for case in CASES))
    with SimulatorThread(houses=houses) as running:
        for exchange, market_type in houses:
            running.house(exchange, market_type).configure(price_interval=0, enforce_limits=False)
        yield running


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = request.param
    return chosen


@pytest.fixture(scope="session")
def ending(simulator: SimulatorThread) -> Iterator[list[Stream]]:
    """Streams that were told to end; waiting for each would take longer than the tests."""
    del simulator
    streams: list[Stream] = []
    yield streams
    assert all(stream.stop() for stream in streams)


@pytest.fixture
def stage(case: Case, simulator: SimulatorThread, ending: list[Stream]) -> Iterator[Stage]:
    made = Stage(case, simulator.house(*case.house))
    yield made
    ending += made.close()
