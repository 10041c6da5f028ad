from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from exchanges import bybit_answers as answers
from exchanges.bybit_verification import FEW, MOST_SINGLY, verify
from exchanges.errors import OrderNotFound
from exchanges.messages import ExecutionReport, IdSpace, MarketType, OrderSnapshot, Source
from exchanges.questions import OrderRef, TradeCursor, Verification
from exchanges.wire import milliseconds
from tests.unit.exchanges.bybit_samples import result

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FUTURES = MarketType.FUTURES


def snapshot(order_id: str, filled: str = "0") -> OrderSnapshot:
    (row,) = result("rest_order_realtime__one")["list"]
    return answers.read_order(
        row | {"orderId": order_id, "orderLinkId": f"name-{order_id}", "cumExecQty": filled},
        market_type=FUTURES,
        id_space=IdSpace.ORDER,
        requested_at=NOW,
        source=Source.REST_ORDER,
    )


def fill(order_id: str, age: timedelta) -> ExecutionReport:
    (row,) = result("rest_execution_list__one")["list"]
    told = answers.execution(row | {"orderId": order_id}, market_type=FUTURES)
    return replace(told, executed_at=NOW - age, execution_quantity=Decimal("0.1"))


@dataclass(slots=True)
class Exchange:
    """What an exchange would answer, and what it was asked."""

    alive: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    fills: tuple[ExecutionReport, ...] = ()
    is_all: bool = True
    filled: str = "0"
    asked: list[str] = field(default_factory=list)

    def order(self, ref: OrderRef) -> OrderSnapshot:
        self.asked.append("order")
        order_id = ref.exchange_order_id or str(ref.client_order_id).removeprefix("name-")
        if order_id not in self.alive | self.ended:
            raise OrderNotFound
        return snapshot(order_id, self.filled)

    def opened(self, symbol_id: str | None) -> tuple[OrderSnapshot, ...]:
        assert symbol_id == "ETHUSDT"
        self.asked.append("opened")
        return tuple(map(snapshot, sorted(self.alive)))

    def closed(self, symbol_id: str) -> tuple[OrderSnapshot, ...]:
        assert symbol_id == "ETHUSDT"
        self.asked.append("closed")
        return tuple(map(snapshot, sorted(self.ended)))

    def trades(
        self, symbol_id: str, cursor: TradeCursor, exchange_order_id: str | None
    ) -> tuple[tuple[ExecutionReport, ...], bool]:
        del symbol_id, cursor
        self.asked.append(f"trades of {exchange_order_id}" if exchange_order_id else "trades")
        wanted = (exchange_order_id,) if exchange_order_id else ("1", "2", "3", "4", "5")
        return tuple(f for f in self.fills if f.exchange_order_id in wanted), self.is_all

    def now(self) -> datetime:
        return NOW


def refs(*order_ids: str) -> list[OrderRef]:
    return [
        OrderRef(market_type=FUTURES, symbol_id="ETHUSDT", exchange_order_id=order_id)
        for order_id in order_ids
    ]


def asked(
    exchange: Exchange,
    wanted: list[OrderRef],
    *,
    cursor: TradeCursor | None = None,
    want_trades: bool = False,
    told_terminal: frozenset[str] = frozenset(),
) -> Verification:
    return verify(
        exchange, wanted, cursor=cursor, want_trades=want_trades, told_terminal=told_terminal
    )


def test_a_few_orders_are_asked_for_one_by_one() -> None:
    exchange = Exchange(alive={"1"}, ended={"2"})

    told = asked(exchange, refs("1", "2", "3", "1"))

    assert exchange.asked == ["order"] * FEW
    assert {s.exchange_order_id for s in told.snapshots} == {"1", "2"}
    assert told.not_found == tuple(refs("3"))


def test_many_orders_that_are_alive_take_one_list() -> None:
    ids = [str(number) for number in range(40)]
    exchange = Exchange(alive=set(ids))

    told = asked(exchange, refs(*ids))

    assert exchange.asked == ["opened"]
    assert len(told.snapshots) == 40


def test_many_orders_that_have_ended_take_another_list() -> None:
    exchange = Exchange(alive={"1"}, ended={"2", "3", "4", "5"})

    told = asked(exchange, refs("1", "2", "3", "4", "5", "6"))

    assert exchange.asked == ["opened", "closed", "order"]
    assert len(told.snapshots) == 5
    assert told.not_found == tuple(refs("6"))


def test_not_too_many_are_looked_up_singly() -> None:
    exchange = Exchange(alive={"1"})

    told = asked(exchange, refs(*map(str, range(1, 20))))

    assert exchange.asked == ["opened", "closed"] + ["order"] * MOST_SINGLY
    assert len(told.not_found) == MOST_SINGLY


def test_an_order_known_by_its_name_is_found_in_a_list() -> None:
    named = [
        OrderRef(market_type=FUTURES, symbol_id="ETHUSDT", client_order_id=f"name-{number}")
        for number in range(5)
    ]
    exchange = Exchange(alive=set(map(str, range(5))))

    assert len(asked(exchange, named).snapshots) == 5
    assert exchange.asked == ["opened"]


def test_orders_told_to_have_ended_are_not_asked_for() -> None:
    exchange = Exchange(ended={"1", "2", "3", "4"})
    ids = ("1", "2", "3", "4")

    assert asked(exchange, refs(*ids), told_terminal=frozenset(ids)).snapshots == ()
    assert exchange.asked == []


def test_a_list_of_trades_read_to_its_end_explains_all_that_was_asked_for() -> None:
    fills = (fill("1", timedelta(minutes=40)), fill("4", timedelta(minutes=30)))
    exchange = Exchange(alive={"1", "2", "3", "4"}, fills=fills)
    cursor = TradeCursor(since=NOW - timedelta(hours=1))

    told = asked(exchange, refs("1", "2", "3", "4"), cursor=cursor, want_trades=True)

    assert exchange.asked == ["opened", "trades"]
    assert told.executions == fills
    assert told.trades_complete_for == {"1", "2", "3", "4"}
    # nothing was traded since: the next query need not begin so far back
    assert told.cursor == str(milliseconds(NOW - timedelta(minutes=10)))


@pytest.mark.parametrize(
    ("is_all", "age", "place"),
    [
        (False, timedelta(minutes=30), timedelta(minutes=30)),
        (True, timedelta(minutes=2), timedelta(minutes=2)),
        (True, timedelta(minutes=30), timedelta(minutes=10)),
    ],
)
def test_a_cursor_moves_as_far_as_all_is_known(
    age: timedelta, place: timedelta, *, is_all: bool
) -> None:
    exchange = Exchange(alive={"1"}, fills=(fill("1", age),), is_all=is_all)
    cursor = TradeCursor(since=NOW - timedelta(hours=1))

    told = asked(exchange, refs("1"), cursor=cursor, want_trades=True)

    assert told.cursor == str(milliseconds(NOW - place))
    assert told.trades_complete_for == ({"1"} if is_all else set())


def test_a_cursor_never_moves_back() -> None:
    place = str(milliseconds(NOW))
    exchange = Exchange(alive={"1"})

    told = asked(exchange, refs("1"), cursor=TradeCursor(after_trade_id=place), want_trades=True)

    assert told.cursor == place


@pytest.mark.parametrize(("filled", "explained"), [("0.1", {"1"}), ("0.2", set[str]())])
def test_trades_that_lag_behind_their_order_explain_nothing_yet(
    filled: str, explained: set[str]
) -> None:
    exchange = Exchange(alive={"1"}, fills=(fill("1", timedelta(minutes=1)),), filled=filled)

    told = asked(exchange, refs("1"), want_trades=True)

    assert exchange.asked == ["order", "trades of 1"]
    assert told.trades_complete_for == explained
    assert told.cursor is None
