"""Spot's frames and answers, as its documentation shows them."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges import binance_spot_answers as answers
from exchanges import binance_spot_frames as frames
from exchanges.binance_websocket import BinanceWebSocket, concerns_orders, parse
from exchanges.errors import MalformedMessage
from exchanges.messages import (
    CredentialExpired,
    ExecutionReport,
    HoldingReport,
    HoldingsChanged,
    IgnoredMessage,
    MarketType,
    MovementKind,
    MovementReport,
    OrderReport,
    OrderStatus,
    OrderType,
    Side,
    Source,
    TimeInForce,
)

SPOT = MarketType.SPOT
FOLDER = Path(__file__).parents[2] / "data" / "binance" / "spot"
FRAMES = sorted(path.stem for path in FOLDER.glob("*.json") if not path.stem.startswith("rest_"))
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def sample(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


def answer(name: str) -> Any:
    return json.loads(sample(name))


def report(name: str) -> OrderReport:
    (message,) = parse(SPOT, sample(f"executionReport__{name}"))
    assert isinstance(message, OrderReport)
    return message


def at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(
        microsecond=milliseconds % 1000 * 1000
    )


def test_a_fill_is_read_whole() -> None:
    told = report("partially_filled")

    assert told.execution == ExecutionReport(
        market_type=SPOT,
        symbol_id="BTCUSDT",
        exchange_order_id="28",
        exchange_trade_id="28457",
        side=Side.BUY,
        execution_price=Decimal("60000.1"),
        execution_quantity=Decimal("0.1"),
        executed_at=at(1499405658657),
        source=Source.WS,
        is_maker=False,
        commission=Decimal("0.0001"),
        commission_asset="BTC",
    )
    assert (told.status, told.client_order_id) == (OrderStatus.PARTIALLY_FILLED, "abc")
    assert (told.filled_quantity, told.filled_quote) == (Decimal("0.1"), Decimal("6000.01"))
    assert told.event_at == at(1499405658658)


def test_a_maker_may_pay_in_another_asset() -> None:
    fill = report("filled_maker").execution

    assert fill is not None
    assert (fill.is_maker, fill.commission_asset) == (True, "BNB")


@pytest.mark.parametrize("name", ["cancelled_after_fill", "replaced"])
def test_what_asked_for_a_change_does_not_name_the_order(name: str) -> None:
    told = report(name)

    assert told.client_order_id == "abc"
    assert told.execution is None


def test_a_cancelled_order_keeps_what_it_filled() -> None:
    told = report("cancelled_after_fill")

    assert told.status is OrderStatus.CANCELLED
    assert (told.filled_quantity, told.filled_quote) == (Decimal("0.1"), Decimal("6000.01"))


def test_an_amended_order_lives_on_with_its_new_quantity() -> None:
    told = report("replaced")

    assert (told.status, told.quantity) == (OrderStatus.NEW, Decimal("0.15"))


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("expired_with_fill", OrderStatus.EXPIRED, "INSUFFICIENT_LIQUIDITY"),
        ("trade_prevention", OrderStatus.EXPIRED, ""),
        ("rejected", OrderStatus.REJECTED, "INSUFFICIENT_BALANCES"),
        ("new", OrderStatus.NEW, ""),
        ("pending_new", OrderStatus.NEW, ""),
    ],
)
def test_an_end_is_told_with_its_reason(name: str, status: OrderStatus, reason: str) -> None:
    told = report(name)

    assert (told.status, told.reason) == (status, reason)
    assert told.execution is None


def test_a_prevented_trade_is_no_fill() -> None:
    assert report("trade_prevention").filled_quantity == 0


def test_a_conditional_order_is_an_ordinary_one() -> None:
    told = report("stop_loss_limit")

    assert (told.order_type, told.stop_price) == (OrderType.STOP, Decimal(59000))
    assert told.price == Decimal("60000.1")


def test_post_only_is_a_type_here() -> None:
    told = report("limit_maker")

    assert (told.order_type, told.time_in_force) == (OrderType.LIMIT, TimeInForce.GTX)
    assert told.post_only


def test_an_order_for_an_amount_of_quote_is_for_what_it_got() -> None:
    told = report("quote_quantity")

    assert (told.quantity, told.filled_quantity) == (Decimal(0), Decimal("0.1"))
    assert told.filled_quote == Decimal("6000.01")


def test_names_in_other_scripts_are_kept() -> None:
    assert report("non_ascii").symbol_id == "币安人生USDT"


def test_balances_are_told_with_what_orders_lock() -> None:
    (message,) = parse(SPOT, sample("outboundAccountPosition__two"))

    assert isinstance(message, HoldingsChanged)
    assert message.holdings == (
        HoldingReport(
            market_type=SPOT,
            symbol_id="",
            asset="ETH",
            quantity=Decimal("10000.5"),
            updated_at=at(1564034571073),
        ),
        HoldingReport(
            market_type=SPOT,
            symbol_id="",
            asset="USDT",
            quantity=Decimal(0),
            updated_at=at(1564034571073),
        ),
    )


def test_a_withdrawal_is_told_as_a_movement() -> None:
    (message,) = parse(SPOT, sample("balanceUpdate__withdrawn"))

    assert message == MovementReport(
        key="balanceUpdate:BTC:1573200697110:-100.00000000",
        kind=MovementKind.TRANSFER,
        market_type=SPOT,
        symbol_id="",
        asset="BTC",
        amount=Decimal(-100),
        posted_at=at(1573200697068),
    )


@pytest.mark.parametrize("name", ["eventStreamTerminated__plain", "answer__key_gone"])
def test_an_end_of_the_subscription_is_told(name: str) -> None:
    (message,) = parse(SPOT, sample(name))

    assert isinstance(message, CredentialExpired)


@pytest.mark.parametrize(
    "name",
    [name for name in FRAMES if name.split("__")[0] in frames.IGNORED]
    + ["answer__subscribed", "answer__bad_signature"],
)
def test_the_rest_is_ignored_by_name(name: str) -> None:
    (message,) = BinanceWebSocket(SPOT).on_message(sample(name))

    assert isinstance(message, IgnoredMessage)


@pytest.mark.parametrize("name", FRAMES)
def test_what_concerns_orders_is_told_at_a_glance(name: str) -> None:
    told = OrderReport | MovementReport
    found = any(isinstance(message, told) for message in parse(SPOT, sample(name)))

    assert concerns_orders(SPOT, sample(name)) is found


def test_futures_events_mean_nothing_here() -> None:
    raw = (FOLDER.parent / "ORDER_TRADE_UPDATE__filled.json").read_bytes()

    (message,) = parse(SPOT, raw)

    assert isinstance(message, IgnoredMessage)


@pytest.mark.parametrize("key", ["s", "S", "i", "q", "z", "X", "x", "T", "o"])
def test_an_order_that_lacks_what_it_is_cannot_be_read(key: str) -> None:
    frame = answer("executionReport__partially_filled")
    del frame["event"][key]

    with pytest.raises(MalformedMessage):
        parse(SPOT, json.dumps(frame))


def test_an_order_is_read_with_its_exact_sum() -> None:
    order = answers.order(answer("rest_order__partially_filled"), requested_at=NOW)

    assert (order.exchange_order_id, order.client_order_id) == ("28", "abc")
    assert (order.filled_quantity, order.filled_quote) == (Decimal("0.1"), Decimal("6000.01"))
    assert order.exchange_updated_at == at(1700000001000)


def test_a_sum_that_is_not_known_any_more_is_none() -> None:
    old = answer("rest_order__partially_filled") | {"cummulativeQuoteQty": "-1.00000000"}

    assert answers.order(old, requested_at=NOW).filled_quote is None


def test_an_answer_to_placing_tells_its_own_time() -> None:
    order = answers.order(answer("rest_order__placed"), requested_at=NOW, source=Source.SUBMIT)

    assert (order.status, order.exchange_updated_at) == (OrderStatus.FILLED, at(1507725176595))


def test_an_answer_to_a_cancel_names_the_order_not_itself() -> None:
    order = answers.order(answer("rest_order__cancelled"), requested_at=NOW)

    assert (order.client_order_id, order.status) == ("abc", OrderStatus.CANCELLED)


def test_a_market_order_for_quote_has_no_quantity_of_its_own() -> None:
    for_quote = answer("rest_order__placed") | {"origQty": "0.0", "origQuoteOrderQty": "10.0"}

    order = answers.order(for_quote, requested_at=NOW)

    assert (order.quantity, order.filled_quantity) == (Decimal(0), Decimal(10))


def test_a_row_of_trades_is_read() -> None:
    fill = answers.execution(answer("rest_myTrades__one")[0])

    assert (fill.exchange_trade_id, fill.exchange_order_id, fill.side) == (
        "28457",
        "100234",
        Side.BUY,
    )
    assert (fill.commission, fill.commission_asset) == (Decimal("10.1"), "BNB")
    assert fill.is_maker is False


def test_balances_are_read_as_assets() -> None:
    held = answers.holdings(answer("rest_account__two"))

    assert [(each.asset, each.quantity, each.symbol_id) for each in held] == [
        ("BTC", Decimal("4723847.89208129"), ""),
        ("LTC", Decimal("4763368.68006011"), ""),
    ]


def test_every_market_that_can_be_read_is_kept_delisted_ones_too() -> None:
    markets = answers.markets(answer("rest_exchangeInfo__four"))

    assert [(market.symbol_id, market.symbol) for market in markets] == [
        ("BTCUSDT", "BTC/USDT"),
        ("币安人生USDT", "币安人生/USDT"),
        ("LUNAUSDT", "LUNA/USDT"),
    ]
    assert {market.minimum_notional for market in markets} == {Decimal(5)}
    assert {market.settle for market in markets} == {None}


@given(
    name=st.sampled_from(FRAMES),
    key=st.text(max_size=2),
    value=st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()),
    which=st.integers(min_value=0),
)
def test_a_frame_with_anything_in_it_is_read_or_refused(
    name: str, key: str, value: object, which: int
) -> None:
    frame = answer(name)
    event = frame.get("event", frame)
    names = [*event, key]
    event[names[which % len(names)]] = value

    with contextlib.suppress(MalformedMessage):
        assert parse(SPOT, json.dumps(frame))
