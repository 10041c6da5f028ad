"""Orders and fills, as ccxt.pro returns them, become frames that can be kept."""

from __future__ import annotations

from typing import Any

import pytest

from exchanges.ccxt_frames import parse
from exchanges.generic_hearing import Hearing
from exchanges.messages import FillReport, MarketType, Message, OrderReport, OrderStatus

MARKETS = {
    "BTC/USDT": {"id": "BTC-USDT", "spot": True},
    "BTC/USDT:USDT": {"id": "BTC-USDT-SWAP", "spot": False, "contract": True, "linear": True},
}
NOW_MS = 1795377722000


class Ear:
    """What was handed over."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.missed = 0
        self.now = 0.0
        self.hearing = Hearing(
            market_type=MarketType.SPOT,
            hand_over=self.frames.append,
            miss=self.miss,
            clock=lambda: self.now,
        )

    def miss(self) -> None:
        self.missed += 1

    def order(self, **changes: object) -> None:
        told: dict[str, object] = {
            "id": "1",
            "symbol": "BTC/USDT",
            "side": "buy",
            "amount": "1",
            "filled": "0",
        }
        told |= {"status": "open", "timestamp": NOW_MS, "info": {}} | changes
        self.hearing.orders([told], MARKETS, NOW_MS)

    def trade(self, **changes: object) -> None:
        told: dict[str, object] = {
            "id": "t",
            "order": "1",
            "symbol": "BTC/USDT",
            "side": "buy",
            "price": "5",
        }
        told |= {"amount": "0.5", "timestamp": NOW_MS, "info": {}} | changes
        self.hearing.trades([told], MARKETS)

    @property
    def messages(self) -> list[Message]:
        return [message for raw in self.frames for message in parse(MarketType.SPOT, raw)]

    @property
    def reports(self) -> list[OrderReport]:
        return [message for message in self.messages if isinstance(message, OrderReport)]


@pytest.fixture
def ear() -> Ear:
    return Ear()


def test_orders_and_fills_are_told_apart(ear: Ear) -> None:
    ear.order()
    ear.trade()
    order, fill = ear.messages
    assert isinstance(order, OrderReport)
    assert isinstance(fill, FillReport)
    assert fill.execution.exchange_order_id == order.exchange_order_id == "1"
    assert fill.symbol_id == "BTC-USDT"


def test_a_fill_without_a_market_is_in_that_of_its_order(ear: Ear) -> None:
    ear.order()
    ear.trade(symbol=None)
    assert isinstance(ear.messages[-1], FillReport)
    ear.trade(symbol=None, order="nobody's")
    assert (len(ear.frames), ear.missed) == (2, 1)


def test_what_comes_twice_is_told_once(ear: Ear) -> None:
    info: dict[str, Any] = {"u": 1}
    for _ in range(2):
        ear.order(info=info)
        ear.trade()
    ear.order(info={"u": 2})
    assert len(ear.frames) == 3


def test_what_ccxt_goes_on_showing_is_told_once(ear: Ear) -> None:
    def unified(**told: object) -> dict[str, Any]:
        order = {"symbol": "BTC/USDT", "side": "buy", "amount": "1", "timestamp": NOW_MS}
        return order | {"price": "5", "status": "open", "info": {}} | told

    fills = [unified(id=f"t{number}", order="1") for number in range(1000)]
    ear.hearing.trades(fills, MARKETS)
    orders = [unified(id=f"{number}", filled="0") for number in range(3000)]
    ear.hearing.orders(orders, MARKETS, NOW_MS)
    for _ in range(2):
        ear.hearing.orders(orders[-1000:], MARKETS, NOW_MS)
        ear.hearing.trades(fills, MARKETS)
    assert len(ear.frames) == 4000


def test_an_end_without_a_market_stays_beside_its_order(ear: Ear) -> None:
    opened: dict[str, Any] = {"id": "1", "symbol": "BTC/USDT", "side": "buy", "amount": "1"}
    opened |= {"filled": "0", "status": "open", "timestamp": NOW_MS, "info": {}}
    ended = opened | {"symbol": None, "side": None, "amount": None, "status": "canceled"}
    ended |= {"info": {}}
    for _ in range(3):
        ear.hearing.orders([opened, ended], MARKETS, NOW_MS)
    assert [order.status for order in ear.reports] == [OrderStatus.NEW, OrderStatus.CANCELLED]


def test_orders_and_fills_of_two_markets_may_share_ids(ear: Ear) -> None:
    markets = MARKETS | {"ETH/USDT": {"id": "ETH-USDT", "spot": True}}
    for symbol in ("BTC/USDT", "ETH/USDT"):
        fill: dict[str, Any] = {"id": "t", "order": "1", "symbol": symbol, "side": "buy"}
        fill |= {"price": "5", "amount": "1", "timestamp": NOW_MS, "info": {}}
        ear.hearing.trades([fill], markets)
    assert len(ear.frames) == 2


def test_what_is_no_fill_is_not_told_as_one(ear: Ear) -> None:
    ear.order()
    ear.trade(price=None)
    ear.trade(amount=None)
    ear.trade(id=None)
    assert len(ear.frames) == 1


def test_an_update_of_what_changed_is_completed_by_the_order(ear: Ear) -> None:
    ear.order(clientOrderId="ours", info={"cl_ord_id": "ours"})
    ear.order(
        symbol=None,
        side=None,
        amount="0",
        filled="0",
        status="canceled",
        timestamp=NOW_MS + 1,
        info={"cum_qty": "0.25"},
    )
    last = ear.reports[-1]
    assert (last.status, str(last.filled_quantity), str(last.quantity)) == (
        OrderStatus.CANCELLED,
        "0.25",
        "1",
    )
    assert last.client_order_id == "ours"
    assert ear.missed == 0


def test_an_update_of_an_order_nobody_knows_is_a_gap(ear: Ear) -> None:
    ear.order(symbol=None, status="canceled")
    assert (ear.frames, ear.missed) == ([], 1)


def test_other_market_types_are_not_told(ear: Ear) -> None:
    ear.order(symbol="BTC/USDT:USDT")
    ear.trade(symbol="BTC/USDT:USDT")
    assert (ear.frames, ear.missed) == ([], 0)


def test_a_market_nobody_knows_is_a_gap_once_a_minute(ear: Ear) -> None:
    for number in range(3):
        ear.order(id=str(number), symbol="NEW/USDT")
    assert ear.missed == 1
    ear.now = 61.0
    ear.order(id="9", symbol="NEW/USDT")
    assert (ear.frames, ear.missed) == ([], 2)
