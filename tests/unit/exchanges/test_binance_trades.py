from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
import time_machine

from exchanges import binance_connection
from exchanges.binance_calls import FUTURES, SPOT
from exchanges.binance_trades import PAGE, PAGES, UNTOLD, fetch_trades
from exchanges.calls import Calls, Endpoint, Told
from exchanges.errors import TransientError
from exchanges.governor import Priority
from exchanges.messages import ExecutionReport, MarketType
from exchanges.questions import TradeCursor
from exchanges.wire import milliseconds
from tests.unit.exchanges.samples import FOLDER, sample_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOW = datetime.now(UTC).replace(microsecond=0)
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def at_now() -> Iterator[None]:
    """Begin each test at NOW, however long after this module was read it comes."""
    with time_machine.travel(NOW):
        yield


class Lists:
    """Binance's lists with its rules: pages, windows, and `fromId` that excludes times."""

    def __init__(self, *ages: timedelta) -> None:
        first = sample_json("rest_userTrades__two")[0]
        self.trades = [
            first | {"id": number, "time": milliseconds(NOW - age)}
            for number, age in enumerate(ages, start=1)
        ]
        self.asked: list[Mapping[str, str]] = []
        self.garbage = False

    def call(self, endpoint: Endpoint, parameters: Mapping[str, str], **_call: Any) -> Told:
        self.asked.append(parameters)
        assert endpoint is FUTURES.trades
        body: object = "?" if self.garbage else self._page(parameters)
        return Told(body=body, requested_at=NOW)

    def _page(self, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
        rows = self.trades
        if "fromId" in parameters:
            assert "startTime" not in parameters
            found = [row for row in rows if row["id"] >= int(parameters["fromId"])]
        else:
            start = int(parameters.get("startTime", milliseconds(NOW - WEEK)))
            end = int(parameters.get("endTime", start + WEEK // timedelta(milliseconds=1)))
            assert end - start <= WEEK // timedelta(milliseconds=1)
            found = [row for row in rows if start <= row["time"] <= end]
        return found[: int(parameters["limit"])]


def read(lists: Lists, cursor: TradeCursor) -> tuple[tuple[ExecutionReport, ...], bool]:
    return fetch_trades(
        cast("Calls", lists),
        binance_connection.futures(MarketType.FUTURES).trades,
        "BTCUSDT",
        cursor,
        exchange_order_id=None,
        timeout=5,
        priority=Priority.SYNC,
    )


def ids(found: tuple[ExecutionReport, ...]) -> list[int]:
    return [int(fill.exchange_trade_id) for fill in found]


def test_a_long_list_is_read_page_by_page() -> None:
    lists = Lists(*[timedelta(hours=1)] * (2 * PAGE + 5))

    found, is_all = read(lists, TradeCursor(after_trade_id="3"))

    assert ids(found) == list(range(4, 2 * PAGE + 6))
    assert is_all
    assert len(lists.asked) == 3


def test_a_list_without_end_is_read_so_far_and_not_called_whole() -> None:
    lists = Lists(*[timedelta(hours=1)] * (PAGES * PAGE + 5))

    found, is_all = read(lists, TradeCursor(after_trade_id="0"))

    assert len(found) == PAGES * (PAGE - 1)
    assert not is_all
    assert ids(read(lists, TradeCursor(after_trade_id=str(len(found))))[0])[0] == len(found) + 1


def test_a_list_is_read_no_further_than_the_trade_that_was_awaited() -> None:
    lists = Lists(*[timedelta(hours=1)] * (2 * PAGE))

    found, is_all = read(lists, TradeCursor(after_trade_id="3", until_trade_id="100", awaited=60))

    assert ids(found) == list(range(4, 4 + 60 + UNTOLD - 1))
    assert not is_all
    assert len(lists.asked) == 1


def test_pages_follow_until_the_awaited_trade_is_there() -> None:
    lists = Lists(*[timedelta(hours=1)] * (2 * PAGE))

    found, _ = read(lists, TradeCursor(after_trade_id="0", until_trade_id="300", awaited=150))

    assert ids(found) == list(range(1, 399))


def test_an_awaited_trade_that_is_not_there_yet_is_not_waited_for() -> None:
    lists = Lists(*[timedelta(hours=1)] * 5)

    found, is_all = read(lists, TradeCursor(after_trade_id="0", until_trade_id="6", awaited=6))

    assert ids(found) == [1, 2, 3, 4, 5]
    assert is_all


@pytest.mark.parametrize("parted", [0, 1])
def test_a_trade_with_oneself_is_whole_though_a_page_ends_within_it(parted: int) -> None:
    lists = Lists(*[timedelta(hours=1)] * (PAGE + 5))
    lists.trades.insert(PAGE - parted, lists.trades[PAGE - 1 - parted] | {"orderId": 7})

    found, is_all = read(lists, TradeCursor(after_trade_id="0"))

    assert is_all
    assert len(found) == PAGE + 6
    assert len({(fill.exchange_trade_id, fill.exchange_order_id) for fill in found}) == PAGE + 6


def test_a_trade_with_oneself_is_whole_where_reading_breaks_off() -> None:
    lists = Lists(*[timedelta(hours=1)] * (2 * PAGE))
    limit = 60 + UNTOLD
    lists.trades.insert(limit, lists.trades[limit - 1] | {"orderId": 7})

    found, _ = read(lists, TradeCursor(after_trade_id="0", until_trade_id="9", awaited=60))
    rest, _ = read(lists, TradeCursor(after_trade_id=found[-1].exchange_trade_id))

    assert len(found) + len(rest) == 2 * PAGE + 1


def test_trades_weeks_apart_are_found_from_a_time() -> None:
    lists = Lists(*(timedelta(days=days) for days in (40, 25, 3)))

    found, is_all = read(lists, TradeCursor(since=NOW - timedelta(days=60)))

    assert ids(found) == [1, 2, 3]
    assert is_all


def test_a_recent_time_takes_one_question() -> None:
    lists = Lists(timedelta(hours=2))

    assert ids(read(lists, TradeCursor(since=NOW - timedelta(hours=3)))[0]) == [1]
    assert len(lists.asked) == 1


def test_nothing_is_asked_beyond_what_is_kept() -> None:
    lists = Lists()

    found, is_all = read(lists, TradeCursor(since=NOW - timedelta(days=4000)))

    assert (found, is_all) == ((), True)
    assert int(lists.asked[0]["startTime"]) > milliseconds(NOW - timedelta(days=90))


def test_an_unreadable_list_is_as_if_none_had_come() -> None:
    lists = Lists()
    lists.garbage = True

    with pytest.raises(TransientError):
        read(lists, TradeCursor())


class Faltering(Lists):
    """A list that is not answered any more after some pages."""

    def call(self, endpoint: Endpoint, parameters: Mapping[str, str], **call: Any) -> Told:
        if len(self.asked) == 3:
            raise TransientError
        return super().call(endpoint, parameters, **call)


def test_what_was_read_of_a_long_list_is_told_though_the_rest_does_not_come() -> None:
    lists = Faltering(*[timedelta(hours=1)] * (5 * PAGE))

    found, is_all = read(lists, TradeCursor(after_trade_id="0"))

    assert ids(found) == list(range(1, 3 * (PAGE - 1) + 1))
    assert not is_all
    with pytest.raises(TransientError):
        read(lists, TradeCursor(after_trade_id="0"))


DAY = timedelta(days=1)


class SpotLists:
    """Spot's lists with their rules: the newest without times, windows of a day, all by order."""

    def __init__(self, *ages: timedelta) -> None:
        path = FOLDER / "spot" / "rest_myTrades__one.json"
        (first,) = json.loads(path.read_bytes())
        self.trades = [
            first | {"id": number, "time": milliseconds(NOW - age), "orderId": number % 2}
            for number, age in enumerate(ages, start=1)
        ]
        self.weights: list[float] = []

    def call(self, endpoint: Endpoint, parameters: Mapping[str, str], **_call: Any) -> Told:
        self.weights.append(endpoint.weight)
        assert endpoint is (SPOT.trades_of_order if "orderId" in parameters else SPOT.trades)
        return Told(body=self._page(parameters), requested_at=NOW)

    def _page(self, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
        limit = int(parameters["limit"])
        rows = [
            row for row in self.trades if parameters.get("orderId") in (None, str(row["orderId"]))
        ]
        if "fromId" in parameters:
            assert "startTime" not in parameters
            return [row for row in rows if row["id"] >= int(parameters["fromId"])][:limit]
        if "startTime" not in parameters:
            return rows[-limit:]
        start, end = int(parameters["startTime"]), int(parameters["endTime"])
        assert end - start < DAY // timedelta(milliseconds=1)
        return [row for row in rows if start <= row["time"] <= end][:limit]


def read_spot(
    lists: SpotLists, cursor: TradeCursor, exchange_order_id: str | None = None
) -> tuple[tuple[ExecutionReport, ...], bool]:
    return fetch_trades(
        cast("Calls", lists),
        binance_connection.SPOT.trades,
        "BNBBTC",
        cursor,
        exchange_order_id=exchange_order_id,
        timeout=5,
        priority=Priority.SYNC,
    )


def test_spot_s_newest_page_mostly_reaches_back_far_enough() -> None:
    lists = SpotLists(timedelta(days=300), timedelta(days=40), timedelta(hours=1))

    found, is_all = read_spot(lists, TradeCursor(since=NOW - timedelta(days=60)))

    assert (ids(found), is_all) == ([2, 3], True)
    assert lists.weights == [20]


def test_spot_s_windows_are_walked_where_the_newest_page_is_too_short() -> None:
    busy = [timedelta(hours=1)] * (PAGE + 2)
    lists = SpotLists(timedelta(days=31), timedelta(days=3, hours=1), *busy)

    found, is_all = read_spot(lists, TradeCursor(since=NOW - timedelta(days=30)))

    assert ids(found) == list(range(2, PAGE + 5))
    assert is_all


def test_spot_without_a_cursor_shows_the_newest() -> None:
    few, many = SpotLists(DAY * 900, DAY), SpotLists(*[DAY] * (PAGE + 1))

    assert read_spot(few, TradeCursor())[1]
    found, is_all = read_spot(many, TradeCursor())
    assert (len(found), is_all) == (PAGE, False)


def test_spot_goes_on_after_a_trade_by_its_id() -> None:
    lists = SpotLists(*[DAY] * 5)

    found, is_all = read_spot(lists, TradeCursor(after_trade_id="3"))

    assert (ids(found), is_all) == ([4, 5], True)


def test_all_trades_of_a_spot_order_are_read_however_old_and_many() -> None:
    lists = SpotLists(*[timedelta(days=400)] * (2 * PAGE + 2))

    found, is_all = read_spot(lists, TradeCursor(since=NOW), exchange_order_id="1")

    assert len(found) == PAGE + 1
    assert is_all
    assert lists.weights == [5, 5]
