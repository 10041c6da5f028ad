"""Bybit's private socket, over websocket-client."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges.simulator.bybit.config import BybitConfig
from exchanges.simulator.thread import SimulatorThread
from tests.integration.simulator.bybit_trader import HOUSES, BybitTrader

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    config = BybitConfig(price_interval=0)
    with SimulatorThread(config=config, houses=HOUSES) as running:
        for house in HOUSES:
            running.house(*house).configure(price_interval=0)
        yield running


@pytest.fixture
def ann(simulator: SimulatorThread) -> Iterator[BybitTrader]:
    trader = BybitTrader(simulator)
    yield trader
    trader.close()


@pytest.mark.parametrize(
    ("category", "symbol", "price"),
    [("linear", "BTCUSDT", "59000"), ("spot", "BTCUSDT", "59000"), ("inverse", "BTCUSD", "59000")],
)
def test_a_limit_order_is_told_from_new_to_filled(
    ann: BybitTrader, category: str, symbol: str, price: str
) -> None:
    stream = ann.listen("order", "execution")
    order_id = ann.place(category, price=price, orderLinkId="mine")
    ann.act(category, action="fill", symbol=symbol, orderId=order_id, counterparties=2)

    frames = [stream.next() for _ in range(5)]

    orders = [frame["data"][0] for frame in frames if frame["topic"] == "order"]
    fills = [frame["data"][0] for frame in frames if frame["topic"] == "execution"]
    assert [each["orderStatus"] for each in orders] == ["New", "PartiallyFilled", "Filled"]
    assert {each["orderId"] for each in orders + fills} == {order_id}
    assert {each["category"] for each in orders + fills} == {category}
    ledger = ann.ledger(category)
    assert [fill["execId"] for fill in fills] == [
        booked["exchange_trade_id"] for booked in ledger["executions"]
    ]
    assert [(fill["execFee"], fill["feeCurrency"]) for fill in fills] == [
        (booked["commission"], booked["commission_asset"]) for booked in ledger["executions"]
    ]
    assert ledger["orders"][0]["exchange_order_id"] == order_id
    assert Decimal(orders[-1]["cumExecQty"]) == Decimal(ledger["orders"][0]["filled_quantity"])
