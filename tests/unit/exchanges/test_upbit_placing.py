"""How orders are written down for Upbit, what its refusals mean, what it tells of a key."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges import upbit_answers as answers
from exchanges import upbit_requests as requests
from exchanges.errors import (
    AuthenticationError,
    ExchangeError,
    MalformedMessage,
    OrderRefused,
    OutcomeUnknown,
)
from exchanges.http_session import Answer
from exchanges.messages import MarketType, OrderType, Side, TimeInForce
from exchanges.questions import KeyPermissions, NewOrder
from exchanges.refusals import RefusalKind
from exchanges.upbit_errors import read_answer
from exchanges.wire import decode

FOLDER = Path(__file__).parents[2] / "data" / "upbit"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def sample(name: str) -> Any:
    return decode((FOLDER / f"rest_{name}.json").read_bytes())


def an_order(**changes: Any) -> NewOrder:
    terms: dict[str, Any] = {
        "market_type": MarketType.SPOT,
        "symbol_id": "KRW-BTC",
        "client_order_id": "mine",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal("0.1"),
        "price": Decimal(90_000_000),
    }
    return NewOrder(**(terms | changes))


def by_money(side: Side) -> NewOrder:
    return an_order(
        side=side,
        order_type=OrderType.MARKET,
        price=None,
        quantity=Decimal(0),
        quote_quantity=Decimal(50_000),
    )


def refused(name: str, *, status: int = 400) -> ExchangeError:
    body = json.dumps({"error": {"name": name, "message": "no"}}).encode()
    told = Answer(status=status, headers={}, body=body, requested_at=NOW, received_at=NOW)
    with pytest.raises(ExchangeError) as caught:
        read_answer(told, changes_orders=True)
    return caught.value


def test_a_market_buy_for_an_amount_of_money_needs_no_price() -> None:
    order = by_money(Side.BUY)

    assert not requests.needs_price(order)
    assert requests.terms(order, None) == {
        "market": "KRW-BTC",
        "side": "bid",
        "identifier": "mine",
        "ord_type": "price",
        "price": "50000",
    }


def test_a_market_buy_of_a_quantity_spends_what_that_is_worth() -> None:
    order = an_order(order_type=OrderType.MARKET, price=None)

    assert requests.needs_price(order)
    assert requests.terms(order, Decimal(82_900_001))["price"] == "8290001"


@pytest.mark.parametrize(
    ("force", "name"),
    [(TimeInForce.IOC, "ioc"), (TimeInForce.FOK, "fok"), (TimeInForce.GTX, "post_only")],
)
def test_a_limit_order_says_how_long_it_stays(force: TimeInForce, name: str) -> None:
    assert requests.terms(an_order(time_in_force=force), None)["time_in_force"] == name


@pytest.mark.parametrize(
    "order",
    [
        by_money(Side.SELL),
        an_order(order_type=OrderType.STOP, stop_price=Decimal(1)),
        an_order(reduce_only=True),
        an_order(time_in_force=TimeInForce.GTD),
    ],
    ids=["sell by money", "stop", "reduce-only", "good till date"],
)
def test_what_upbit_cannot_be_told_is_not_sent(order: NewOrder) -> None:
    with pytest.raises(OrderRefused) as caught:
        requests.terms(order, Decimal(82_900_000))

    assert caught.value.kind is RefusalKind.NOT_OFFERED


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("insufficient_funds_bid", RefusalKind.INSUFFICIENT_FUNDS),
        ("insufficient_funds_ask", RefusalKind.INSUFFICIENT_FUNDS),
        ("under_min_total_bid", RefusalKind.BELOW_MINIMUM),
        ("invalid_price_ask", RefusalKind.WRONG_STEP),
        ("market_offline", RefusalKind.MARKET_CLOSED),
        ("create_bid_error", RefusalKind.OTHER),
    ],
)
def test_a_refusal_says_what_the_order_ran_into(name: str, kind: RefusalKind) -> None:
    told = refused(name)

    assert isinstance(told, OrderRefused)
    assert (told.kind, told.code) == (kind, name)


def test_an_identifier_used_twice_is_no_refusal() -> None:
    assert isinstance(refused("duplicate_identifier"), OutcomeUnknown)


@pytest.mark.parametrize(("name", "is_ours"), [("abc", True), (None, True), ("other", False)])
def test_an_answer_that_names_another_order_is_none(name: str | None, *, is_ours: bool) -> None:
    told = answers.order(
        sample("order__waiting") | {"identifier": name},
        market_type=MarketType.SPOT,
        requested_at=NOW,
    )
    if is_ours:
        assert answers.answering(an_order(client_order_id="abc"), told) is told
    else:
        with pytest.raises(MalformedMessage):
            answers.answering(an_order(client_order_id="abc"), told)


@pytest.mark.parametrize("name", ["out_of_scope", "expired_access_key", "no_authorization_ip"])
def test_what_a_key_may_not_do_is_told_of_the_key(name: str) -> None:
    assert isinstance(refused(name, status=401), AuthenticationError)


def test_what_no_order_has_locked_is_available() -> None:
    body = sample("accounts__two")

    assert answers.available(body, body[0]["currency"]) == Decimal(body[0]["balance"])
    assert answers.available(body, "DOGE") == 0


def test_the_last_price_is_that_of_the_last_trade() -> None:
    assert answers.last_price(sample("ticker__one")) == Decimal(82_900_000)


def test_of_a_key_only_its_end_is_known() -> None:
    body = sample("api_keys__two")

    told = answers.permissions(body, "other")

    assert told == KeyPermissions(expires_at=datetime(2027, 1, 31, tzinfo=UTC))
    assert answers.permissions(body, "of nobody") == KeyPermissions()


ROWS = st.lists(
    st.dictionaries(
        st.sampled_from(["currency", "balance", "access_key", "expire_at", "trade_price"]),
        st.none() | st.booleans() | st.integers() | st.sampled_from(["", "KRW", "1e5", "mine"]),
    )
    | st.none(),
    max_size=3,
)


@given(ROWS | st.none() | st.dictionaries(st.text(max_size=3), st.integers()))
def test_whatever_is_answered_is_read_or_refused(body: object) -> None:
    for read in (
        lambda: answers.last_price(body),
        lambda: answers.available(body, "KRW"),
        lambda: answers.permissions(body, "mine"),
    ):
        with suppress(MalformedMessage):
            read()
