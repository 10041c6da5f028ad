"""Accounts at the simulated exchange, as if a stream had been running for a while."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from tests.factories import (
    ExchangeAccountFactory,
    OrderTrackingSessionFactory,
    StrategyAccountFactory,
)
from tests.integration.services.conftest import Exchange, fill_budget
from tracking.models import ExchangeAccount, PositionMode
from tracking.services import clients
from tracking.services.baseline import ensure_baseline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.simulator.thread import SimulatorThread

#: a budget of which `fill_budget` fills all
PLENTY = 5_000_000


@contextmanager
def opened(
    simulator: SimulatorThread, *, strategies: int = 1, hedge: bool = False
) -> Iterator[Exchange]:
    """Open an account: strategies use it, a stream is alive, the last full sync was just now."""
    key = uuid.uuid4().hex
    simulator.account(key, f"secret-{key}", hedge=hedge)
    mode = PositionMode.HEDGE if hedge else PositionMode.ONE_WAY
    made: ExchangeAccount = ExchangeAccountFactory.create(
        api_key=key, api_secret=f"secret-{key}", position_mode=mode.value
    )
    StrategyAccountFactory.create_batch(strategies, account=made)
    OrderTrackingSessionFactory.create(account=made)
    ensure_baseline(made)
    in_a_while = timezone.now() + timedelta(minutes=5)
    ExchangeAccount.objects.filter(pk=made.pk).update(next_full_sync_at=in_a_while)
    made.refresh_from_db()
    clients.rest_client(made).markets.all()
    fill_budget()
    exchange = Exchange(simulator, made)
    try:
        yield exchange
    finally:
        exchange.close()
