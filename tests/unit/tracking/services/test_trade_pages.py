"""Lists of trades are read whole and once, whether places are trade ids or times."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.messages import ExecutionReport, MarketType, Side, Source
from exchanges.questions import TradeCursor
from tracking.services.trade_pages import Pages, before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exchanges.adapter import Placed
    from tracking.services.trade_pages import PlaceOf

BEGIN = datetime(2026, 11, 22, 12, tzinfo=UTC)


def by_id(fill: Placed) -> int:
    return int(fill.exchange_trade_id)


def by_time(fill: Placed) -> int:
    return round((fill.executed_at - BEGIN) / timedelta(milliseconds=1))


def a_fill(number: int, millisecond: int, *, order: str = "7") -> ExecutionReport:
    return ExecutionReport(
        market_type=MarketType.SPOT,
        symbol_id="BTCUSDT",
        exchange_order_id=order,
        exchange_trade_id=str(number),
        side=Side.BUY,
        execution_price=Decimal(100),
        execution_quantity=Decimal(1),
        executed_at=BEGIN + timedelta(milliseconds=millisecond),
        source=Source.REST_TRADES,
    )


@dataclass
class Listing:
    """A list of trades: after an id, or from a time on."""

    fills: Sequence[ExecutionReport]
    place_of: PlaceOf
    page: int
    #: by time the page begins at the cursor, by id after it
    begins_at: bool
    questions: int = 0

    def ask(self, cursor: TradeCursor) -> Sequence[ExecutionReport]:
        self.questions += 1
        assert self.questions <= len(self.fills) + 2, "it is asked without end"
        first = int(cursor.after_trade_id) if cursor.after_trade_id is not None else -1
        first += 0 if self.begins_at else 1
        return [fill for fill in self.fills if self.place_of(fill) >= first][: self.page]


#: how many fills each millisecond has
BURSTS = st.lists(st.integers(min_value=0, max_value=3), max_size=12)


def listed(bursts: Sequence[int]) -> list[ExecutionReport]:
    times = [millisecond for millisecond, count in enumerate(bursts) for _ in range(count)]
    return [a_fill(number, millisecond) for number, millisecond in enumerate(times, start=1)]


@given(BURSTS, st.booleans(), st.integers(min_value=4, max_value=6))
def test_every_fill_is_read_once(bursts: list[int], begins_at: bool, page: int) -> None:  # noqa: FBT001
    fills = listed(bursts)
    listing = Listing(fills, by_time if begins_at else by_id, page, begins_at)
    pages = Pages(listing.ask, listing.place_of)

    assert list(pages.read(TradeCursor())) == fills
    assert pages.cursor == (str(listing.place_of(fills[-1])) if fills else None)


@given(BURSTS, st.booleans(), st.integers(min_value=0, max_value=12))
def test_reading_on_from_where_it_ended_shows_what_came_since(
    bursts: list[int],
    begins_at: bool,  # noqa: FBT001
    count: int,
) -> None:
    fills = listed(bursts)
    place_of = by_time if begins_at else by_id
    first = Pages(Listing(fills[:count], place_of, 5, begins_at).ask, place_of)
    read = list(first.read(TradeCursor()))
    then = Pages(Listing(fills, place_of, 5, begins_at).ask, place_of)

    read += then.read(TradeCursor(after_trade_id=first.cursor))

    assert set(read) == set(fills)


def test_a_trade_with_oneself_is_two_fills_of_one_page() -> None:
    one, other = a_fill(1, 1, order="7"), a_fill(1, 1, order="8")
    listing = Listing([one, other], by_id, 5, begins_at=False)

    assert list(Pages(listing.ask, by_id).read(TradeCursor())) == [one, other]


def test_fills_that_are_alike_are_read_as_often_as_they_are_listed() -> None:
    listing = Listing([a_fill(1, 1), a_fill(1, 1)], by_time, 5, begins_at=True)

    assert Counter(Pages(listing.ask, by_time).read(TradeCursor())) == {a_fill(1, 1): 2}


@given(BURSTS, st.booleans(), st.data())
def test_a_cursor_taken_back_shows_the_fills_in_question(
    bursts: list[int],
    begins_at: bool,  # noqa: FBT001
    data: st.DataObject,
) -> None:
    fills = listed(bursts)
    place_of = by_time if begins_at else by_id
    asked = data.draw(st.sets(st.sampled_from(fills))) if fills else set()
    listing = Listing(fills, place_of, 100, begins_at)

    cursor = before(TradeCursor(after_trade_id="9"), asked, place_of)

    assert asked <= set(listing.ask(cursor))
    assert cursor.after_trade_id is not None
    assert int(cursor.after_trade_id) <= 9


@pytest.mark.parametrize("place_of", [by_id, by_time])
def test_a_cursor_without_a_place_shows_all_there_is_already(place_of: PlaceOf) -> None:
    cursor = TradeCursor(since=BEGIN)

    assert before(cursor, [a_fill(3, 3)], place_of) is cursor
