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

    from tests.contract.case import Case

CASES: tuple[Case, ...] = tuple(
    case
    for path in sorted(Path(__file__).parent.glob("case_*.py"))
    for case in importlib.import_module(f"tests.contract.{path.stem}").CASES
)


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorThread]:
    houses = [(case.exchange, case.market_type.value) for case in CASES]
    with SimulatorThread(houses=houses) as running:
        for exchange, market_type in houses:
            running.house(exchange, market_type).configure(price_interval=0, enforce_limits=False)
        yield running


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = request.param
    return chosen


@pytest.fixture
def stage(case: Case, simulator: SimulatorThread) -> Iterator[Stage]:
    made = Stage(case, simulator.house(case.exchange, case.market_type))
    yield made
    made.close()
