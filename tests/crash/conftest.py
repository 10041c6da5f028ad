"""One simulated exchange for all points, and an account of its own for each."""

from __future__ import annotations

import sys
import uuid
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.utils import timezone

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.thread import SimulatorThread
from tests.factories import (
    ExchangeAccountFactory,
    OrderTrackingSessionFactory,
    StrategyAccountFactory,
)
from tests.integration.services.conftest import Exchange, fill_budget
from tracking.models import ExchangeAccount
from tracking.services import clients
from tracking.services.baseline import ensure_baseline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

#: a budget of which `fill_budget` fills all
PLENTY = 5_000_000


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
    """Open an account of its own at the exchange: a strategy uses it, a stream is alive."""
    monkeypatch.setattr(settings, "SIMULATOR_URL", simulator.url)
    monkeypatch.setattr(settings, "BINANCE_WEIGHT_PER_MINUTE", PLENTY)

    @contextmanager
    def opened() -> Iterator[Exchange]:
        key = uuid.uuid4().hex
        simulator.account(key, f"secret-{key}")
        made = ExchangeAccountFactory.create(api_key=key, api_secret=f"secret-{key}")
        StrategyAccountFactory.create(account=made)
        OrderTrackingSessionFactory.create(account=made, status="connected")
        ensure_baseline(made)
        in_a_while = timezone.now() + timedelta(minutes=5)
        ExchangeAccount.objects.filter(pk=made.pk).update(next_full_sync_at=in_a_while)
        made.refresh_from_db()
        clients.rest_client(made).markets.all()
        fill_budget()
        exchange = Exchange(simulator, made)
        yield exchange
        exchange.close()

    return opened
