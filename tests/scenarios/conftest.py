"""An exchange of its own for each story: prices stand still, ids start anew, bans hurt nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.thread import SimulatorThread
from tests.integration.services.conftest import (
    account,
    exchange,
    manager,
    strategy_account,
    weight_limit,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["account", "exchange", "manager", "strategy_account", "weight_limit"]


@pytest.fixture
def simulator(weight_limit: int) -> Iterator[SimulatorThread]:
    with SimulatorThread(seed=1, config=SimulatorConfig(price_interval=0)) as running:
        running.configure(weight_limit=weight_limit)
        yield running
