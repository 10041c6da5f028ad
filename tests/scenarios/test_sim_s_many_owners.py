"""SIM-S and SIM-X: ids mean something only inside their account, market and symbol."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from exchanges.messages import MarketType, OrderStatus
from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.thread import SimulatorThread
from tests.books import assert_clean
from tests.factories import (
    ExchangeAccountFactory,
    StrategyAccountFactory,
    StrategyFactory,
    UserFactory,
)
from tests.integration.services.conftest import Exchange, fill_budget
from tests.integration.services.test_order_manager import limit
from tests.scenarios.stories import (
    assert_journal_whole,
    fill,
    hear,
    place,
    sync,
)
from tests.scenarios.told import tell
from tests.unit.tracking.domain.builders import a_fill, a_report
from tracking.models import ClosedOrder, StrategyPosition, Trade, TradeExecution
from tracking.services import clients
from tracking.services.baseline import ensure_baseline
from tracking.services.order_manager import OrderManager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracking.models import ExchangeAccount

FIRST, SECOND = "8886001", "8886002"


class Elsewhere(Exchange):
    """An account at an exchange of its own, whose ids begin where the other's do."""

    def go(self) -> Elsewhere:
        """Let what follows be asked of this exchange."""
        settings.SIMULATOR_URL = self.simulator.url
        return self


@pytest.fixture
def two(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Elsewhere]]:
    """Open two accounts of one user, at two exchanges."""
    monkeypatch.setattr(settings, "SIMULATOR_URL", "")
    user = UserFactory.create()
    with ExitStack() as stack:
        opened = []
        for seed in (1, 2):
            config = SimulatorConfig(price_interval=0)
            simulator = stack.enter_context(SimulatorThread(seed=seed, config=config))
            key = uuid.uuid4().hex
            simulator.account(key, f"secret-{key}")
            account = ExchangeAccountFactory.create(
                user=user, api_key=key, api_secret=f"secret-{key}"
            )
            exchange = Elsewhere(simulator, account).go()
            ensure_baseline(account)
            account.refresh_from_db()
            clients.rest_client(account).markets.all()
            fill_budget()
            exchange.connect()
            stack.callback(exchange.close)
            opened.append(exchange)
        yield opened


def managers(account: ExchangeAccount) -> list[OrderManager]:
    """Let two strategies use an account."""
    strategies = [StrategyFactory.create(user=account.user) for _ in range(2)]
    return [
        OrderManager(StrategyAccountFactory.create(account=account, strategy=strategy))
        for strategy in strategies
    ]


def test_sim_s1_two_strategies_on_two_accounts_hold_what_they_bought(two: list[Elsewhere]) -> None:
    wanted = []
    for exchange, size in zip(two, ("1", "3"), strict=True):
        exchange.go()
        for number, manager in enumerate(managers(exchange.account), start=1):
            quantity = Decimal(size) / 10 * number
            key = f"{size}-{number}"
            manager.execute(limit(quantity=str(quantity)), idempotency_key=key)
            wanted.append((exchange.account.pk, manager.strategy_account.pk, quantity))
        fill(exchange, int(FIRST), "0.1")
        fill(exchange, int(SECOND), "0.1")
    for exchange in two:
        hear(exchange.go(), *exchange.frames(4))
    for exchange in two:
        ours = exchange.ledger()["open_orders"]
        for order in ours:
            fill(exchange, int(order["exchange_order_id"]), order["quantity"])
        sync(exchange.go(), full=True)

    ids = ClosedOrder.objects.order_by("account", "exchange_order_id")
    assert list(ids.values_list("exchange_order_id", flat=True)) == [FIRST, SECOND] * 2
    rows = StrategyPosition.objects.order_by("account", "strategy_account")
    assert [(r.account_id, r.strategy_account_id, r.quantity) for r in rows] == wanted
    owners = TradeExecution.objects.values_list("account", "strategy_account")
    assert {tuple(pair) for pair in owners} == {(a, s) for a, s, _ in wanted}
    for exchange in two:
        exchange.go().assert_equal_books()
        assert_clean(exchange.account.pk, with_exchange=True)
    assert_journal_whole()


def test_sim_x1_equal_ids_of_two_symbols_and_two_accounts_are_four_orders(
    two: list[Elsewhere],
) -> None:
    prices = {"BTCUSDT": "30000", "ETHUSDT": "1500"}
    for exchange in two:
        exchange.go()
        for symbol, price in prices.items():
            order_id = place(exchange, "1", symbol=symbol, price=price)
            assert str(order_id) == FIRST
            fill(exchange, order_id, "1", symbol=symbol)
        hear(exchange, *exchange.frames(4))
        sync(exchange, full=True)

    fills = TradeExecution.objects.order_by("account", "symbol")
    assert len(set(fills.values_list("exchange_order_id", flat=True))) == 1
    assert len(set(fills.values_list("exchange_trade_id", flat=True))) == 1
    assert [(f.account, f.symbol, f.execution_price) for f in fills] == [
        (exchange.account, symbol, price)
        for exchange in two
        for symbol, price in [("BTC/USDT:USDT", 30000), ("ETH/USDT:USDT", 1500)]
    ]
    assert [t.execution_count for t in Trade.objects.all()] == [1] * 4
    assert [p.quantity for p in StrategyPosition.objects.all()] == [1] * 4
    for exchange in two:
        exchange.go().assert_equal_books()
        assert_clean(exchange.account.pk, with_exchange=True)


def test_sim_x1_equal_ids_on_spot_and_futures_are_two_orders(transactional_db: None) -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(market_type="SPOT")
    for market_type, symbol in (
        (MarketType.SPOT, "BTC/USDT"),
        (MarketType.FUTURES, "BTC/USDT:USDT"),
    ):
        for _ in range(2):
            tell(
                account,
                a_report(OrderStatus.FILLED, "1", quantity=Decimal(1), market_type=market_type),
                a_fill("1", "1", market_type=market_type),
                symbol=symbol,
            )

    rows = Trade.objects.order_by("market_type")
    assert [(t.market_type, t.exchange_order_id, t.execution_count) for t in rows] == [
        ("FUTURES", "7", 1),
        ("SPOT", "7", 1),
    ]
    held = StrategyPosition.objects.order_by("market_type")
    assert [(p.market_type, p.quantity) for p in held] == [("FUTURES", 1), ("SPOT", 1)]
    assert_clean(account.pk)
