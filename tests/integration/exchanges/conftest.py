"""One simulated exchange for this folder; each test trades on an account of its own."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from exchanges.adapter import Limits, Pool, Rate
from exchanges.credentials import Credentials
from exchanges.registry import rest_for
from exchanges.rest import KeyedRestClient
from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.thread import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.rest import RestClient

#: so wide that tests do not wait for each other's requests
WIDE = Limits(
    address=Rate(limit=200_000, period=60),
    pools=(
        Pool(name="orders_10s", rate=Rate(limit=30_000, period=10)),
        Pool(name="orders_1m", rate=Rate(limit=120_000, period=60)),
    ),
)
numbers = itertools.count()


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorThread]:
    config = SimulatorConfig(price_interval=0, enforce_limits=False)
    with SimulatorThread(config=config) as running:
        yield running


@pytest.fixture
def credentials(simulator: SimulatorThread) -> Credentials:
    number = next(numbers)
    fresh = Credentials(api_key=f"{number:0>64}", api_secret=f"s{number:0>63}")
    simulator.account(fresh.api_key, fresh.api_secret)
    return fresh


@pytest.fixture
def client(simulator: SimulatorThread, credentials: Credentials) -> Iterator[RestClient]:
    yield rest_for(
        "BINANCE",
        "FUTURES",
        credentials=credentials,
        redis_url=os.environ["REDIS_URL"],
        base_url=simulator.url,
        limits=WIDE,
    )
    simulator.faults(reset=True)


def keyed(client: RestClient) -> KeyedRestClient:
    """Take a client that obtains listen keys."""
    assert isinstance(client, KeyedRestClient)
    return client
