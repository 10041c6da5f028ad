from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges import upbit_answers as answers
from exchanges import upbit_markets
from exchanges.errors import MalformedMessage
from exchanges.messages import MarketType, OrderSnapshot, OrderStatus, OrderType, Side, Source
from exchanges.upbit import place_of
from exchanges.wire import decode

FOLDER = Path(__file__).parents[2] / "data" / "upbit"
SPOT = MarketType.SPOT
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def sample(name: str, **fields: object) -> Any:
    body = decode((FOLDER / f"rest_{name}.json").read_bytes())
    return body | fields if isinstance(body, dict) else body


def order(**fields: object) -> OrderSnapshot:
    return answers.order(sample("order__waiting", **fields), market_type=SPOT, requested_at=NOW)


def test_an_order_is_read_with_its_terms_and_its_progress() -> None:
    snapshot = order()

    assert snapshot.exchange_order_id == "ac2dc2a3-fce9-40a2-a4f6-5987c25c438f"
    assert (snapshot.symbol_id, snapshot.client_order_id) == ("KRW-BTC", "abc")
    assert (snapshot.side, snapshot.order_type) == (Side.BUY, OrderType.LIMIT)
    assert (snapshot.quantity, snapshot.price) == (Decimal("0.5"), Decimal(90000000))
    assert (snapshot.filled_quantity, snapshot.filled_quote) == (Decimal("0.1"), Decimal(9000000))
    assert snapshot.status is OrderStatus.PARTIALLY_FILLED
    assert snapshot.exchange_updated_at == datetime(2024, 3, 18, 8, 46, 30, tzinfo=UTC)


def test_an_order_is_read_again_from_what_was_kept_of_it() -> None:
    snapshot = order()

    again = answers.read_order(
        json.loads(json.dumps(snapshot.raw)),
        market_type=SPOT,
        id_space=snapshot.id_space,
        requested_at=NOW,
        source=Source.REST_ORDER,
    )

    assert again == snapshot


def test_an_order_of_funds_that_ended_as_cancelled_is_filled() -> None:
    snapshot = answers.order(sample("order__funds_cancelled"), market_type=SPOT, requested_at=NOW)

    assert (snapshot.status, snapshot.quantity) == (OrderStatus.FILLED, Decimal(0))
    assert (snapshot.price, snapshot.filled_quote) == (None, Decimal(9999))
    assert snapshot.exchange_updated_at == datetime(2024, 3, 18, 8, 48, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "executed", "status"),
    [
        ("wait", "0", OrderStatus.NEW),
        ("watch", "0", OrderStatus.NEW),
        ("done", "0.5", OrderStatus.FILLED),
        # some of it was prevented from matching with itself
        ("done", "0.3", OrderStatus.CANCELLED),
        ("cancel", "0.1", OrderStatus.CANCELLED),
        ("cancel", "0", OrderStatus.CANCELLED),
        ("cancel", "0.5", OrderStatus.FILLED),
        ("melted", "0.1", None),
    ],
)
def test_what_was_filled_decides_what_a_state_means(
    state: str, executed: str, status: OrderStatus | None
) -> None:
    assert order(state=state, executed_volume=executed).status is status


def test_fills_come_oldest_first_with_their_share_of_the_fee() -> None:
    first, second = answers.executions(sample("order__funds_cancelled"), market_type=SPOT)

    assert (first.execution_quantity, first.commission) == (Decimal("0.000066"), Decimal("3.333"))
    assert (second.execution_quantity, second.commission) == (
        Decimal("0.000033"), Decimal("1.6665")
    )  # fmt: skip
    assert first.commission_asset == "KRW"
    assert place_of(first) == 1710751700000
    assert first.exchange_order_id == "7a73fc1d-1e2b-4a35-8d0f-0a2c3e9b7f11"


def test_a_fill_is_read_again_from_what_was_kept_of_it() -> None:
    for fill in answers.executions(sample("order__funds_cancelled"), market_type=SPOT):
        kept = json.loads(json.dumps(fill.raw))

        assert answers.execution(kept, market_type=SPOT) == fill


def test_no_fee_is_made_up_while_fills_are_missing() -> None:
    body = sample("order__funds_cancelled")
    body["trades"] = body["trades"][:1]

    (fill,) = answers.executions(body, market_type=SPOT)

    assert (fill.commission, fill.commission_asset) == (None, None)


def test_lists_of_orders_bring_no_fills() -> None:
    body = sample("order__waiting")
    del body["trades"]

    assert answers.executions(body, market_type=SPOT) == ()


def test_an_asset_is_held_whole() -> None:
    krw, btc = (answers.holding(row, market_type=SPOT) for row in sample("accounts__two"))

    assert (krw.asset, krw.quantity) == ("KRW", Decimal("1004500.5"))
    assert (btc.asset, btc.quantity) == ("BTC", Decimal("2.50000001"))


def test_markets_are_named_by_base_and_quote() -> None:
    found = upbit_markets.markets(
        [*sample("market_all__three"), {"market": "KRW"}, {"market": "A-B-C"}, 7], SPOT
    )

    assert [(market.symbol_id, market.symbol) for market in found] == [
        ("KRW-BTC", "BTC/KRW"),
        ("BTC-ETH", "ETH/BTC"),
        ("USDT-XRP", "XRP/USDT"),
    ]
    assert [market.minimum_notional for market in found] == [
        Decimal(5000), Decimal("0.00005"), Decimal("0.5")
    ]  # fmt: skip


def test_a_market_with_a_name_of_other_letters_is_a_market() -> None:
    (market,) = upbit_markets.markets([{"market": "KRW-코인"}], SPOT)

    assert market.symbol == "코인/KRW"


@pytest.mark.parametrize(
    ("market", "price", "step"),
    [
        ("KRW-BTC", "145794123", "1000"),
        ("KRW-BTC", "1000000", "1000"),
        ("KRW-ETH", "999999", "500"),
        ("KRW-ETH", "100000", "100"),
        ("KRW-SOL", "50000", "50"),
        ("KRW-SOL", "10000", "10"),
        ("KRW-X", "5000", "5"),
        ("KRW-X", "4999", "1"),
        ("KRW-X", "100", "1"),
        ("KRW-X", "99", "0.1"),
        ("KRW-X", "0.00000900", "0.00000001"),
        ("KRW-USDT", "1400", "0.5"),
        ("KRW-USDT", "5000", "5"),
        ("KRW-USDT", "999", "1"),
        ("BTC-ETH", "0.03", "0.00000001"),
        ("USDT-XRP", "2.5", "0.001"),
    ],
)
def test_the_step_of_a_price_depends_on_the_price(market: str, price: str, step: str) -> None:
    (found,) = upbit_markets.markets([{"market": market}], SPOT)

    assert found.price_step_at(Decimal(price)) == Decimal(step)


def test_a_price_is_rounded_in_favour_of_whoever_orders() -> None:
    price = Decimal(145794123)

    assert upbit_markets.stepped("KRW-BTC", Side.BUY, price) == Decimal(145794000)
    assert upbit_markets.stepped("KRW-BTC", Side.SELL, price) == Decimal(145795000)


def test_a_minute_closed_at_the_price_of_its_candle() -> None:
    assert answers.closing_price(sample("candles__one")) == Decimal(145759000)
    assert answers.closing_price([]) is None


@pytest.mark.parametrize(
    "created_at",
    ["", None, 1710751590000, "2024-03-18", "2024-03-18T17:46:30", "2024-13-18T17:46:30+09:00"],
)
def test_a_time_that_is_none_is_refused(created_at: object) -> None:
    with pytest.raises(MalformedMessage):
        order(created_at=created_at)


@given(
    st.dictionaries(
        st.sampled_from(["created_at", "trades", "volume", "side", "paid_fee", "executed_volume"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text() | st.just("1e5"),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=6), inner),
            max_leaves=6,
        ),
        min_size=1,
    )
)
def test_an_order_with_anything_in_its_fields_is_read_or_refused(fields: dict[str, Any]) -> None:
    body = sample("order__waiting", **fields)
    for reader in (
        lambda: answers.order(body, market_type=SPOT, requested_at=NOW),
        lambda: answers.executions(body, market_type=SPOT),
    ):
        try:
            reader()
        except MalformedMessage:
            continue
