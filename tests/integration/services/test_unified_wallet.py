"""One Bybit key in two rows, spot and linear: one wallet, and both rows are their exchange's."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.utils import timezone

from exchanges.messages import OrderType, Side
from exchanges.simulator.thread import SimulatorThread
from tests.factories import ExchangeAccountFactory, StrategyAccountFactory
from tests.integration.services.conftest import fill_budget
from tracking.models import Anomaly, ExchangeAccount, Posting, StrategyPosition
from tracking.services.activity import LOOK_EVERY
from tracking.services.books.check import AtExchange, check_account
from tracking.services.order_intents import OrderIntent
from tracking.services.order_manager import OrderManager
from tracking.services.order_tracking import sync_open_orders
from tracking.services.rehearsal import rehearse_sync
from tracking.services.sync_holdings import booked_holdings

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUSES = [("BYBIT", "SPOT"), ("BYBIT", "FUTURES"), ("BYBIT", "COIN_FUTURES")]
OWNED = {"SPOT": {"USDT": "100000", "BTC": "0.5"}, "FUTURES": {"USDT": "5000"}}


class Key:
    """One API key, tracked in several market types."""

    def __init__(self, simulator: SimulatorThread) -> None:
        self.name = uuid.uuid4().hex
        secret = f"secret-{self.name}"
        self.simulator = simulator
        for exchange, market_type in HOUSES:
            owned = OWNED.get(market_type, {"BTC": "1"})
            simulator.house(exchange, market_type).account(self.name, secret, balances=owned)
        self.rows: dict[str, ExchangeAccount] = {
            market_type: ExchangeAccountFactory.create(
                exchange="BYBIT", market_type=market_type, api_key=self.name, api_secret=secret
            )
            for market_type in OWNED
        }
        self.sync()

    def act(self, market_type: str, action: str, **terms: object) -> None:
        house = self.simulator.house("BYBIT", market_type)
        house.act(action=action, account=self.name, **terms)

    def trade(self, market_type: str, side: str, quantity: str, symbol: str = "BTCUSDT") -> None:
        self.act(market_type, "place", symbol=symbol, side=side, type="MARKET", quantity=quantity)

    def sync(self, *market_types: str) -> None:
        for market_type in market_types or OWNED:
            fill_budget()
            sync_open_orders(self.rows[market_type].pk, full=True, force=True)

    def spot(self) -> dict[str, Decimal]:
        held = booked_holdings(self.rows["SPOT"].pk)
        return {asset: quantity for (_, asset, _), quantity in held.items()}

    def wallet(self) -> dict[str, Decimal]:
        """Sum what the houses keep."""
        total: dict[str, Decimal] = {}
        for house in HOUSES:
            told = self.simulator.house(*house).ledger(self.name)["accounts"][self.name]
            for row in told["balances"]:
                parts = (row.get(name, "0") for name in ("free", "locked", "wallet_balance"))
                total[row["asset"]] = total.get(row["asset"], Decimal(0)) + sum(map(Decimal, parts))
        return total

    def wrong(self) -> list[str]:
        found = []
        for account in self.rows.values():
            fill_budget()
            at_exchange = AtExchange(settled_after=0)
            check = check_account(account.pk, with_exchange=True, at_exchange=at_exchange)
            found += [str(line) for line in check.lines if line.violation_count]
        return found


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(seed=5, houses=HOUSES) as running:
        for house in HOUSES:
            running.house(*house).configure(price_interval=0, enforce_limits=False)
        yield running


@pytest.fixture
def key(
    transactional_db: None, simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Key]:
    monkeypatch.setattr(settings, "SIMULATOR_URL", simulator.url)
    yield Key(simulator)
    for house in HOUSES:
        simulator.house(*house).faults(reset=True)


def test_a_key_that_trades_spot_and_contracts_ends_with_its_exchanges_books(key: Key) -> None:
    assert key.spot() == key.wallet()
    manager = OrderManager(StrategyAccountFactory.create(account=key.rows["FUTURES"]))
    bought = OrderIntent(
        symbol="BTC/USDT:USDT", side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal("0.1")
    )
    manager.execute(bought, idempotency_key="1")
    key.trade("FUTURES", "SELL", "0.2")
    key.act("FUTURES", "funding", symbol="BTCUSDT", amount="-1.5")
    key.trade("SPOT", "SELL", "0.01")
    key.trade("COIN_FUTURES", "BUY", "6000", symbol="BTCUSD")
    key.act("SPOT", "transfer", asset="USDT", amount="250")
    ExchangeAccount.objects.filter(market_type="FUTURES").update(
        income_checked_at=timezone.now() - 2 * LOOK_EVERY
    )

    key.sync()

    assert key.spot() == key.wallet()
    assert list(Anomaly.objects.values_list("kind", "key", "detail")) == []
    rows = Posting.objects.exclude(kind="OPENING").filter(account=key.rows["SPOT"])
    assert set(rows.values_list("kind", "symbol", "asset")) == {
        ("FUNDING", "USDT", "USDT"),
        ("SETTLEMENT", "BTC", "BTC"),
        ("SETTLEMENT", "USDT", "USDT"),
        ("TRANSFER", "USDT", "USDT"),
    }
    linear = Posting.objects.filter(account=key.rows["FUTURES"])
    assert list(linear.values_list("kind", "amount", "symbol")) == [
        ("FUNDING", Decimal("-1.5"), "BTC/USDT:USDT")
    ]
    assert key.wrong() == []
    before = key.spot()
    key.sync()
    assert key.spot() == before


def test_the_wallet_is_explained_between_two_looks_at_its_log(key: Key) -> None:
    for _ in range(2):
        key.trade("FUTURES", "BUY", "0.1")
        key.sync("SPOT")

        assert key.spot() == key.wallet()
        assert not Anomaly.objects.exists()


def test_a_rehearsed_sync_counts_what_it_would_book(key: Key) -> None:
    key.trade("FUTURES", "BUY", "0.1")
    fill_budget()

    plan = rehearse_sync(key.rows["SPOT"].pk)

    assert plan.counts["posting"] > 0
    assert plan.counts["anomaly"] == 0
    (holding,) = (line for line in plan.lines if line.action == "HOLDING")
    assert "then equal" in holding.note
    assert not Posting.objects.exclude(kind="OPENING").exists()


def test_what_the_log_lists_late_is_booked_as_soon_as_it_is_listed(key: Key) -> None:
    spot = key.simulator.house("BYBIT", "SPOT")
    spot.faults(account=key.name, stale_rest_ms={"account/transaction-log": 60_000})
    key.trade("FUTURES", "BUY", "0.1")
    key.sync("SPOT")
    spot.faults(account=key.name, stale_rest_ms={})

    key.sync("SPOT")

    assert key.spot() == key.wallet()
    assert not Anomaly.objects.filter(closed_at=None).exists()


def test_positions_of_contracts_do_not_know_of_the_wallet(key: Key) -> None:
    key.trade("FUTURES", "BUY", "0.1")
    key.act("SPOT", "transfer", asset="USDT", amount="250")

    key.sync("FUTURES")

    (position,) = StrategyPosition.objects.filter(account=key.rows["FUTURES"])
    assert (position.symbol, position.quantity) == ("BTC/USDT:USDT", Decimal("0.1"))
    assert not Posting.objects.filter(account=key.rows["FUTURES"]).exists()
