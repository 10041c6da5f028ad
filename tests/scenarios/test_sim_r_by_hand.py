"""SIM-R: what is done past us belongs to nobody here, and moves no strategy's books."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from exchanges.messages import OrderStatus
from tests.books import assert_clean
from tests.factories import ExchangeAccountFactory
from tests.integration.services.test_order_manager import limit
from tests.scenarios.stories import (
    anomalies,
    assert_settled,
    closed_orders,
    executions,
    fill,
    hear,
    place,
    quiesce,
    sync,
    told,
)
from tests.scenarios.told import spot_fill, spot_order, tell
from tracking.models import (
    ExchangeAccount,
    Posting,
    PostingKind,
    StrategyPosition,
    TradeExecution,
)
from tracking.services import postings
from tracking.services.postings import NewPosting

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.models import StrategyAccount
    from tracking.services.order_manager import OrderManager

OURS, BY_HAND, CLOSED_BY_HAND = "8886001", "8886002", "8886003"


def held(owner: StrategyAccount | None) -> tuple[Decimal | int, ...]:
    """Give quantity, average and realised result of what somebody holds."""
    row = StrategyPosition.objects.get(strategy_account=owner)
    return row.quantity, row.average_price, row.realized_pnl


def trade_by_hand(exchange: Exchange) -> None:
    """Buy 0.5 by hand, and sell 0.6 by hand: all of it and a little of the strategy's."""
    bought = place(exchange, "0.5", price="31000")
    fill(exchange, bought, "0.5")
    sold = place(exchange, "0.6", side="SELL", price="70000")
    fill(exchange, sold, "0.6")


def assert_apart(exchange: Exchange, manager: OrderManager) -> None:
    """The strategy holds what it bought; the hand went short by what it sold too much."""
    assert held(manager.strategy_account) == (Decimal("0.4"), 30000, 0)
    # 0.5 closed with 39,000 each, 0.1 opened short
    assert held(None) == (Decimal("-0.1"), 70000, 19500)
    assert closed_orders() == [
        (OURS, "FILLED", "0.4", "12000"),
        (BY_HAND, "FILLED", "0.5", "15500"),
        (CLOSED_BY_HAND, "FILLED", "0.6", "42000"),
    ]
    assert anomalies() == []
    assert_settled(exchange)


def test_sim_r1_a_hand_that_buys_and_closes_beside_a_strategy_leaves_its_position(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(quantity="0.4"), idempotency_key="1")
    fill(exchange, int(OURS), "0.4")
    trade_by_hand(exchange)

    hear(exchange, *exchange.frames(6))

    assert_apart(exchange, manager)


def test_sim_r1_what_was_done_by_hand_while_nobody_listened_is_found(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(quantity="0.4"), idempotency_key="1")
    fill(exchange, int(OURS), "0.4")
    trade_by_hand(exchange)

    quiesce(exchange)

    assert {source for *_, source in executions()} == {"REST_TRADES"}
    assert_apart(exchange, manager)


def test_sim_r1_a_strategys_order_cancelled_by_hand_ends(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(quantity="0.4"), idempotency_key="1")
    fill(exchange, int(OURS), "0.1")
    exchange.act("cancel", symbol="BTCUSDT", orderId=int(OURS))

    sync(exchange)

    assert closed_orders() == [(OURS, "CANCELLED", "0.1", "3000")]
    assert held(manager.strategy_account) == (Decimal("0.1"), 30000, 0)
    assert_settled(exchange)


@pytest.mark.parametrize("amount", ["500", "-500"])
def test_sim_r2_money_moved_in_or_out_is_no_fill(exchange: Exchange, amount: str) -> None:
    bought = place(exchange, "0.5")
    fill(exchange, bought, "0.5")
    hear(exchange, *exchange.frames(2))

    exchange.act("transfer", amount=amount)
    quiesce(exchange)

    assert TradeExecution.objects.count() == 1
    assert held(None) == (Decimal("0.5"), 30000, 0)
    assert anomalies() == []
    assert_settled(exchange)


def test_sim_r2_coins_moved_out_of_a_spot_wallet_are_a_posting_and_no_fill(
    transactional_db: None,
) -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(market_type="SPOT")
    bought = spot_fill("1", "1", "60000", "60", "USDT")
    withdrawn = NewPosting(
        key="transfer:1",
        kind=PostingKind.TRANSFER,
        market_type="SPOT",
        symbol="BTC/USDT",
        quantity=Decimal("-0.4"),
        posted_at=bought.executed_at + timedelta(seconds=30),
    )

    tell(account, spot_order(OrderStatus.FILLED, "1", "60000"), bought)
    for _ in range(2):
        postings.book(account.pk, [withdrawn], timezone.now())

    # what left was sold to nobody: nothing is realised
    assert held(None) == (Decimal("0.6"), 60000, 0)
    assert TradeExecution.objects.count() == 1
    assert Posting.objects.count() == 1
    assert told("position")
    assert_clean(account.pk)
