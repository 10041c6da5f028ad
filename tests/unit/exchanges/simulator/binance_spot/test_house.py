"""A configuration for any market keeps what is usual on spot."""

from __future__ import annotations

from exchanges.simulator.binance_spot.house import SPOT_CONFIG, for_spot, spot_config
from exchanges.simulator.config import SPOT, SimulatorConfig


def test_what_was_not_chosen_is_spots() -> None:
    found = for_spot(SimulatorConfig(price_interval=0))
    assert (found.custody, found.price_interval, found.ping_interval) == (SPOT, 0, 20)
    assert for_spot(None) is SPOT_CONFIG


def test_a_spot_configuration_is_taken_as_it_is() -> None:
    chosen = spot_config(weight_limit=2400)
    assert for_spot(chosen) is chosen
