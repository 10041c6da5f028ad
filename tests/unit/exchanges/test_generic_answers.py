"""What ccxt says of orders, fills and holdings, read as kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges import generic_answers as answers
from exchanges import generic_envelope as envelope
from exchanges.ccxt_frames import concerns_orders, parse
from exchanges.errors import MalformedMessage
from exchanges.messages import (
    ExecutionKind,
    ExecutionReport,
    FillReport,
    IdSpace,
    MarketType,
    OrderReport,
    OrderSnapshot,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Source,
    TimeInForce,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ORDER: dict[str, Any] = {
    "id": "42",
    "clientOrderId": "ours",
    "timestamp": 1795377722000,
    "lastUpdateTimestamp": 1795377722666,
    "lastTradeTimestamp": None,
    "symbol": "BTC/USDT",
    "type": "limit",
    "timeInForce": "GTC",
    "postOnly": False,
    "reduceOnly": False,
    "side": "buy",
    "price": "60000.10",
    "amount": "1",
    "filled": "0.4",
    "remaining": "0.6",
    "average": "59999.123456789012345678901",
    "cost": "24000.04",
    "status": "open",
    "fee": None,
    "trades": [],
    "info": {"ordId": "42"},
}
TRADE: dict[str, Any] = {
    "id": "t-1",
    "order": "42",
    "timestamp": 1795377722660,
    "symbol": "BTC/USDT",
    "side": "buy",
    "takerOrMaker": "maker",
    "price": "60000.10",
    "amount": "0.4",
    "fee": {"cost": "0.01", "currency": "USDT"},
    "fees": [{"cost": "0.01", "currency": "USDT"}],
    "info": {},
}


def snapshot(**changes: object) -> OrderSnapshot:
    return answers.read_order(
        envelope.of_order(ORDER | changes, "BTC-USDT"),
        market_type=MarketType.SPOT,
        id_space=IdSpace.ORDER,
        requested_at=NOW,
        source=Source.REST_ORDER,
    )


def execution(**changes: object) -> ExecutionReport:
    told = envelope.of_trade(TRADE | changes, "BTC-USDT")
    return answers.read_execution(told, market_type=MarketType.SPOT)


def test_an_order_is_read_with_exact_numbers() -> None:
    told = snapshot()
    assert (told.symbol_id, told.exchange_order_id, told.client_order_id) == (
        "BTC-USDT",
        "42",
        "ours",
    )
    assert (told.side, told.order_type, told.time_in_force) == (
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
    )
    assert (told.price, told.quantity, told.filled_quantity) == (
        Decimal("60000.10"),
        Decimal(1),
        Decimal("0.4"),
    )
    assert told.average_price == Decimal("59999.123456789012345679")
    assert told.filled_quote is None  # ccxt may have computed its cost from the order's price
    assert told.exchange_updated_at == datetime(2026, 11, 22, 20, 2, 2, 666000, tzinfo=UTC)
    assert told.status is OrderStatus.PARTIALLY_FILLED


@pytest.mark.parametrize(
    ("status", "filled", "expected"),
    [
        ("open", "0", OrderStatus.NEW),
        ("open", "0.4", OrderStatus.PARTIALLY_FILLED),
        ("canceling", "0.4", OrderStatus.PARTIALLY_FILLED),
        ("closed", "1", OrderStatus.FILLED),
        ("closed", "0.4", OrderStatus.CANCELLED),
        ("closed", "0", OrderStatus.CANCELLED),
        ("canceled", "0.4", OrderStatus.CANCELLED),
        ("canceled", "1", OrderStatus.FILLED),
        ("expired", "0.4", OrderStatus.EXPIRED),
        ("rejected", "0", OrderStatus.REJECTED),
        ("mmp_canceled", "0.4", None),
    ],
)
def test_closed_is_not_filled(status: str, filled: str, expected: OrderStatus | None) -> None:
    told = snapshot(status=status, filled=filled, remaining=None)
    assert told.status is expected
    assert told.exchange_status == status
    assert told.filled_quantity == Decimal(filled)


def test_an_order_that_closed_without_telling_its_fills_is_not_known_to_have_ended() -> None:
    untold = snapshot(filled=None, remaining=None, status="closed")
    assert (untold.status, untold.exchange_status) == (None, "closed")
    assert snapshot(filled=None, remaining="0", status="closed").status is OrderStatus.FILLED


def test_what_ccxt_computes_or_mistakes_is_not_believed() -> None:
    market = snapshot(type="market", price="59999.1", filled=None, remaining="0.25")
    assert market.price is None
    assert market.filled_quantity == Decimal("0.75")
    kraken = snapshot(clientOrderId="0", filled=None, info={"cl_ord_id": "mine", "cum_qty": "0.5"})
    assert (kraken.client_order_id, kraken.filled_quantity) == ("mine", Decimal("0.5"))
    assert snapshot(clientOrderId="0").client_order_id is None
    by_quote = snapshot(amount=None, filled="3", status="closed")
    assert (by_quote.quantity, by_quote.status) == (Decimal(0), OrderStatus.FILLED)


def test_post_only_reduce_only_and_position_side_are_read() -> None:
    told = snapshot(timeInForce="PO", reduceOnly=True, info={"posSide": "short"})
    assert (told.time_in_force, told.post_only, told.reduce_only) == (
        TimeInForce.GTX,
        True,
        True,
    )
    assert told.position_side is PositionSide.SHORT
    odd = snapshot(timeInForce="XYZ", type="iceberg")
    assert (odd.time_in_force, odd.order_type) == (TimeInForce.OTHER, OrderType.OTHER)
    assert snapshot(triggerPrice="5", type="stop").stop_price == Decimal(5)


def test_the_times_told_are_the_exchanges() -> None:
    assert snapshot(lastUpdateTimestamp=None).exchange_updated_at.microsecond == 0
    untold = snapshot(lastUpdateTimestamp=None, timestamp=None)
    assert untold.exchange_updated_at == NOW
    with pytest.raises(MalformedMessage):
        parse(
            MarketType.SPOT,
            envelope.text(
                envelope.of_order(
                    ORDER | {"lastUpdateTimestamp": None, "timestamp": None}, "BTC-USDT"
                )
            ),
        )


@pytest.mark.parametrize("key", ["id", "side", "symbolId", "amount", "filled"])
def test_an_order_that_cannot_be_read_exactly_is_malformed(key: str) -> None:
    told = envelope.of_order(ORDER, "BTC-USDT")
    part: Any = told if key == "symbolId" else told["order"]
    part[key] = {"not": "a value"}
    with pytest.raises(MalformedMessage):
        parse(MarketType.SPOT, envelope.text(told))


def test_a_fill_is_read_with_what_it_cost() -> None:
    told = execution()
    assert (told.execution_price, told.execution_quantity) == (
        Decimal("60000.10"),
        Decimal("0.4"),
    )
    assert (told.commission, told.commission_asset, told.is_maker) == (
        Decimal("0.01"),
        "USDT",
        True,
    )
    assert told.kind is ExecutionKind.TRADE
    assert execution(takerOrMaker=None).is_maker is None
    assert execution(info={"category": "partial_liquidation"}).kind is ExecutionKind.LIQUIDATION
    theirs = {"category": "linear", "execType": "AdlTrade"}
    assert execution(info=theirs).kind is ExecutionKind.ADL
    assert execution(amount="1e-08").execution_quantity == Decimal("0.00000001")


@pytest.mark.parametrize(
    ("fee", "fees", "expected"),
    [
        (None, [], (None, None)),
        ({"cost": None, "currency": None}, [], (None, None)),
        ({"cost": "-0.02", "currency": "BTC"}, [], (Decimal("-0.02"), "BTC")),
        (None, [{"cost": "1", "currency": "A"}, {"cost": "2", "currency": "A"}], (Decimal(3), "A")),
        (None, [{"cost": "0", "currency": "A"}, {"cost": "2", "currency": "B"}], (Decimal(2), "B")),
        (None, [{"cost": "1", "currency": "A"}, {"cost": "2", "currency": "B"}], (Decimal(1), "A")),
    ],
)
def test_fees_of_several_assets_are_not_added(
    fee: object, fees: object, expected: tuple[Decimal | None, str | None]
) -> None:
    told = execution(fee=fee, fees=fees)
    assert (told.commission, told.commission_asset) == expected


@pytest.mark.parametrize(("told", "cost"), [("-0.5", "0.5"), ("0.5", "-0.5"), ("0", "0")])
def test_okx_tells_a_cost_as_a_negative_number(told: str, cost: str) -> None:
    fill = execution(info={"fillFee": told, "fillFeeCcy": "BTC"})
    assert (fill.commission, fill.commission_asset) == (Decimal(cost), "BTC")


@pytest.mark.parametrize("key", ["id", "order", "price", "amount", "timestamp"])
def test_a_fill_without_what_makes_it_one_is_malformed(key: str) -> None:
    with pytest.raises(MalformedMessage):
        execution(**{key: None})


def test_a_frame_tells_an_order_or_a_fill() -> None:
    order, trade = envelope.of_order(ORDER, "BTC-USDT"), envelope.of_trade(TRADE, "BTC-USDT")
    (report,) = parse(MarketType.SPOT, envelope.text(order))
    (fill,) = parse(MarketType.SPOT, envelope.text(trade))
    assert isinstance(report, OrderReport)
    assert report.execution is None
    assert isinstance(fill, FillReport)
    assert (fill.execution.exchange_trade_id, fill.execution.exchange_order_id) == ("t-1", "42")
    assert concerns_orders(MarketType.SPOT, envelope.text(trade))


def test_fills_told_within_an_order_are_read_as_far_as_they_are_fills() -> None:
    within = [{key: value for key, value in TRADE.items() if key != "order"}, {"id": "no price"}]
    told = envelope.of_order(ORDER | {"trades": within}, "BTC-USDT")
    (report,) = parse(MarketType.SPOT, envelope.text(told))
    assert isinstance(report, OrderReport)
    assert report.execution is not None
    assert report.execution.exchange_order_id == "42"


def test_a_frame_is_canonical_and_holds_no_float() -> None:
    order = ORDER | {"info": {"odd": 0.1, "amount": Decimal("1.10"), "list": (1, None)}}
    told = envelope.of_order(order, "BTC-USDT")
    again = envelope.of_order(dict(reversed(order.items())), "BTC-USDT")
    assert envelope.text(told) == envelope.text(again)

    def refuse(number: str) -> None:
        pytest.fail(f"a number with a point: {number}")

    info = json.loads(envelope.text(told), parse_float=refuse)["order"]["info"]
    assert info == {"odd": "0.1", "amount": "1.10", "list": [1, None]}


def test_holdings_are_signed_positions_or_whole_balances() -> None:
    row = {"contracts": "2.5", "side": "short", "entryPrice": "60000", "info": {}}
    held = answers.position(envelope.of_position(row, "X"), market_type=MarketType.FUTURES)
    assert (held.quantity, held.position_side) == (Decimal("-2.5"), PositionSide.NET)
    apart = envelope.of_position(row | {"hedged": True}, "X")
    told = answers.position(apart, market_type=MarketType.FUTURES)
    assert told.position_side is PositionSide.SHORT
    (balance,) = answers.balances({"total": {"BTC": "1.5"}, "free": {"BTC": "1"}})
    assert (balance.asset, balance.quantity) == ("BTC", Decimal("1.5"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["buy", "open", "1e400", "1e-99", "-1", "NaN", "0", "BTC-USDT"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


def read_or_refuse(raw: bytes) -> None:
    """Read a frame, allowing only the one permitted failure."""
    try:
        parse(MarketType.SPOT, raw)
    except MalformedMessage:
        assert concerns_orders(MarketType.SPOT, raw)


@given(JSON)
def test_any_json_is_read_or_refused(told: object) -> None:
    read_or_refuse(json.dumps(told).encode())


@given(st.sampled_from(sorted(ORDER)), st.sampled_from(sorted(TRADE)), JSON)
def test_any_value_anywhere_is_read_or_refused(one: str, other: str, value: object) -> None:
    for told in ({"order": ORDER | {one: value}}, {"trade": TRADE | {other: value}}):
        read_or_refuse(json.dumps({"symbolId": "BTC-USDT"} | told).encode())


@given(st.binary())
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    read_or_refuse(raw)
