"""Accounts of inverse contracts, traded by API and by hand, whose books are their exchange's."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.utils import timezone

from exchanges.messages import OrderType, Side
from exchanges.simulator.thread import SimulatorThread
from tests.factories import ExchangeAccountFactory, StrategyAccountFactory
from tests.integration.services.conftest import fill_budget
from tracking.models import (
    Anomaly,
    ExchangeAccount,
    MarketTerms,
    StrategyPosition,
    SymbolSubscription,
    TradeExecution,
)
from tracking.services import market_terms
from tracking.services.books.check import AtExchange, check_account
from tracking.services.order_intents import OrderIntent
from tracking.services.order_manager import OrderManager
from tracking.services.order_tracking import sync_open_orders
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUSES = [("BINANCE", "COIN_FUTURES"), ("BYBIT", "COIN_FUTURES")]


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(seed=5, houses=HOUSES) as running:
        for house in HOUSES:
            running.house(*house).configure(price_interval=0, enforce_limits=False)
        yield running


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    market_terms.forget()
    yield
    market_terms.forget()


def an_account(
    served: tuple[str, str], simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch
) -> ExchangeAccount:
    """Make an account with 10 BTC whose books are open."""
    monkeypatch.setattr(settings, "SIMULATOR_URL", simulator.url)
    exchange, market_type = served
    key = uuid.uuid4().hex
    simulator.house(*served).account(key, f"secret-{key}", balances={"BTC": "10"})
    account: ExchangeAccount = ExchangeAccountFactory.create(
        exchange=exchange, market_type=market_type, api_key=key, api_secret=f"secret-{key}"
    )
    fill_budget()
    sync_open_orders(account.pk, full=True, force=True)
    return account


@pytest.mark.parametrize("served", HOUSES, ids=lambda house: house[0])
def test_an_account_of_inverse_contracts_ends_with_its_exchanges_books(
    served: tuple[str, str],
    transactional_db: None,
    simulator: SimulatorThread,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = an_account(served, simulator, monkeypatch)
    exchange, house, key = account.exchange, simulator.house(*served), account.api_key
    manager = OrderManager(StrategyAccountFactory.create(account=account))
    bought = OrderIntent(
        symbol="BTC/USD:BTC", side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal(40)
    )
    name = "BTCUSD_PERP" if exchange == "BINANCE" else "BTCUSD"

    manager.execute(bought, idempotency_key="1")
    house.act(action="place", account=key, symbol=name, side="SELL", type="MARKET", quantity="100")
    house.act(action="place", account=key, symbol=name, side="BUY", type="MARKET", quantity="30")
    sync_open_orders(account.pk, full=True, force=True)

    size = MarketTerms.objects.get(exchange=exchange, symbol="BTC/USD:BTC").contract_size
    assert size == (100 if exchange == "BINANCE" else 1)
    held = {row.strategy_account_id: row.quantity for row in StrategyPosition.objects.all()}
    assert sorted(held.values()) == [-70, 40]
    residual = StrategyPosition.objects.get(strategy_account=None)
    assert abs(residual.realized_pnl) < Decimal("0.01")
    assert list(Anomaly.objects.values_list("kind", "key", "detail")) == []
    check = check_account(account.pk, with_exchange=True, at_exchange=AtExchange(settled_after=0))
    assert not [str(line) for line in check.lines if line.violation_count]


@pytest.mark.parametrize("served", HOUSES, ids=lambda house: house[0])
def test_a_fill_that_only_the_stream_told_of_is_verified(
    served: tuple[str, str],
    transactional_db: None,
    simulator: SimulatorThread,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = an_account(served, simulator, monkeypatch)
    name = "BTCUSD_PERP" if account.exchange == "BINANCE" else "BTCUSD"
    house = simulator.house(*served)
    house.act(
        action="place",
        account=account.api_key,
        symbol=name,
        side="BUY",
        type="MARKET",
        quantity="30",
    )
    sync_open_orders(account.pk, full=True, force=True)
    long_ago = timezone.now() - timedelta(minutes=1)
    TradeExecution.objects.update(source="WS", verified=False)

    for _ in range(2):
        TradeExecution.objects.update(next_verify_at=long_ago)
        SymbolSubscription.objects.update(verified_at=long_ago)
        verify_due(account.pk)

    assert set(TradeExecution.objects.values_list("verified", flat=True)) == {True}
