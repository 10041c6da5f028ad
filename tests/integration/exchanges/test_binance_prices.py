"""Prices of the past, asked of a simulated exchange."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges.errors import TransientError, UnknownSymbol

if TYPE_CHECKING:
    from exchanges.rest import RestClient
    from exchanges.simulator.thread import SimulatorThread


def test_the_price_of_a_minute_is_asked_for(client: RestClient, simulator: SimulatorThread) -> None:
    simulator.price("BNBUSDT", "612.50")
    now = client.fetch_server_time()

    assert client.fetch_price_at("BNBUSDT", now) == Decimal("612.50")


def test_before_its_market_opened_nothing_had_a_price(client: RestClient) -> None:
    now = client.fetch_server_time()

    assert client.fetch_price_at("BNBUSDT", now - timedelta(days=1)) is None


def test_a_price_that_cannot_be_asked_for_is_told_so(
    client: RestClient, simulator: SimulatorThread
) -> None:
    now = client.fetch_server_time()
    with pytest.raises(UnknownSymbol):
        client.fetch_price_at("XYZUSDT", now)
    simulator.faults(rest_garbage={"klines": True})
    with pytest.raises(TransientError):
        client.fetch_price_at("BNBUSDT", now)
