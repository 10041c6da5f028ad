"""What webhooks' bodies ask for, and what nobody may read two ways."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from exchanges.messages import OrderType, PositionSide, Side, TimeInForce
from tracking.services.webhook_bodies import (
    MOST_ORDERS,
    CancelSignal,
    Signal,
    open_envelope,
    signals_of,
)
from tracking.services.webhook_calls import WebhookRefusal, WebhookRefused
from tracking.services.webhook_json import read_json

SAMPLES = Path(__file__).parents[3] / "data" / "tradingview"
LIMIT = {"symbol": "BTCUSDT", "side": "buy", "order_type": "LIMIT", "price": "1", "qty": "2"}


def signals(raw: bytes) -> list[Signal | CancelSignal]:
    return signals_of(open_envelope(read_json(raw)), "breakout", "Breakout")


def sample(name: str) -> list[Signal | CancelSignal]:
    return signals((SAMPLES / f"{name}.json").read_bytes())


def refusal(raw: bytes) -> WebhookRefused:
    with pytest.raises(WebhookRefused) as refused:
        signals(raw)
    return refused.value


def test_the_order_of_a_strategy() -> None:
    assert sample("strategy_order") == [
        Signal(
            account="",
            symbol="BTCUSDT.P",
            side=Side.BUY,
            order_type=OrderType.MARKET,
            quantity=Decimal("0.5"),
        )
    ]


def test_numbers_keep_their_digits_and_are_no_floats() -> None:
    (order,) = sample("limit_with_numbers")

    assert isinstance(order, Signal)
    assert (str(order.price), str(order.quantity)) == ("64123.10", "0.0010")
    assert order.time_in_force is TimeInForce.GTX


def test_an_action_is_a_side_and_a_ticker_a_symbol() -> None:
    assert sample("action_percent") == [
        Signal(
            account="",
            symbol="BTCUSDT",
            side=Side.SELL,
            order_type=OrderType.MARKET,
            percent=Decimal(50),
            reduce_only=True,
        )
    ]


def test_short_is_sell_and_leans_to_the_short_side() -> None:
    (order,) = sample("stop_short")

    assert isinstance(order, Signal)
    assert (order.side, order.leaning) == (Side.SELL, PositionSide.SHORT)
    assert (order.order_type, order.stop_price) == (OrderType.STOP_MARKET, Decimal(60000))


def test_an_amount_of_the_quote_asset_for_every_account() -> None:
    (order,) = sample("quote_market")

    assert isinstance(order, Signal)
    assert (order.account, order.quote_quantity) == ("*", Decimal("250.5"))


def test_a_list_of_orders_keeps_its_places() -> None:
    assert [order.index for order in sample("list_of_orders")] == [0, 1]


def test_a_list_may_begin_with_the_end_of_all_orders() -> None:
    cancel, order = sample("orders_with_id")

    assert cancel == CancelSignal(index=0, account="", symbol="BTCUSDT")
    assert isinstance(order, Signal)


def test_the_end_of_all_orders_of_one_side() -> None:
    assert sample("cancel_all") == [CancelSignal(account="", symbol="BTCUSDT", side=Side.SELL)]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"buy BTC", "not JSON", id="no JSON"),
        pytest.param(b'{"symbol": "BTC\xff"}', "not UTF-8", id="bad UTF-8"),
        pytest.param(b'{"price": NaN}', "NaN", id="NaN"),
        pytest.param(b'{"price": -Infinity}', "Infinity", id="infinity"),
        pytest.param(b"[" * 60_000, "nested", id="deep nesting"),
        pytest.param(b'{"price": ' + b"9" * 61 + b"}", "60 characters", id="long number"),
        pytest.param(b'{"a": 1e99999999999999999999}', "nobody can read", id="absurd exponent"),
        pytest.param(b'{"qty": 1, "qty": 100}', "twice", id="a name twice"),
    ],
)
def test_what_cannot_be_read_is_refused_with_one_sentence(raw: bytes, told: str) -> None:
    refused = refusal(raw)

    assert refused.kind is WebhookRefusal.UNREADABLE
    assert told in refused.detail


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        pytest.param({"qty": -1}, "above 0", id="negative"),
        pytest.param({"qty": "-1"}, "above 0", id="negative text"),
        pytest.param({"qty": 0}, "above 0", id="zero"),
        pytest.param({"qty": "0e5"}, "above 0", id="zero with an exponent"),
        pytest.param({"qty": "NaN"}, "number", id="NaN as text"),
        pytest.param({"qty": "1_000"}, "number", id="underscore"),
        pytest.param({"qty": "\u0661"}, "number", id="digits of another script"),
        pytest.param({"qty": "1e30"}, "between", id="huge"),
        pytest.param({"qty": "1e-19"}, "between", id="tiny"),
        pytest.param({"qty": "1e300"}, "between", id="a long exponent"),
        pytest.param({"qty": "1e-300"}, "between", id="a long negative exponent"),
        pytest.param({"qty": int("9" * 60)}, "between", id="sixty digits"),
        pytest.param({"qty": "0." + "1" * 59}, "at most 60 characters", id="a long text"),
        pytest.param({"qty": "1.0000000000000000001"}, "decimal places", id="too fine"),
        pytest.param({"qty": True}, "number", id="a boolean amount"),
        pytest.param({"qty": [1]}, "number", id="a list as amount"),
        pytest.param({"quantity": 1}, "not both", id="an amount twice"),
        pytest.param({"side": "up"}, "side", id="unknown side"),
        pytest.param({"side": 1}, "side", id="a number as side"),
        pytest.param({"order_type": "ICEBERG"}, "order_type", id="unknown type"),
        pytest.param({"order_type": None}, "order_type", id="no type"),
        pytest.param({"order_type": "CANCEL_ALL_ORDER"}, "nobody knows", id="cancel with price"),
        pytest.param({"action": "CANCEL_ALL_ORDER"}, "not both", id="cancel and order"),
        pytest.param({"reduce_onyl": True}, "reduce_onyl", id="misspelt field"),
        pytest.param({"reduce_only": "yes"}, "true or false", id="no boolean"),
        pytest.param({"post_only": True, "time_in_force": "IOC"}, "not both", id="post-only IOC"),
        pytest.param({"time_in_force": "GTX", "post_only": 1}, "true or false", id="number flag"),
        pytest.param({"strategy": "another"}, "strategy", id="another strategy"),
        pytest.param({"symbol": "BTC\u0000"}, "printable", id="NUL"),
        pytest.param({"symbol": "\ud800"}, "printable", id="half a surrogate"),
        pytest.param({"symbol": "B" * 65}, "64 characters", id="long symbol"),
        pytest.param({"id": "i" * 91}, "90 characters", id="long id"),
        pytest.param({"orders": "all"}, "list", id="orders that are none"),
    ],
)
def test_what_makes_no_sense_is_refused_with_one_sentence(
    changed: dict[str, object], told: str
) -> None:
    refused = refusal(json.dumps(LIMIT | changed).encode())

    assert refused.kind is WebhookRefusal.INVALID
    assert told in refused.detail


@pytest.mark.parametrize("raw", [b"7", b'"buy"', b"null", b"true", b"[]", b'{"orders": []}'])
def test_what_is_no_order_is_refused(raw: bytes) -> None:
    assert refusal(raw).kind is WebhookRefusal.INVALID


def test_the_place_of_a_wrong_order_is_told() -> None:
    refused = refusal(json.dumps([LIMIT, LIMIT | {"price": "-1"}, LIMIT]).encode())

    assert refused.index == 1
    assert refused.detail.startswith("order 1: ")


def test_a_list_has_a_greatest_length() -> None:
    refused = refusal(json.dumps([LIMIT] * (MOST_ORDERS + 1)).encode())

    assert str(MOST_ORDERS) in refused.detail


def test_the_name_or_the_slug_of_the_strategy_may_be_told() -> None:
    assert signals(json.dumps(LIMIT | {"strategy": "Breakout"}).encode())
    assert signals(json.dumps([LIMIT | {"strategy": "breakout"}]).encode())


def test_nothing_of_a_token_is_in_a_refusal_or_a_repr() -> None:
    body = LIMIT | {"token": "deadbeef", "deadbeef token": 1}

    refused = refusal(json.dumps(body).encode())
    envelope = open_envelope(read_json(json.dumps(LIMIT | {"token": "deadbeef"}).encode()))

    assert "deadbeef" not in refused.detail + repr(envelope)
