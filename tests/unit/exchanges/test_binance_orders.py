"""Binance's answers about placing, as its documentation shows them."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges import binance_answers as answers
from exchanges import binance_filters as filters
from exchanges import binance_spot_answers as spot
from exchanges.binance_orders import read_batch
from exchanges.binance_permissions import permissions
from exchanges.errors import MalformedMessage, OrderRefused, OutcomeUnknown
from exchanges.messages import (
    IdSpace,
    MarketType,
    OrderSnapshot,
    OrderStatus,
    OrderType,
    Side,
    Source,
)
from exchanges.questions import NewOrder
from exchanges.wire import decode
from tests.unit.exchanges.samples import sample

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FUTURES, SPOT = MarketType.FUTURES, MarketType.SPOT
ORDER = NewOrder(
    market_type=FUTURES,
    symbol_id="BTCUSDT",
    client_order_id="ota1",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    quantity=Decimal(10),
    price=Decimal(60000),
)
OTHER = replace(ORDER, client_order_id="ota2", side=Side.SELL, reduce_only=True)


def answer(name: str) -> Any:
    return decode(sample(name))


def read(row: object) -> OrderSnapshot:
    return answers.order(row, market_type=FUTURES, requested_at=NOW, source=Source.SUBMIT)


def test_the_answer_to_a_conditional_order_is_the_algo_order() -> None:
    placed = answers.read_order(
        answer("rest_algoOrder__placed"),
        market_type=FUTURES,
        id_space=IdSpace.ALGO,
        requested_at=NOW,
        source=Source.SUBMIT,
    )

    assert (placed.id_space, placed.source) == (IdSpace.ALGO, Source.SUBMIT)
    assert (placed.exchange_order_id, placed.client_order_id) == ("2146760", "ota1")
    assert (placed.order_type, placed.status) == (OrderType.TAKE_PROFIT, OrderStatus.NEW)
    assert (placed.stop_price, placed.price) == (Decimal(750), Decimal(750))
    assert placed.child_order_id is None


def test_each_order_of_a_batch_is_taken_or_refused_for_itself() -> None:
    first, second = read_batch(answer("rest_batchOrders__one_refused"), [ORDER, OTHER], read)

    assert isinstance(first, OrderSnapshot)
    assert (first.client_order_id, first.exchange_order_id) == ("ota1", "22542179")
    assert isinstance(second, OrderRefused)
    assert second.code == "-2022"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda row: row | {"clientOrderId": "another"}, id="another order"),
        pytest.param(lambda row: row | {"symbol": "ETHUSDT"}, id="another market"),
        pytest.param(lambda row: row | {"orderId": None}, id="no number"),
        pytest.param(lambda _row: {}, id="nothing"),
        pytest.param(lambda _row: None, id="null"),
    ],
)
def test_a_row_that_is_not_about_the_order_leaves_it_open(
    spoil: Callable[[dict[str, Any]], Any],
) -> None:
    good, refused = answer("rest_batchOrders__one_refused")

    first, second = read_batch([spoil(good), refused], [ORDER, OTHER], read)

    assert type(first) is OutcomeUnknown
    assert isinstance(second, OrderRefused)


def test_answers_in_another_order_than_the_orders_tell_of_none() -> None:
    good, refused = answer("rest_batchOrders__one_refused")

    with pytest.raises(MalformedMessage):
        read_batch([refused, good], [ORDER, OTHER], read)


@pytest.mark.parametrize("body", [[], {}, None, [{}], [{}, {}, {}]])
def test_a_batch_that_is_not_answered_one_by_one_cannot_be_read(body: object) -> None:
    with pytest.raises(MalformedMessage):
        read_batch(body, [ORDER, OTHER], read)


def test_an_amended_order_of_spot_keeps_the_name_that_was_sent() -> None:
    order = spot.amended(answer("spot/rest_order__amended"))

    told = spot.order(order, requested_at=NOW, source=Source.SUBMIT)

    assert (told.exchange_order_id, told.client_order_id) == ("33", "PFaq6hIHxqFENGfdtn4J6Q")
    assert (told.quantity, told.price, told.status) == (Decimal(5), Decimal(6), OrderStatus.NEW)
    assert told.exchange_updated_at == datetime(2025, 3, 14, 4, 26, 50, 255000, tzinfo=UTC)
    assert spot.order(told.raw, requested_at=NOW, source=Source.SUBMIT) == told


@pytest.mark.parametrize("gone", ["qty", "orderId", "status"])
def test_an_amended_order_that_cannot_be_read_is_malformed(gone: str) -> None:
    body = answer("spot/rest_order__amended")
    del body["amendedOrder"][gone]

    with pytest.raises(MalformedMessage):
        spot.order(spot.amended(body), requested_at=NOW)


def test_what_is_available_is_never_below_nothing() -> None:
    balances = answer("rest_balance__two")

    assert answers.available(balances, "USDT") == Decimal("23.72469206")
    assert answers.available(balances, "BNB") == 0
    assert answers.available(balances, "BTC") == 0


def test_on_spot_what_orders_lock_is_not_available() -> None:
    account = answer("spot/rest_account__two")
    free = {row["asset"]: Decimal(row["free"]) for row in account["balances"]}

    assert {asset: spot.available(account, asset) for asset in free} == free
    assert spot.available(account, "DOGE") == 0


@pytest.mark.parametrize(
    ("body", "price"),
    [
        ({"symbol": "BTCUSDT", "price": "6000.01", "time": 1589437530011}, Decimal("6000.01")),
        ([{"symbol": "BTCUSDT", "ps": "BTCUSDT", "price": "9647.8"}], Decimal("9647.8")),
        ({"symbol": "BTCUSDT", "price": "0"}, None),
        ({"symbol": "BTCUSDT"}, None),
    ],
)
def test_the_last_price_is_read(body: object, price: Decimal | None) -> None:
    assert filters.last_price(body, "BTCUSDT") == price


@pytest.mark.parametrize("body", [{}, [], None, {"symbol": "ETHUSDT", "price": "1"}])
def test_a_price_of_another_market_is_none_of_ours(body: object) -> None:
    with pytest.raises(MalformedMessage):
        filters.last_price(body, "BTCUSDT")


def test_a_key_s_permissions_are_those_of_its_market_type() -> None:
    told = answer("rest_apiRestrictions__expiring")

    futures, on_spot = permissions(told, FUTURES), permissions(told, SPOT)

    assert (futures.can_trade, on_spot.can_trade) == (True, False)
    assert (futures.can_withdraw, futures.can_transfer) == (False, True)
    assert futures.is_ip_bound is False
    assert futures.expires_at == datetime(2024, 2, 3, 23, 0, tzinfo=UTC)


def test_a_bound_key_does_not_expire() -> None:
    told = answer("rest_apiRestrictions__expiring") | {"ipRestrict": True}
    del told["tradingAuthorityExpirationTime"]

    assert permissions(told, FUTURES).expires_at is None


@pytest.mark.parametrize("gone", ["enableFutures", "enableWithdrawals", "ipRestrict"])
def test_permissions_that_are_not_told_are_not_made_up(gone: str) -> None:
    told = answer("rest_apiRestrictions__expiring")
    del told[gone]

    with pytest.raises(MalformedMessage):
        permissions(told, FUTURES)


READERS: dict[str, Callable[[Any], object]] = {
    "rest_algoOrder__placed": lambda body: answers.algo_order(
        body, market_type=FUTURES, requested_at=NOW
    ),
    "rest_batchOrders__one_refused": lambda body: read_batch(body, [ORDER, OTHER], read),
    "rest_balance__two": lambda body: answers.available(body, "USDT"),
    "rest_apiRestrictions__expiring": lambda body: permissions(body, FUTURES),
    "spot/rest_order__amended": lambda body: spot.order(spot.amended(body), requested_at=NOW),
    "spot/rest_account__two": lambda body: spot.available(body, "BTC"),
}
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["-1", "NaN", "1e400"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(READERS)), st.data())
def test_an_odd_answer_is_read_or_refused(name: str, data: st.DataObject) -> None:
    body = answer(name)
    target = body
    for _ in range(data.draw(st.integers(0, 3))):
        values = target.values() if isinstance(target, dict) else target
        inner = [value for value in values if isinstance(value, dict | list) and value]
        target = data.draw(st.sampled_from(inner)) if inner else target
    keys = sorted(target) if isinstance(target, dict) else range(len(target))
    target[data.draw(st.sampled_from(list(keys)))] = data.draw(ODD)

    with contextlib.suppress(MalformedMessage):
        READERS[name](body)
