"""One simulated exchange for all points, and an account of its own for each."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.thread import SimulatorThread
from tests.crash.accounts import PLENTY, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.integration.services.conftest import Exchange


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(seed=1, config=SimulatorConfig(price_interval=0)) as running:
        running.configure(weight_limit=PLENTY)
        yield running


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a line that is seen although the test passes."""

    def print_line(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}")

    return print_line


@pytest.fixture
def new_exchange(
    transactional_db: None, simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], AbstractContextManager[Exchange]]:
    """Open an account of its own at the exchange."""
    monkeypatch.setattr(settings, "SIMULATOR_URL", simulator.url)
    monkeypatch.setattr(settings, "BINANCE_WEIGHT_PER_MINUTE", PLENTY)
    return partial(opened, simulator)
