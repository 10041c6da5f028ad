"""Each house has settings of its own, and what is wished otherwise is so."""

from __future__ import annotations

from decimal import Decimal

import pytest

from exchanges.simulator.bybit.config import BybitConfig, settings_for
from exchanges.simulator.config import SimulatorConfig


def test_houses_differ_where_bybit_does() -> None:
    spot, linear = settings_for("SPOT", None), settings_for("FUTURES", None)
    assert (spot.custody, linear.custody) == ("spot", "linear")
    assert (spot.taker_fee, linear.taker_fee) == (Decimal("0.001"), Decimal("0.00055"))
    assert (spot.orders_per_second, linear.orders_per_second) == (20, 10)


@pytest.mark.parametrize("kind", [SimulatorConfig, BybitConfig])
def test_what_is_wished_otherwise_than_usual_is_so(kind: type[SimulatorConfig]) -> None:
    found = settings_for("SPOT", kind(price_interval=0, taker_fee=Decimal("0.002")))
    assert (found.price_interval, found.taker_fee) == (0, Decimal("0.002"))
    assert (found.custody, found.rules[0].symbol) == ("spot", "BTCUSDT")
    assert found.unfilled_retention_ms == 86_400_000
