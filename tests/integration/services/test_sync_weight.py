"""
What one sync costs on Binance, counted by the exchange.

Twelve accounts with three live symbols each, syncing every ten seconds, may use half of what an
address has in a minute: of 2,400 that both kinds of futures share, or of spot's 6,000.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.utils import timezone

from exchanges.registry import adapter
from exchanges.simulator.thread import SimulatorThread
from tests.factories import ExchangeAccountFactory
from tests.integration.services.conftest import fill_budget
from tracking.models import ExchangeAccount, OrderTrackingSession, SessionStatus
from tracking.services.activity import LOOK_EVERY
from tracking.services.order_tracking import FULL_SYNC_EVERY, sync_open_orders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.simulator.control_client import ControlClient

ACCOUNTS = 12
MINUTE = timedelta(minutes=1)
SYNC_EVERY = timedelta(seconds=10)
#: how often Binance's list of incomes is read though the wallet rests, and for its funding
INCOMES_EVERY, FUNDING_EVERY = timedelta(minutes=5), timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What the parts of a sync weigh in one market type, by the documentation."""

    market_type: str
    #: orders that rest: symbol, quantity, price
    orders: tuple[tuple[str, str, str], ...]
    open_orders: int
    holdings: int
    #: what a look costs at an account that rests; the exchange's time is one
    look: int
    #: the lists of all open orders, conditional ones too
    everything: int
    incomes: int


USD_M = Weights(
    market_type="FUTURES",
    orders=(("BTCUSDT", "0.1", "30000"), ("ETHUSDT", "1", "1500"), ("SOLUSDT", "10", "75")),
    open_orders=1,
    holdings=5,
    look=5 + 1,
    everything=40 + 40,
    incomes=30,
)
COIN_M = Weights(
    market_type="COIN_FUTURES",
    orders=(
        ("BTCUSD_PERP", "1", "30000"),
        ("ETHUSD_PERP", "1", "1500"),
        ("BTCUSD_270625", "1", "30000"),
    ),
    open_orders=1,
    holdings=1,
    look=1 + 1,
    everything=40 + 40,
    incomes=20,
)
SPOT = Weights(
    market_type="SPOT",
    orders=(("BTCUSDT", "0.1", "30000"), ("ETHUSDT", "1", "1500"), ("SOLUSDT", "10", "75")),
    open_orders=6,
    holdings=20,
    look=1,
    everything=80,
    incomes=0,
)
ALL = (USD_M, COIN_M, SPOT)


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    houses = [("BINANCE", weights.market_type) for weights in ALL]
    with SimulatorThread(seed=3, houses=houses) as running:
        for house in houses:
            running.house(*house).configure(price_interval=0, enforce_limits=False)
        yield running


class Counted:
    """An account at a house that counts what is asked of it."""

    def __init__(self, house: ControlClient, weights: Weights) -> None:
        self._house, key = house, uuid.uuid4().hex
        house.account(key, f"secret-{key}")
        self.account: ExchangeAccount = ExchangeAccountFactory.create(
            exchange="BINANCE",
            market_type=weights.market_type,
            api_key=key,
            api_secret=f"secret-{key}",
        )
        for symbol, quantity, price in weights.orders:
            terms = {"symbol": symbol, "quantity": quantity, "price": price}
            house.act(action="place", account=key, side="BUY", type="LIMIT", **terms)

    def be_heard(self) -> None:
        """Let the account's stream live: without one every sync reads the lists of everything."""
        now = timezone.now()
        OrderTrackingSession.objects.create(
            session_id=uuid.uuid4(),
            account=self.account,
            market_type=self.account.market_type,
            owner="somebody",
            epoch=1,
            status=SessionStatus.CONNECTED.value,
            started_at=now,
            connected_at=now,
            last_ping=now,
        )

    def used(self) -> int:
        return sum(self._house.ledger(summary=True)["weight_by_minute"].values())

    def sync(self, *, full: bool = False, looks: bool = False) -> int:
        """Sync once and count; `looks`: the list of everything traded is due as well."""
        ago = LOOK_EVERY * 2 if looks else timedelta(0)
        ExchangeAccount.objects.update(income_checked_at=timezone.now() - ago)
        fill_budget()
        before = self.used()
        sync_open_orders(self.account.pk, full=full, force=True)
        return self.used() - before


@pytest.mark.parametrize("weights", ALL, ids=lambda weights: weights.market_type)
def test_twelve_accounts_stay_below_half_of_the_budget(
    transactional_db: None,
    monkeypatch: pytest.MonkeyPatch,
    simulator: SimulatorThread,
    weights: Weights,
) -> None:
    monkeypatch.setattr(settings, "SIMULATOR_URL", simulator.url)
    counted = Counted(simulator.house("BINANCE", weights.market_type), weights)
    counted.be_heard()
    counted.sync(full=True)
    for _ in range(2):
        counted.sync(looks=True)

    usual = counted.sync()
    look, full = counted.sync(looks=True) - usual, counted.sync(full=True) - usual

    lists = len(weights.orders) * weights.open_orders
    assert usual == lists + weights.holdings
    assert look == weights.look
    assert full == weights.everything - lists
    a_minute = (
        usual * (MINUTE / SYNC_EVERY)
        + look * (MINUTE / LOOK_EVERY)
        + full * (MINUTE / FULL_SYNC_EVERY)
        + weights.incomes * (MINUTE / INCOMES_EVERY + MINUTE / FUNDING_EVERY)
    )
    limits = {kind.value: limit for kind, limit in adapter("BINANCE").limits.items()}
    assert ACCOUNTS * a_minute < limits[weights.market_type].address.limit / 2
