from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest
import time_machine

from exchanges.bybit_activity import fetch_activity
from exchanges.bybit_calls import EXECUTIONS
from exchanges.bybit_trades import PAGE, PAGES, WINDOW_PAGES, fetch_trades
from exchanges.calls import Calls, Endpoint, Told
from exchanges.errors import TransientError
from exchanges.governor import Priority
from exchanges.messages import ExecutionReport, MarketType, MovementKind
from exchanges.questions import TradeCursor
from exchanges.wire import milliseconds
from tests.unit.exchanges.bybit_samples import result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOW = datetime.now(UTC).replace(microsecond=0)
WEEK = 7 * 86_400_000
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def at_now() -> Iterator[None]:
    """Begin each test at NOW, however long after this module was read it comes."""
    with time_machine.travel(NOW):
        yield


class Lists:
    """Bybit's list of executions with its rules: windows of a week, newest first, cursors."""

    clock_offset_ms = 0

    def __init__(self, *ages: timedelta, **terms: str) -> None:
        (first,) = result("rest_execution_list__one")["list"]
        self.rows = [
            first | {"execId": str(number), "execTime": str(milliseconds(NOW - age))} | terms
            for number, age in enumerate(ages, start=1)
        ]
        self.asked: list[Mapping[str, Any]] = []
        self.garbage = False

    def call(self, endpoint: Endpoint, parameters: Mapping[str, Any], **_call: Any) -> Told:
        assert endpoint is EXECUTIONS
        self.asked.append(dict(parameters))
        body: object = {"result": "?"} if self.garbage else {"result": self._page(parameters)}
        return Told(body=body, requested_at=NOW)

    def _page(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        found = sorted(self.rows, key=lambda row: -int(row["execTime"]))
        if "orderId" in parameters:
            found = [row for row in found if row["orderId"] == parameters["orderId"]]
        else:
            start, end = int(parameters["startTime"]), int(parameters["endTime"])
            assert end - start <= WEEK
            found = [row for row in found if start <= int(row["execTime"]) <= end]
        if kind := parameters.get("execType"):
            found = [row for row in found if row["execType"] == kind]
        begin, limit = int(parameters.get("cursor", "0")), int(parameters["limit"])
        page = found[begin : begin + limit]
        # as Bybit does, the last page names another one
        return {"list": page, "nextPageCursor": str(begin + limit) if page else ""}


def read(
    lists: Lists, cursor: TradeCursor, order_id: str | None = None
) -> tuple[tuple[ExecutionReport, ...], bool]:
    return fetch_trades(
        cast("Calls", lists),
        "ETHPERP",
        cursor,
        market_type=MarketType.FUTURES,
        exchange_order_id=order_id,
        timeout=5,
        priority=Priority.SYNC,
    )


def ids(found: tuple[ExecutionReport, ...]) -> list[int]:
    return [int(fill.exchange_trade_id) for fill in found]


def test_fills_of_many_weeks_are_read_oldest_first() -> None:
    lists = Lists(30 * DAY, 20 * DAY, 20 * DAY, DAY)

    found, is_all = read(lists, TradeCursor(since=NOW - 40 * DAY))

    assert (sorted(ids(found)), is_all) == ([1, 2, 3, 4], True)
    assert [fill.executed_at for fill in found] == sorted(fill.executed_at for fill in found)


def test_of_one_moment_what_is_listed_last_came_first() -> None:
    found, _ = read(Lists(DAY, DAY, DAY), TradeCursor())

    assert ids(found) == [3, 2, 1]


def test_an_execution_listed_twice_is_told_once() -> None:
    lists = Lists(3 * DAY, 2 * DAY, DAY)
    lists.rows.append(dict(lists.rows[1]))

    found, _ = read(lists, TradeCursor())

    assert ids(found) == [1, 2, 3]
    assert [fill.executed_at for fill in found] == [NOW - days * DAY for days in (3, 2, 1)]


def test_a_query_begins_at_its_place() -> None:
    lists = Lists(2 * DAY, DAY, timedelta(hours=1))
    place = str(milliseconds(NOW - DAY))

    found, _ = read(lists, TradeCursor(after_trade_id=place))

    assert ids(found) == [2, 3]


def test_without_a_place_the_last_week_is_read() -> None:
    found, is_all = read(Lists(8 * DAY, DAY), TradeCursor())

    assert (ids(found), is_all) == ([2], True)


def test_fills_of_an_order_are_read_whatever_their_age() -> None:
    lists = Lists(*itertools.repeat(500 * DAY, PAGE + 5))

    found, is_all = read(lists, TradeCursor(), lists.rows[0]["orderId"])

    assert (len(found), is_all) == (PAGE + 5, True)
    assert len({fill.exchange_trade_id for fill in found}) == PAGE + 5


def test_a_window_with_too_much_in_it_is_made_shorter_and_nothing_is_stepped_over() -> None:
    count = PAGE * WINDOW_PAGES + 500
    lists = Lists(*(timedelta(minutes=number) for number in range(count)))

    found, is_all = read(lists, TradeCursor(since=NOW - 6 * DAY))

    assert len(found) == count
    assert is_all
    assert ids(found) == list(range(count, 0, -1))


def test_what_is_told_is_whole_up_to_its_end_even_if_not_all_was_read() -> None:
    count = PAGE * 2 * PAGES
    lists = Lists(*(timedelta(seconds=10 * number) for number in range(count)))

    found, is_all = read(lists, TradeCursor(since=NOW - 6 * DAY))

    assert not is_all
    assert len(lists.asked) <= PAGES + WINDOW_PAGES
    assert ids(found) == list(range(count, count - len(found), -1))
    assert found


def test_a_long_list_of_funding_alone_is_no_end() -> None:
    count = PAGE * (PAGES + WINDOW_PAGES)
    lists = Lists(*(timedelta(hours=number) for number in range(count)))
    for row in lists.rows[1:]:
        row["execType"] = "Funding"

    found, is_all = read(lists, TradeCursor(since=NOW - timedelta(hours=count)))

    assert (ids(found), is_all) == ([1], True)


class Faltering(Lists):
    """A list that is not answered any more after some questions."""

    def call(self, endpoint: Endpoint, parameters: Mapping[str, Any], **call: Any) -> Told:
        if len(self.asked) == PAGES - 1:
            raise TransientError
        return super().call(endpoint, parameters, **call)


def test_what_was_read_of_a_long_list_is_told_though_the_rest_does_not_come() -> None:
    count = PAGE * 2 * PAGES
    lists = Faltering(*(timedelta(seconds=10 * number) for number in range(count)))

    found, is_all = read(lists, TradeCursor(since=NOW - 2 * DAY))

    assert found
    assert not is_all
    assert ids(found) == list(range(count, count - len(found), -1))
    with pytest.raises(TransientError):
        read(lists, TradeCursor(since=NOW - 2 * DAY))


class LateClock(Lists):
    """An exchange whose clock is ahead of ours, which the first answer shows."""

    def call(self, endpoint: Endpoint, parameters: Mapping[str, Any], **call: Any) -> Told:
        self.clock_offset_ms = -600_000
        return super().call(endpoint, parameters, **call)


def test_a_clock_that_is_slow_hides_no_fill() -> None:
    lists = LateClock(-timedelta(minutes=5), -timedelta(minutes=9))
    place = str(milliseconds(NOW + timedelta(minutes=4)))

    assert sorted(ids(read(lists, TradeCursor(after_trade_id=place))[0])) == [1, 2]
    assert sorted(ids(read(lists, TradeCursor())[0])) == [1, 2]


def test_what_is_no_fill_is_left_out() -> None:
    lists = Lists(DAY, DAY, DAY)
    lists.rows[0]["execType"] = "Funding"
    lists.rows[1]["execType"] = "MovePosition"

    assert ids(read(lists, TradeCursor())[0]) == [3]


def test_an_answer_that_cannot_be_read_is_as_if_none_had_come() -> None:
    lists = Lists(DAY)
    lists.garbage = True

    with pytest.raises(TransientError):
        read(lists, TradeCursor())


def activity(lists: Lists, *, only_funding: bool = False) -> Any:
    return fetch_activity(
        cast("Calls", lists),
        NOW - DAY,
        market_type=MarketType.FUTURES,
        only_funding=only_funding,
        timeout=5,
        priority=Priority.SYNC,
    )


def test_activity_tells_what_was_traded_and_what_funding_moved() -> None:
    lists = Lists(timedelta(hours=2), timedelta(hours=1))
    lists.rows[0] |= {"execType": "Funding", "symbol": "SOLPERP", "execFee": "1.25"}

    found = activity(lists)

    assert found.traded_symbol_ids == {"ETHPERP"}
    (movement,) = found.movements
    assert movement.key == "funding:1"
    assert (movement.kind, movement.amount) == (MovementKind.FUNDING, Decimal("-1.25"))
    assert (movement.symbol_id, movement.asset) == ("SOLPERP", "USDC")
    assert found.more_from is None


def test_activity_can_be_of_funding_alone() -> None:
    found = activity(Lists(timedelta(hours=2)), only_funding=True)

    assert found.traded_symbol_ids == frozenset()


def test_activity_of_a_busy_account_says_where_to_go_on() -> None:
    lists = Lists(*(timedelta(seconds=5 * number) for number in range(PAGE * 120)))

    found = activity(lists)

    assert found.more_from is not None
    assert NOW - DAY < found.more_from < NOW
