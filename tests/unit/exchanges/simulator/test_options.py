"""What the command line of the simulator takes for its faults."""

from __future__ import annotations

import pytest

from exchanges.simulator.errors import ControlError
from exchanges.simulator.options import read_faults, read_houses


def test_a_profile_is_named() -> None:
    assert read_faults("demo") == {"profile": "demo"}


def test_switches_are_json() -> None:
    assert read_faults('{"lose": 0.5, "mute": true}') == {"lose": 0.5, "mute": True}


@pytest.mark.parametrize("text", ["nowhere", "{", '{"loose": 1}', '{"lose": 7}'])
def test_what_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ControlError):
        read_faults(text)


def test_houses_are_named_by_exchange_and_market_type() -> None:
    assert read_houses("binance:futures") == (("BINANCE", "FUTURES"),)
    assert read_houses("BINANCE:COIN_FUTURES, BINANCE:FUTURES") == (
        ("BINANCE", "COIN_FUTURES"), ("BINANCE", "FUTURES"),
    )  # fmt: skip
    assert set(read_houses("BINANCE")) < set(read_houses("all"))


@pytest.mark.parametrize("text", ["", "MTGOX", "BINANCE:OPTIONS", "BINANCE:FUTURES,"])
def test_houses_that_do_not_exist_are_refused(text: str) -> None:
    with pytest.raises(ControlError):
        read_houses(text)
