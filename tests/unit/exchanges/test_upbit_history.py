"""Fills put together from orders: in which order, how many at a time, and none left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pytest

from exchanges import upbit_history as history
from exchanges.errors import OrderNotFound, TransientError
from exchanges.messages import (
    ExecutionReport,
    MarketType,
    OrderSnapshot,
    OrderStatus,
    Side,
    Source,
)
from exchanges.questions import TradeCursor
from exchanges.upbit import place_of
from exchanges.upbit_history import EndedOrders, fills_after
from exchanges.upbit_orders import Order
from tracking.services.trade_pages import Pages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exchanges.questions import OrderRef
    from exchanges.upbit_orders import Asking

BEGIN = datetime(2026, 11, 22, 12, tzinfo=UTC)
SPOT = MarketType.SPOT


def order(name: str, made: int, *filled: int, is_open: bool = False) -> Order:
    """Return an order made so many seconds after `BEGIN`, and filled so many after."""
    fills = tuple(
        ExecutionReport(
            market_type=SPOT,
            symbol_id="KRW-BTC",
            exchange_order_id=name,
            exchange_trade_id=f"{name}-{at}",
            side=Side.BUY,
            execution_price=Decimal(1000),
            execution_quantity=Decimal(1),
            executed_at=BEGIN + timedelta(seconds=at),
            source=Source.REST_TRADES,
        )
        for at in filled
    )
    snapshot = OrderSnapshot(
        market_type=SPOT,
        symbol_id="KRW-BTC",
        exchange_order_id=name,
        status=OrderStatus.PARTIALLY_FILLED if is_open else OrderStatus.FILLED,
        exchange_status="wait" if is_open else "done",
        side=Side.BUY,
        quantity=Decimal(len(filled)),
        filled_quantity=Decimal(len(filled)),
        exchange_updated_at=BEGIN + timedelta(seconds=made),
        requested_at=BEGIN,
    )
    return Order(snapshot=snapshot, executions=fills)


@dataclass
class Orders:
    """An account's orders, and which of them were asked for alone."""

    known: Sequence[Order]
    market_type: MarketType = SPOT
    asked: list[str] = field(default_factory=list)

    def one(self, ref: OrderRef) -> Order:
        self.asked.append(ref.exchange_order_id or "")
        return next(
            each for each in self.known if each.snapshot.exchange_order_id == self.asked[-1]
        )

    def opened(self, _symbol_id: str) -> tuple[OrderSnapshot, ...]:
        return tuple(
            each.snapshot
            for each in self.known
            if each.snapshot.status is OrderStatus.PARTIALLY_FILLED
        )

    def closed(
        self, _symbol_id: str, since: datetime, _until: datetime
    ) -> tuple[tuple[OrderSnapshot, ...], None]:
        ended = (e.snapshot for e in self.known if e.snapshot.status is OrderStatus.FILLED)
        return tuple(each for each in ended if each.exchange_updated_at >= since), None


def read(orders: Orders, cursor: TradeCursor, memory: EndedOrders | None = None) -> list[str]:
    found, _ = fills_after(cast("Asking", orders), "KRW-BTC", cursor, memory or EndedOrders())
    return [fill.exchange_trade_id for fill in found]


FROM_BEGIN = TradeCursor(since=BEGIN)


def test_fills_of_open_and_of_ended_orders_come_in_the_order_of_time() -> None:
    orders = Orders([order("late", 5, 30, 10), order("alive", 1, 20, is_open=True)])

    assert read(orders, FROM_BEGIN) == ["late-10", "alive-20", "late-30"]


def test_what_filled_before_the_cursor_is_left_out() -> None:
    orders = Orders([order("old", -60, -30, 5)])

    assert read(orders, FROM_BEGIN) == ["old-5"]


def test_an_order_made_before_the_cursor_is_found_for_a_while() -> None:
    orders = Orders([order("older", -3000, 5), order("ancient", -4000, 5)])

    assert read(orders, FROM_BEGIN) == ["older-5"]


def test_an_ended_order_is_not_asked_again_for_what_lies_behind() -> None:
    orders, memory = (
        Orders([order("done", 0, 1), order("alive", 0, 1, is_open=True)]),
        EndedOrders(),
    )
    read(orders, FROM_BEGIN, memory)
    orders.asked.clear()

    later = TradeCursor(after_trade_id=str(place_of_second(2)))
    assert read(orders, later, memory) == []
    assert orders.asked == ["alive"]


def test_fills_that_cannot_change_are_asked_for_once() -> None:
    orders, memory = (
        Orders([order("done", 0, 1), order("alive", 0, 2, is_open=True)]),
        EndedOrders(),
    )

    for _ in range(2):
        assert read(orders, FROM_BEGIN, memory) == ["done-1", "alive-2"]

    assert sorted(orders.asked) == ["alive", "alive", "done"]


def test_an_order_that_is_listed_and_not_found_has_not_been_answered() -> None:
    class Forgetful(Orders):
        def one(self, ref: OrderRef) -> Order:
            raise OrderNotFound(ref.symbol_id)

    with pytest.raises(TransientError):
        read(Forgetful([order("done", 0, 1)]), FROM_BEGIN)


def place_of_second(seconds: int) -> int:
    return int((BEGIN + timedelta(seconds=seconds)).timestamp() * 1000)


@pytest.mark.parametrize(
    "orders",
    [
        [order(f"o{n}", n, n + 1, n + 40) for n in range(20)],
        [order(f"o{n}", 0, n, n + 1) for n in range(20)],
        [order(f"o{n}", n, 50 + n % 3) for n in range(20)],
        [order("long", 0, *range(60)), *(order(f"o{n}", n, n) for n in range(20))],
    ],
    ids=["overlapping", "made at once", "filled late", "one filled all along"],
)
@pytest.mark.parametrize("most", [1, 3, 7])
def test_reading_on_from_the_last_fill_finds_all_of_them(
    monkeypatch: pytest.MonkeyPatch, orders: list[Order], most: int
) -> None:
    monkeypatch.setattr(history, "MOST_ORDERS", most)
    account, memory = Orders(orders), EndedOrders()

    def ask(cursor: TradeCursor) -> Sequence[ExecutionReport]:
        return fills_after(cast("Asking", account), "KRW-BTC", cursor, memory)[0]

    found = list(Pages(ask, place_of).read(FROM_BEGIN))

    told = {fill.exchange_trade_id for each in orders for fill in each.executions}
    assert len(found) == len(told)
    assert {fill.exchange_trade_id for fill in found} == told
    assert [fill.executed_at for fill in found] == sorted(fill.executed_at for fill in found)
