from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.errors import MalformedMessage
from exchanges.messages import (
    CredentialExpired,
    HoldingsChanged,
    IgnoredMessage,
    MarketType,
    Message,
    OrderReport,
    OrderStatus,
    OrderType,
    Side,
    Source,
    TimeInForce,
)
from exchanges.registry import concerns_orders, parse
from exchanges.upbit_websocket import UpbitWebSocket

FOLDER = Path(__file__).parents[2] / "data" / "upbit"
FRAMES = sorted(path.stem for path in FOLDER.glob("*.json") if not path.stem.startswith("rest_"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["myOrder", "myAsset", "BID", "trade", "1e400", "-1", "NaN", "0"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


def sample(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


def read(name: str, **fields: object) -> Message:
    frame = json.loads(sample(name), parse_float=str) | fields if fields else None
    raw = sample(name) if frame is None else json.dumps(frame).encode()
    (message,) = parse("UPBIT", "SPOT", raw)
    return message


def order(name: str, **fields: object) -> OrderReport:
    message = read(name, **fields)
    assert isinstance(message, OrderReport)
    return message


def read_or_refuse(raw: bytes | str) -> list[Message]:
    """Read a frame, allowing only the one permitted failure."""
    try:
        return parse("UPBIT", "SPOT", raw)
    except MalformedMessage:
        return []


def test_a_fill_is_told_apart_from_the_terms_of_its_order() -> None:
    report = order("myOrder__trade")

    fill = report.execution
    assert fill is not None
    assert (fill.execution_price, fill.execution_quantity) == (Decimal(90000000), Decimal("0.1"))
    assert fill.exchange_trade_id == "68315169-fba4-4175-ade3-aff14a616657"
    assert fill.executed_at == datetime(2024, 3, 18, 8, 46, 30, 421000, tzinfo=UTC)
    assert (fill.commission, fill.commission_asset) == (Decimal(4500), "KRW")
    assert (fill.is_maker, fill.source) == (True, Source.WS)
    assert (report.quantity, report.price) == (Decimal("0.5"), None)
    assert report.exchange_updated_at == datetime(2024, 3, 18, 8, 46, 30, tzinfo=UTC)
    assert report.event_at == datetime(2024, 3, 18, 8, 46, 37, 500000, tzinfo=UTC)
    assert (report.status, report.filled_quantity) == (
        OrderStatus.PARTIALLY_FILLED, Decimal("0.1")
    )  # fmt: skip
    assert (report.filled_quote, report.average_price) == (Decimal(9000000), Decimal(90000000))
    assert (report.side, report.client_order_id) == (Side.BUY, "abc")


def test_a_new_order_tells_its_terms() -> None:
    report = order("myOrder__wait")

    assert (report.quantity, report.price) == (Decimal("0.5"), Decimal(90000000))
    assert (report.status, report.order_type) == (OrderStatus.NEW, OrderType.LIMIT)
    assert report.time_in_force is TimeInForce.GTC
    assert report.execution is None
    assert report.filled_quote is None


def test_the_terms_of_a_fill_are_never_newer_than_those_of_any_other_frame() -> None:
    fill = order("myOrder__trade")

    assert fill.exchange_updated_at <= order("myOrder__wait").exchange_updated_at
    assert fill.exchange_updated_at <= order("myOrder__done").exchange_updated_at


@pytest.mark.parametrize(
    ("name", "status", "filled"),
    [
        ("myOrder__watch", OrderStatus.NEW, "0"),
        ("myOrder__done", OrderStatus.FILLED, "0.5"),
        ("myOrder__cancel_after_fill", OrderStatus.CANCELLED, "0.1"),
        ("myOrder__prevented", OrderStatus.PARTIALLY_FILLED, "0.1"),
        ("myOrder__funds_cancel", OrderStatus.FILLED, "0.00009900"),
    ],
)
def test_every_state_is_understood(name: str, status: OrderStatus, filled: str) -> None:
    report = order(name)

    assert (report.status, report.filled_quantity) == (status, Decimal(filled))


def test_a_post_only_order_that_would_have_taken_is_cancelled() -> None:
    report = order("myOrder__post_only_refused")

    assert (report.status, report.post_only) == (OrderStatus.CANCELLED, True)


@pytest.mark.parametrize("step", ["wait", "trade", "cancel"])
def test_an_order_of_funds_has_no_quantity_and_no_price(step: str) -> None:
    report = order(f"myOrder__funds_{step}")

    assert (report.quantity, report.price) == (Decimal(0), None)
    assert report.order_type is OrderType.MARKET


def test_an_order_of_funds_that_bought_nothing_is_cancelled() -> None:
    report = order("myOrder__funds_cancel", executed_volume="0", executed_funds="0")

    assert report.status is OrderStatus.CANCELLED


def test_a_buy_at_the_best_price_names_funds_and_a_sell_a_quantity() -> None:
    buy = order("myOrder__funds_wait", order_type="best", time_in_force="ioc")
    sell = order("myOrder__wait", order_type="best", ask_bid="ASK", price=None)

    assert (buy.quantity, buy.time_in_force) == (Decimal(0), TimeInForce.IOC)
    assert (sell.quantity, sell.price, sell.side) == (Decimal("0.5"), None, Side.SELL)


def test_what_was_prevented_belongs_to_the_quantity_of_the_order() -> None:
    assert order("myOrder__prevented").quantity == Decimal("0.5")


def test_a_state_nobody_knows_still_tells_progress() -> None:
    report = order("myOrder__done", state="frozen")

    assert (report.status, report.exchange_status) == (None, "frozen")
    assert report.filled_quantity == Decimal("0.5")


def test_a_fill_without_an_id_is_left_to_rest() -> None:
    report = order("myOrder__trade", trade_uuid=None)

    assert report.execution is None
    assert report.filled_quantity == Decimal("0.1")


def test_a_fee_in_another_market_is_paid_in_what_that_is_priced_in() -> None:
    fill = order("myOrder__trade", code="BTC-ETH").execution

    assert fill is not None
    assert fill.commission_asset == "BTC"


def test_a_fee_that_is_not_told_is_not_zero() -> None:
    fill = order("myOrder__trade", trade_fee=None).execution

    assert fill is not None
    assert (fill.commission, fill.commission_asset) == (None, None)


def test_balances_are_told_whole_and_in_places_that_can_be_kept() -> None:
    message = read("myAsset__two")

    assert isinstance(message, HoldingsChanged)
    krw, btc = message.holdings
    assert (krw.asset, krw.symbol_id, krw.market_type) == ("KRW", "", MarketType.SPOT)
    assert krw.quantity == Decimal("1397259.042438157311067756")
    assert (btc.asset, btc.quantity) == ("BTC", Decimal("0.12"))


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("announcement__plain", "announcement"),
        ("status__up", "status"),
        ("answer__subscriptions", "answer"),
        ("error__wrong_format", "error"),
    ],
)
def test_what_is_not_about_the_account_is_ignored_by_name(name: str, event: str) -> None:
    assert read(name) == IgnoredMessage(event=event)


def test_a_token_that_is_not_believed_ends_the_session() -> None:
    assert read("error__invalid_auth") == CredentialExpired(event="INVALID_AUTH")


@pytest.mark.parametrize("name", FRAMES)
def test_only_frames_of_orders_concern_orders(name: str) -> None:
    assert concerns_orders("UPBIT", "SPOT", sample(name)) is name.startswith("myOrder")


def test_what_cannot_be_read_concerns_orders() -> None:
    assert concerns_orders("UPBIT", "SPOT", b'{"type":1}')
    assert concerns_orders("UPBIT", "SPOT", b"[1]")


def test_the_receiving_side_reads_and_remembers_what_it_does_not_know(
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiving = UpbitWebSocket(MarketType.SPOT)

    for _ in range(2):
        receiving.on_message(b'{"type":"myDream"}')
    receiving.on_message(sample("status__up"))

    assert receiving.on_message(sample("myOrder__wait")) == [order("myOrder__wait")]
    assert caplog.text.count("stream.unknown_event_ignored") == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("executed_volume", "-1"),
        ("executed_volume", "NaN"),
        ("executed_volume", "1_000"),
        ("executed_volume", True),
        ("executed_volume", "1" * 21),
        ("volume", [1]),
        ("volume", "0"),
        ("price", None),
        ("ask_bid", "HOLD"),
        ("uuid", ""),
        ("uuid", 5),
        ("code", None),
        ("state", None),
        ("order_type", None),
        ("timestamp", "1710751597500"),
        ("trade_timestamp", 1),
        ("order_timestamp", None),
        ("is_maker", "yes"),
        ("time_in_force", 7),
        ("identifier", "a\nb"),
    ],
)
def test_a_fill_with_one_wrong_field_is_refused_with_its_raw_text(key: str, value: object) -> None:
    frame: dict[str, Any] = json.loads(sample("myOrder__trade"), parse_float=str)
    raw = json.dumps(frame | {key: value})

    with pytest.raises(MalformedMessage) as caught:
        parse("UPBIT", "SPOT", raw)

    assert caught.value.raw == raw


@given(st.binary() | st.text())
def test_any_bytes_are_read_or_refused(raw: bytes | str) -> None:
    read_or_refuse(raw)
    concerns_orders("UPBIT", "SPOT", raw)


@given(JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    read_or_refuse(json.dumps(value))


@given(
    st.sampled_from(["myOrder__trade", "myOrder__done", "myAsset__two", "error__invalid_auth"]),
    st.dictionaries(
        st.sampled_from(
            ["type", "code", "state", "price", "volume", "assets", "error", "timestamp", "uuid"]
        ),
        JSON,
        min_size=1,
        max_size=3,
    ),
)
def test_a_frame_with_anything_in_its_fields_is_read_or_refused(
    name: str, fields: dict[str, Any]
) -> None:
    frame = json.loads(sample(name), parse_float=str)
    read_or_refuse(json.dumps(frame | fields))
