"""What a strategy may want: nonsense is refused before anything is committed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from exchanges.messages import OrderType, PositionSide, Side, TimeInForce
from tracking.services.order_intents import InvalidOrderError, OrderIntent

LIMIT: dict[str, Any] = {
    "symbol": "BTC/USDT:USDT",
    "side": "BUY",
    "order_type": "LIMIT",
    "quantity": "0.2",
    "price": "30000",
}
MARKET: dict[str, Any] = {
    "symbol": "BTC/USDT:USDT",
    "side": "SELL",
    "order_type": "MARKET",
    "quantity": "0.2",
}
STOP: dict[str, Any] = MARKET | {"order_type": "STOP_MARKET", "stop_price": "25000"}


@pytest.mark.parametrize(
    "body",
    [
        LIMIT,
        LIMIT | {"time_in_force": "IOC", "position_side": "SHORT", "reduce_only": True},
        LIMIT | {"quantity": None, "quote_quantity": "100"},
        MARKET | {"quantity": None, "percent": "12.5"},
        STOP,
        LIMIT | {"order_type": "TAKE_PROFIT", "stop_price": "29000"},
    ],
)
def test_a_body_is_read_as_it_was_written(body: dict[str, Any]) -> None:
    intent = OrderIntent.from_body(body)

    written = json.loads(json.dumps(intent.body()))

    assert OrderIntent.from_body(written) == intent
    assert {name: value for name, value in written.items() if name in body} == body


def test_amounts_are_written_as_plain_strings() -> None:
    intent = OrderIntent(
        symbol="BTC/USDT",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("1E+2"),
        price=Decimal("30000.500"),
        position_side=PositionSide.SHORT,
    )

    assert intent.body()["quantity"] == "100"
    assert intent.body()["price"] == "30000.5"


def test_post_only_is_spelled_either_way() -> None:
    spelled = OrderIntent.from_body(LIMIT | {"post_only": True})

    assert spelled.time_in_force is TimeInForce.GTX
    assert spelled.post_only
    assert spelled == OrderIntent.from_body(LIMIT | {"time_in_force": "GTX"})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (LIMIT | {"quantity": None}, "exactly one"),
        (LIMIT | {"percent": "5"}, "exactly one"),
        (LIMIT | {"quantity": "0"}, "positive"),
        (LIMIT | {"quantity": "-1"}, "positive"),
        (LIMIT | {"quantity": "NaN"}, "positive"),
        (LIMIT | {"quantity": "Infinity"}, "positive"),
        (LIMIT | {"quantity": "1E+1000000"}, "range"),
        (LIMIT | {"quantity": "1E-1000000"}, "range"),
        (LIMIT | {"quantity": "1." + "9" * 60}, "at most 60 digits"),
        (LIMIT | {"quantity": 0.2}, "decimal number as a text"),
        (LIMIT | {"quantity": True}, "decimal number as a text"),
        (LIMIT | {"quantity": "many"}, "decimal number"),
        (LIMIT | {"quantity": None, "percent": "101"}, "up to 100"),
        (LIMIT | {"price": None}, "needs a price"),
        (LIMIT | {"stop_price": "1"}, "takes no stop_price"),
        (LIMIT | {"time_in_force": "GTD"}, "time_in_force"),
        (LIMIT | {"time_in_force": "FOK", "post_only": True}, "post-only"),
        (LIMIT | {"reduce_only": "yes"}, "true or false"),
        (LIMIT | {"reduce_only": True, "position_side": "LONG"}, "is not reduce-only"),
        (MARKET | {"reduce_only": True, "position_side": "SHORT"}, "is not reduce-only"),
        (LIMIT | {"symbol": ""}, "symbol"),
        (LIMIT | {"symbol": "BTC\x00USDT"}, "symbol"),
        (LIMIT | {"symbol": "x" * 65}, "symbol"),
        (LIMIT | {"side": "LONG"}, "side"),
        (LIMIT | {"leverage": "5"}, "unknown field"),
        (LIMIT | {"order_type": "LIQUIDATION"}, "cannot be placed"),
        (MARKET | {"price": "1"}, "takes no price"),
        (MARKET | {"time_in_force": "IOC"}, "takes no time_in_force"),
        (STOP | {"stop_price": None}, "needs a stop_price"),
        (STOP | {"price": "1"}, "takes no price"),
        (LIMIT | {"order_type": "STOP", "stop_price": "1", "post_only": True}, "post-only"),
    ],
)
def test_nonsense_is_refused_in_words(body: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidOrderError, match=why):
        OrderIntent.from_body(body)
