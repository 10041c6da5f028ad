"""Lists of trades are read to their end, however an exchange cuts them into pages."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from exchanges.generic_calls import Said
from exchanges.generic_trades import PAGES, Listed, fetch_trades, traded_symbols
from exchanges.governor import Priority
from exchanges.messages import MarketType
from exchanges.questions import TradeCursor

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.generic_calls import GenericCalls

DAY = 86_400_000
NOW = time.time_ns() // 1_000_000
OURS, OTHERS = "BTC/USDT", "ETH/USDT"


class Exchange:
    """Lists trades as one of ccxt's exchanges does, and counts how often it was asked."""

    market_type = MarketType.SPOT

    def __init__(
        self,
        name: str,
        *,
        page: int = 50,
        is_newest_first: bool = True,
        shows_for: int | None = None,
        tells_all_markets: bool = False,
    ) -> None:
        self.exchange, self._page, self._is_newest_first = name, page, is_newest_first
        self._shows_for, self._tells_all_markets = shows_for, tells_all_markets
        self.source = SimpleNamespace(markets=SimpleNamespace(symbol_of=lambda *_: OURS))
        self.silences: dict[str, tuple[int, int]] = {}
        self.listed: frozenset[Any] = frozenset()
        self.trades: list[dict[str, Any]] = []
        self.times_asked = 0

    def trade(self, at: int, symbol: str = OURS) -> None:
        number = len(self.trades)
        row: dict[str, Any] = {"id": f"t{number}", "order": "1", "side": "buy", "price": "5"}
        row |= {"amount": "1", "timestamp": at, "symbol": symbol, "info": {}}
        self.trades.append(row)

    def can(self, ability: str) -> bool:
        return ability == "fetchMyTrades"

    def ask(self, operation: Callable[[Exchange], object], **_: object) -> Said:
        return Said(value=operation(self), requested_at=cast("Any", None))

    def fetch_my_trades(
        self, symbol: str | None, since: int | None, limit: int | None, parameters: dict[str, int]
    ) -> list[dict[str, Any]]:
        del limit
        self.times_asked += 1
        begin, end = since or 0, parameters.get("until", NOW)
        if self._shows_for is not None:
            end = min(end, begin + self._shows_for)
        rows = [
            row
            for row in sorted(self.trades, key=lambda row: int(row["timestamp"]))
            if begin <= row["timestamp"] <= end
            and (self._tells_all_markets or row["symbol"] == symbol)
        ]
        rows = rows[-self._page :] if self._is_newest_first else rows[: self._page]
        self.listed = frozenset(
            (row["timestamp"], row["symbol"], row["order"], row["id"]) for row in rows
        )
        return [row for row in rows if row["symbol"] == symbol]

    def read(self, begin: int) -> Listed:
        return fetch_trades(
            cast("GenericCalls", self),
            "BTC-USDT",
            TradeCursor(after_trade_id=str(begin)),
            exchange_order_id=None,
            timeout=10,
            priority=Priority.SYNC,
        )


def ids(listed: Listed) -> list[str]:
    return [fill.exchange_trade_id for fill in listed.fills]


def test_a_page_is_full_by_what_all_markets_traded() -> None:
    kraken = Exchange("kraken", tells_all_markets=True)
    begin = NOW - DAY
    kraken.trade(begin + 1)
    for number in range(120):
        kraken.trade(begin + 1000 + number, OTHERS)
    listed = kraken.read(begin)
    assert (ids(listed), listed.is_whole) == (["t0"], True)


def test_weeks_are_read_where_no_end_can_be_told() -> None:
    kucoin = Exchange("kucoin", shows_for=7 * DAY)
    begin = NOW - 20 * DAY
    kucoin.trade(begin)
    kucoin.trade(NOW - 1000)
    listed = kucoin.read(begin)
    assert (ids(listed), listed.is_whole, listed.cursor) == (["t0", "t1"], True, NOW - 1000)


@pytest.mark.parametrize("is_newest_first", [True, False])
def test_a_list_too_long_for_one_reading_is_told_without_holes(*, is_newest_first: bool) -> None:
    okx = Exchange("okx", page=100, is_newest_first=is_newest_first)
    begin = NOW - DAY
    for number in range(5000):
        okx.trade(begin + number * 1000)
    told: list[str] = []
    for _ in range(20):
        listed = okx.read(begin)
        told = list(dict.fromkeys(told + ids(listed)))
        assert told == [f"t{number}" for number in range(len(told))]
        if listed.is_whole:
            break
        assert listed.cursor is not None
        assert listed.cursor > begin
        begin = listed.cursor
    assert len(told) == 5000


def test_no_cursor_passes_a_hole_that_cannot_be_read() -> None:
    deribit = Exchange("deribit", page=100)
    begin = NOW - DAY
    for number in range(150):
        deribit.trade(begin + 1 + number)
    listed = deribit.read(begin)
    assert (listed.is_whole, listed.cursor) == (False, None)


def test_a_silence_longer_than_one_reading_is_passed_and_remembered() -> None:
    cryptocom = Exchange("cryptocom", page=100, shows_for=DAY)
    begin = NOW - 60 * DAY
    cryptocom.trade(NOW - 1000)
    assert ids(cryptocom.read(begin)) == ["t0"]
    assert cryptocom.times_asked > PAGES
    cryptocom.trades.clear()
    cryptocom.read(begin)
    cryptocom.times_asked = 0
    cryptocom.trade(NOW - 500)
    assert ids(cryptocom.read(begin)) == ["t0"]
    assert cryptocom.times_asked <= 2


def test_markets_traded_in_are_named_though_one_page_does_not_show_them() -> None:
    okx = Exchange("okx", page=100, tells_all_markets=True)
    begin = NOW - DAY
    okx.trade(begin + 1)
    for number in range(250):
        okx.trade(begin + 1000 + number, OTHERS)
    symbols, more_from = traded_symbols(
        cast("GenericCalls", okx), begin, timeout=10, priority=Priority.SYNC
    )
    assert symbols == {OURS, OTHERS}
    assert more_from is None
