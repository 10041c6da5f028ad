"""SIM-P: amounts are exact, from the smallest price to the largest quantity."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges.messages import OrderStatus
from exchanges.simulator.config import SimulatorConfig, SymbolRules
from exchanges.simulator.thread import SimulatorThread
from tests.books import assert_clean
from tests.factories import ExchangeAccountFactory
from tests.scenarios.stories import (
    assert_settled,
    closed_orders,
    executions,
    fill,
    hear,
    place,
    positions,
    trades,
)
from tests.scenarios.told import spot_fill, spot_order, tell
from tracking.models import ExchangeAccount, StrategyPosition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.services.conftest import Exchange

MANY = 1_000
SHIB = SymbolRules(
    symbol="SHIBUSDT",
    base="SHIB",
    price_tick=Decimal("0.00000001"),
    quantity_step=Decimal(1),
    minimum_notional=Decimal(5),
    start_price=Decimal("0.00002000"),
    maximum_quantity=Decimal("1e13"),
)


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(
        seed=1, config=SimulatorConfig(price_interval=0, symbols=(SHIB,))
    ) as running:
        yield running


def test_sim_p1_a_thousand_fills_of_a_tenth_at_a_tenth_are_exactly_a_hundred(
    transactional_db: None,
) -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(market_type="SPOT")
    order = spot_order(OrderStatus.FILLED, "100", "10")
    fills = [spot_fill(str(n), "0.1", "0.1", "0.00001", "USDT") for n in range(MANY)]

    for start in range(0, MANY, 250):
        tell(account, order, *fills[start : start + 250])

    row = StrategyPosition.objects.get()
    assert (row.quantity, row.average_price, row.fees) == (100, Decimal("0.1"), Decimal("0.01"))
    assert trades() == [("7", "BUY", "100", "10", MANY)]
    assert closed_orders() == [("7", "FILLED", "100", "10")]
    assert_clean(account.pk)


def test_sim_p1_a_trillion_at_a_hundred_millionth_is_exact(exchange: Exchange) -> None:
    order_id = place(exchange, "1000000000000", symbol="SHIBUSDT", price="0.00000001", side="BUY")
    fill(exchange, order_id, "333333333333", symbol="SHIBUSDT")
    fill(exchange, order_id, "666666666667", symbol="SHIBUSDT")
    hear(exchange, *exchange.frames(3))

    assert [row[1:3] for row in executions()] == [
        ("333333333333", "0.00000001"),
        ("666666666667", "0.00000001"),
    ]
    assert trades() == [(str(order_id), "BUY", "1000000000000", "10000", 2)]
    assert positions() == [("SHIB/USDT:USDT", "1000000000000", "0.00000001")]
    assert_settled(exchange)


def test_sim_p1_a_market_order_by_quote_quantity_is_as_large_as_what_it_filled(
    transactional_db: None,
) -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(market_type="SPOT")
    # 100 USDT: how much that buys is known only afterwards
    new = spot_order(OrderStatus.NEW, "0", "0", quantity=Decimal(0), price=None)
    tell(account, new)
    filled = spot_order(
        OrderStatus.FILLED, "0.00166", "99.6", second=1, quantity=Decimal(0), price=None
    )

    tell(account, filled, spot_fill("1", "0.00166", "60000", "0.0996", "USDT"))
    tell(account, replace(new, quantity=Decimal(0)))

    assert closed_orders() == [("7", "FILLED", "0.00166", "99.6")]
    assert trades() == [("7", "BUY", "0.00166", "99.6", 1)]
    assert positions() == [("BTC/USDT", "0.00166", "60000")]
    assert_clean(account.pk)
