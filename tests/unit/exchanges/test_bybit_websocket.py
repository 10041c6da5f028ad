from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from exchanges.bybit_websocket import BybitWebSocket, concerns_orders, parse
from exchanges.errors import MalformedMessage
from exchanges.messages import (
    ExecutionKind,
    ExecutionReport,
    FillReport,
    HoldingReport,
    HoldingsChanged,
    IgnoredMessage,
    MarketType,
    Message,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Source,
    TimeInForce,
    UnclassifiedMessage,
)
from tests.unit.exchanges.bybit_samples import (
    FRAMES,
    changed,
    market_type_of,
    sample,
    sample_json,
)

T = TypeVar("T", bound=Message)
ORDER_ID = "5cf98598-39a7-459e-97bf-76ca765ee020"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["order.linear", "execution.linear", "Buy", "1e400", "-1", "NaN", "0", ""]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


def read(raw: bytes | str, kind: type[T], market_type: str = "FUTURES") -> T:
    (message,) = parse(MarketType(market_type), raw)
    assert isinstance(message, kind)
    return message


def read_order(name: str, **row: object) -> OrderReport:
    return read(changed(name, **row), OrderReport, market_type_of(name))


def read_fill(name: str, **row: object) -> FillReport:
    return read(changed(name, **row), FillReport, market_type_of(name))


def milliseconds(count: int) -> datetime:
    return datetime.fromtimestamp(count // 1000, UTC).replace(microsecond=count % 1000 * 1000)


def test_an_order_is_read_whole() -> None:
    assert read_order("order__linear_partially_filled") == OrderReport(
        market_type=MarketType.FUTURES,
        symbol_id="BTCUSDT",
        exchange_order_id=ORDER_ID,
        client_order_id="ota1b2c3d4e5f6g7h8",
        status=OrderStatus.PARTIALLY_FILLED,
        exchange_status="PartiallyFilled",
        side=Side.BUY,
        position_side=PositionSide.NET,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal("0.200"),
        filled_quantity=Decimal("0.100"),
        filled_quote=Decimal("6000.01"),
        average_price=Decimal("60000.1"),
        price=Decimal("60000.10"),
        exchange_updated_at=milliseconds(1672364262457),
        event_at=milliseconds(1672364262474),
    )


def test_a_fill_is_told_apart_from_its_order() -> None:
    assert read_fill("execution__linear_first_fill") == FillReport(
        execution=ExecutionReport(
            market_type=MarketType.FUTURES,
            symbol_id="BTCUSDT",
            exchange_order_id=ORDER_ID,
            exchange_trade_id="0ab1bdf7-4219-438b-b30a-32ec863018f7",
            side=Side.BUY,
            execution_price=Decimal("60000.1"),
            execution_quantity=Decimal("0.100"),
            executed_at=milliseconds(1672364262455),
            source=Source.WS,
            is_maker=False,
            commission=Decimal("3.3000055"),
            commission_asset="USDT",
            realized_pnl=Decimal(0),
        ),
        event_at=milliseconds(1672364262460),
        client_order_id="ota1b2c3d4e5f6g7h8",
    )


@pytest.mark.parametrize(
    ("name", "status", "filled", "reason"),
    [
        ("order__linear_new", OrderStatus.NEW, "0", ""),
        ("order__linear_filled", OrderStatus.FILLED, "0.2", ""),
        ("order__linear_filled_again", OrderStatus.FILLED, "0.2", ""),
        ("order__linear_cancelled_after_fill", OrderStatus.CANCELLED, "0.1", "CancelByUser"),
        (
            "order__linear_rejected_with_fill",
            OrderStatus.REJECTED,
            "0.005",
            "not enough to fill it with (EC_NoEnoughQtyToFill)",
        ),
        ("order__linear_untriggered", OrderStatus.NEW, "0", ""),
        ("order__linear_triggered", OrderStatus.NEW, "0", ""),
        ("order__linear_deactivated", OrderStatus.CANCELLED, "0", "CancelByTpSlTsClear"),
        ("order__linear_unknown_status", None, "0", ""),
        ("order__spot_partially_filled_cancelled", OrderStatus.CANCELLED, "0.05", "CancelByUser"),
    ],
)
def test_a_status_is_read(name: str, status: OrderStatus | None, filled: str, reason: str) -> None:
    report = read_order(name)

    assert (report.status, report.filled_quantity) == (status, Decimal(filled))
    assert report.reason == reason


def test_a_conditional_order_tells_its_trigger_and_its_position() -> None:
    report = read_order("order__linear_untriggered")

    assert report.order_type is OrderType.STOP_MARKET
    assert report.stop_price == Decimal(55000)
    assert report.price is None
    assert report.position_side is PositionSide.SHORT


@pytest.mark.parametrize(
    ("stop", "plain", "expected"),
    [
        ("", "Limit", OrderType.LIMIT),
        ("UNKNOWN", "Market", OrderType.MARKET),
        ("Stop", "Limit", OrderType.STOP),
        ("PartialTakeProfit", "Market", OrderType.TAKE_PROFIT_MARKET),
        ("TrailingStop", "Market", OrderType.TRAILING_STOP_MARKET),
        ("MmRateClose", "Market", OrderType.OTHER),
        ("", "Chase", OrderType.OTHER),
    ],
)
def test_an_order_type_is_what_the_order_becomes(
    stop: str, plain: str, expected: OrderType
) -> None:
    report = read_order("order__linear_new", stopOrderType=stop, orderType=plain)

    assert report.order_type is expected


def test_post_only_is_told_and_no_name_is_no_name() -> None:
    report = read_order("order__linear_post_only")

    assert report.time_in_force is TimeInForce.GTX
    assert report.post_only
    assert report.client_order_id is None
    assert report.position_side is PositionSide.LONG


def test_an_order_given_in_quote_is_as_large_as_what_it_filled() -> None:
    ended = read_order("order__spot_market_buy_of_quote")
    working = read_order("order__spot_market_buy_of_quote", orderStatus="PartiallyFilled")
    in_base = read_order("order__spot_market_buy_of_quote", marketUnit="baseCoin")

    assert (ended.quantity, ended.filled_quantity) == (Decimal("0.001666"), Decimal("0.001666"))
    assert working.quantity == 0
    assert in_base.quantity == 100


def test_the_value_of_an_inverse_order_is_not_its_quote() -> None:
    report = read_order("order__inverse_partially_filled")

    assert report.filled_quantity == 200
    assert report.filled_quote is None
    assert report.average_price == 60000


def test_one_frame_tells_of_several_orders() -> None:
    messages = parse(MarketType.FUTURES, sample("order__linear_two_orders"))

    assert [m.symbol_id for m in messages if isinstance(m, OrderReport)] == ["BTCUSDT", "ETHUSDT"]


def test_one_frame_tells_of_several_fills() -> None:
    messages = parse(MarketType.FUTURES, sample("execution__linear_two_of_one_order"))

    fills = [m.execution for m in messages if isinstance(m, FillReport)]
    assert len({fill.exchange_trade_id for fill in fills}) == 2
    assert {fill.exchange_order_id for fill in fills} == {ORDER_ID}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("execution__linear_first_fill", ExecutionKind.TRADE),
        ("execution__linear_block", ExecutionKind.TRADE),
        ("execution__linear_adl", ExecutionKind.ADL),
        ("execution__linear_bust", ExecutionKind.LIQUIDATION),
        ("execution__linear_delivery", ExecutionKind.DELIVERY),
        ("execution__inverse_settle", ExecutionKind.SETTLEMENT),
    ],
)
def test_a_kind_of_fill_is_read(name: str, kind: ExecutionKind) -> None:
    assert read_fill(name).execution.kind is kind


def test_a_trade_of_a_liquidation_order_is_one() -> None:
    fill = read_fill("execution__linear_first_fill", createType="CreateByLiq")

    assert fill.execution.kind is ExecutionKind.LIQUIDATION


def test_funding_is_no_fill_and_hides_none() -> None:
    funding, fill = parse(MarketType.FUTURES, sample("execution__linear_funding_and_fill"))

    assert funding == IgnoredMessage(event="Funding")
    assert isinstance(fill, FillReport)


@pytest.mark.parametrize("name", ["execution__linear_move", "execution__linear_corporate"])
def test_a_kind_that_is_not_known_is_kept(name: str) -> None:
    message = read(sample(name), UnclassifiedMessage)

    assert message.symbol_id == "BTCUSDT"
    assert concerns_orders(MarketType.FUTURES, sample(name))


@pytest.mark.parametrize(
    ("name", "row", "paid", "asset"),
    [
        ("execution__linear_maker_rebate", {}, "-0.600001", "USDT"),
        ("execution__usdc_fill", {}, "3.3000055", "USDC"),
        ("execution__usdc_fill", {"feeCurrency": ""}, "3.3000055", "USDC"),
        ("execution__linear_first_fill", {"feeCurrency": ""}, "3.3000055", "USDT"),
        ("execution__inverse_settle", {}, "0.00000183", "BTC"),
        ("execution__spot_buy", {}, "0.0001", "BTC"),
        ("execution__spot_buy", {"feeCurrency": "MNT"}, "0.0001", "MNT"),
        ("execution__spot_buy", {"feeCurrency": ""}, "0.0001", "BTC"),
        ("execution__spot_buy", {"feeCurrency": "", "execFee": "-0.1"}, "-0.1", "USDT"),
        ("execution__spot_sell_fee_unnamed", {}, "6.00001", "USDT"),
        ("execution__spot_sell_fee_unnamed", {"execFee": "-0.1"}, "-0.1", "BTC"),
        ("execution__spot_sell_fee_unnamed", {"symbol": "FOOBAR"}, "6.00001", None),
    ],
)
def test_a_fee_is_told_with_its_coin(
    name: str, row: dict[str, object], paid: str, asset: str | None
) -> None:
    fill = read_fill(name, **row).execution

    assert (fill.commission, fill.commission_asset) == (Decimal(paid), asset)


def test_a_fee_not_told_is_not_zero() -> None:
    fill = read_fill("execution__linear_first_fill", execFee="").execution

    assert (fill.commission, fill.commission_asset) == (None, None)


def test_rows_of_another_market_type_are_passed_over() -> None:
    assert parse(MarketType.SPOT, sample("order__linear_new")) == [IgnoredMessage(event="linear")]


def test_a_flat_position_is_told() -> None:
    message = read(sample("position__flat"), HoldingsChanged)

    assert message.holdings == (
        HoldingReport(
            market_type=MarketType.FUTURES,
            symbol_id="BTCUSDT",
            quantity=Decimal(0),
            position_side=PositionSide.SHORT,
            updated_at=milliseconds(1697682317038),
        ),
    )


def test_a_short_position_is_less_than_nothing() -> None:
    message = read(changed("position__flat", side="Sell", size="0.5"), HoldingsChanged)

    assert message.holdings[0].quantity == Decimal("-0.5")


def test_coins_are_what_spot_holds() -> None:
    message = read(sample("wallet__unified"), HoldingsChanged, "SPOT")

    assert all(holding.asset and not holding.symbol_id for holding in message.holdings)
    assert parse(MarketType.FUTURES, sample("wallet__unified")) == [IgnoredMessage(event="wallet")]


@pytest.mark.parametrize(
    "name", ["auth__accepted", "auth__refused", "subscribe__accepted", "pong__private"]
)
def test_protocol_is_known_and_says_nothing_about_orders(name: str) -> None:
    assert parse(MarketType.FUTURES, sample(name)) == [IgnoredMessage(event="answer")]
    assert not concerns_orders(MarketType.FUTURES, sample(name))


@pytest.mark.parametrize("name", FRAMES)
def test_every_sample_is_read(name: str) -> None:
    assert parse(MarketType(market_type_of(name)), sample(name))


@pytest.mark.parametrize("name", FRAMES)
def test_a_glance_says_what_reading_says(name: str) -> None:
    market_type = MarketType(market_type_of(name))
    messages = parse(market_type, sample(name))

    expected = any(isinstance(m, OrderReport | FillReport | UnclassifiedMessage) for m in messages)
    assert concerns_orders(market_type, sample(name)) is expected


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe{}", id="bad UTF-8"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"{}", id="nothing"),
        pytest.param(b"[" * 100_000, id="depth bomb"),
        pytest.param(b'{"topic":1,"data":[]}', id="topic is a number"),
        pytest.param(b'{"topic":"order"}', id="no data"),
        pytest.param(b'{"topic":"order","creationTime":1672364262474,"data":{}}', id="no list"),
        pytest.param(b'{"topic":"execution","creationTime":1672364262474,"data":[1]}', id="no row"),
        pytest.param(changed("order__linear_new", side="None"), id="no side"),
        pytest.param(changed("order__linear_new", positionIdx=7), id="unknown position"),
        pytest.param(changed("order__linear_new", orderId=""), id="no id"),
        pytest.param(changed("order__linear_new", qty="-1"), id="negative quantity"),
        pytest.param(changed("order__linear_new", updatedTime="0"), id="no time"),
        pytest.param(changed("execution__linear_first_fill", execQty="0"), id="fill of nothing"),
        pytest.param(changed("execution__linear_first_fill", execPrice=None), id="no price"),
    ],
)
def test_what_cannot_be_read_is_refused_and_kept(raw: bytes) -> None:
    with pytest.raises(MalformedMessage) as caught:
        parse(MarketType.FUTURES, raw)

    assert caught.value.raw == raw.decode("utf-8", "replace")
    assert concerns_orders(MarketType.FUTURES, raw)


@given(value=JSON)
def test_any_row_is_read_or_refused(value: object) -> None:
    for name in ("order__linear_new", "execution__linear_first_fill", "position__flat"):
        frame = sample_json(name)
        frame["data"] = value
        raw = json.dumps(frame)
        concerns_orders(MarketType.FUTURES, raw)
        try:
            parse(MarketType.FUTURES, raw)
        except MalformedMessage:
            continue


@given(field=st.sampled_from(sorted(sample_json("order__linear_new")["data"][0])), value=JSON)
def test_any_value_of_a_field_is_read_or_refused(field: str, value: object) -> None:
    frame = sample_json("order__linear_new")
    frame["data"][0][field] = value
    try:
        parse(MarketType.FUTURES, json.dumps(frame))
    except MalformedMessage as error:
        assert error.raw  # noqa: PT017 - what is refused is kept


def test_a_topic_nobody_knows_is_told_once() -> None:
    receiver = BybitWebSocket(MarketType.FUTURES)

    with capture_logs() as logs:
        for _ in range(2):
            receiver.on_message(b'{"topic":"weather","data":[]}')
            receiver.on_message(sample("execution__linear_move"))
            receiver.on_message(sample("pong__private"))
            receiver.on_message(sample("execution__linear_funding"))

    assert [entry["event_name"] for entry in logs] == ["weather", "MovePosition"]


def test_a_frame_is_read_in_less_than_60_microseconds() -> None:
    raw, best = sample("order__linear_partially_filled"), float("inf")
    for _ in range(20):
        started = time.perf_counter()
        for _ in range(100):
            parse(MarketType.FUTURES, raw)
        best = min(best, (time.perf_counter() - started) / 100)

    assert best < 60e-6
