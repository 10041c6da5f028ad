"""What a minute closed at: asked for by its first millisecond, believed of that minute only."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from exchanges.binance_filters import closing_price
from exchanges.binance_requests import of_minute
from exchanges.errors import MalformedMessage
from exchanges.wire import decode

#: USD-M "Kline/Candlestick Data"
ANSWER = (
    '[[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",'
    '1499040059999,"2434.19055334",308,"1756.87402397","28.46694368","17928899.62484339"]]'
)


def test_a_minute_is_named_by_its_beginning() -> None:
    at = datetime(2017, 7, 3, 0, 0, 59, 999_999, tzinfo=UTC)

    assert of_minute("BNBUSDT", at) == {
        "symbol": "BNBUSDT",
        "interval": "1m",
        "startTime": "1499040000000",
        "limit": "1",
    }


def test_the_price_of_a_minute_is_its_close() -> None:
    assert closing_price(decode(ANSWER), "1499040000000") == Decimal("0.01577100")


@pytest.mark.parametrize("body", [ANSWER, "[]"])
def test_a_market_younger_than_the_minute_had_no_price(body: str) -> None:
    assert closing_price(decode(body), "1499039940000") is None


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[5]",
        "[[]]",
        "[[1499040000000]]",
        '[[1499040000000,"1","1","1","0"]]',
        '[[1499040000000,"1","1","1","-1"]]',
        '[["soon","1","1","1","1"]]',
    ],
)
def test_what_is_no_candle_is_malformed(body: str) -> None:
    with pytest.raises(MalformedMessage):
        closing_price(decode(body), "1499040000000")
