"""Bybit with every house open and prices that stand still, and an account in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchanges.simulator.thread import SimulatorThread
from tests.integration.simulator.bybit.trader import HOUSES, BybitTrader

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    """Speak to the linear house, unless another is named."""
    with SimulatorThread(houses=HOUSES) as running:
        for house in HOUSES:
            running.house(*house).configure(price_interval=0)
        yield running


@pytest.fixture
def ann(simulator: SimulatorThread) -> Iterator[BybitTrader]:
    trader = BybitTrader(simulator)
    yield trader
    trader.close()
