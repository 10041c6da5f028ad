"""How orders are written down for Bybit, what became of each of several, what a key may do."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges import bybit_answers as answers
from exchanges import bybit_holdings, bybit_keys
from exchanges import bybit_requests as requests
from exchanges import bybit_vocabulary as words
from exchanges.bybit import ADAPTER
from exchanges.bybit_errors import Failure, classify
from exchanges.bybit_refusals import in_words
from exchanges.errors import (
    ExchangeError,
    MalformedMessage,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
)
from exchanges.messages import MarketType, OrderStatus, OrderType, PositionSide, Side, TimeInForce
from exchanges.questions import Amendment, KeyPermissions, NewOrder, OrderRef
from exchanges.refusals import RefusalKind
from exchanges.triggers import refuse_what_would_trigger
from tests.unit.exchanges.bybit_samples import result, sample_json

FUTURES, SPOT, COIN = MarketType.FUTURES, MarketType.SPOT, MarketType.COIN_FUTURES
BUY, SELL = Side.BUY, Side.SELL
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def an_order(**changes: Any) -> NewOrder:
    terms: dict[str, Any] = {
        "market_type": FUTURES,
        "symbol_id": "BTCUSDT",
        "client_order_id": "mine",
        "side": BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal("0.10"),
        "price": Decimal(60000),
    }
    return NewOrder(**(terms | changes))


def waiting(order_type: OrderType, side: Side, market_type: MarketType = FUTURES) -> NewOrder:
    has_price = order_type in (OrderType.STOP, OrderType.TAKE_PROFIT)
    return an_order(
        market_type=market_type,
        order_type=order_type,
        side=side,
        price=Decimal(60000) if has_price else None,
        stop_price=Decimal(61000),
    )


def failure(code: str, text: str = "") -> ExchangeError:
    return classify(
        Failure(status=200, code=code, text=text, retry_after=None, changes_orders=True)
    )


# ------------------------------------------------------------------------------ orders


@pytest.mark.parametrize(
    ("order_type", "side", "plain", "direction"),
    [
        (OrderType.STOP, BUY, "Limit", 1),
        (OrderType.STOP, SELL, "Limit", 2),
        (OrderType.STOP_MARKET, BUY, "Market", 1),
        (OrderType.STOP_MARKET, SELL, "Market", 2),
        (OrderType.TAKE_PROFIT, BUY, "Limit", 2),
        (OrderType.TAKE_PROFIT, SELL, "Limit", 1),
        (OrderType.TAKE_PROFIT_MARKET, BUY, "Market", 2),
        (OrderType.TAKE_PROFIT_MARKET, SELL, "Market", 1),
    ],
)
def test_a_conditional_order_says_which_way_the_price_has_to_go(
    order_type: OrderType, side: Side, plain: str, direction: int
) -> None:
    sent = requests.terms(waiting(order_type, side))
    body = {"result": {"orderId": "1", "orderLinkId": "mine"}, "time": 1_700_000_000_000}

    assert sent["orderType"] == plain
    assert (sent["triggerPrice"], sent["triggerDirection"]) == ("61000", direction)
    assert sent["triggerBy"] == "LastPrice"
    assert ("price" in sent) is (plain == "Limit")
    read = answers.accepted(answers.taken(body, sent), market_type=FUTURES, requested_at=NOW)
    assert (read.order_type, read.stop_price) == (order_type, Decimal(61000))


@pytest.mark.parametrize("order_type", sorted(words.CONDITIONAL))
def test_a_conditional_order_of_spot_is_filed_as_one(order_type: OrderType) -> None:
    sent = requests.terms(waiting(order_type, BUY, SPOT))

    assert sent["orderFilter"] == "StopOrder"
    assert sent.get("marketUnit", "baseCoin") == "baseCoin"
    assert not {"positionIdx", "reduceOnly", "triggerBy"} & set(sent)


@pytest.mark.parametrize(
    ("order_type", "side", "last", "refuses"),
    [
        (OrderType.STOP_MARKET, BUY, "60999", False),
        (OrderType.STOP_MARKET, BUY, "61000", True),
        (OrderType.STOP_MARKET, SELL, "61001", False),
        (OrderType.STOP_MARKET, SELL, "61000", True),
        (OrderType.TAKE_PROFIT, BUY, "60999", True),
        (OrderType.TAKE_PROFIT, SELL, "60999", False),
    ],
)
def test_an_order_that_would_not_wait_is_refused(
    order_type: OrderType, side: Side, last: str, *, refuses: bool
) -> None:
    order = waiting(order_type, side)
    refuse_what_would_trigger(order, None)
    if not refuses:
        refuse_what_would_trigger(order, Decimal(last))
        return

    with pytest.raises(OrderRefused) as caught:
        refuse_what_would_trigger(order, Decimal(last))

    assert caught.value.kind is RefusalKind.WOULD_TRIGGER


@pytest.mark.parametrize(
    ("force", "name"),
    [
        (TimeInForce.GTC, "GTC"),
        (TimeInForce.IOC, "IOC"),
        (TimeInForce.FOK, "FOK"),
        (TimeInForce.GTX, "PostOnly"),
    ],
)
def test_a_limit_order_says_how_long_it_stays(force: TimeInForce, name: str) -> None:
    assert requests.terms(an_order(time_in_force=force))["timeInForce"] == name


def test_money_is_spent_in_spot_alone_and_has_no_quantity_yet() -> None:
    by_money = {
        "order_type": OrderType.MARKET,
        "price": None,
        "quantity": Decimal(0),
        "quote_quantity": Decimal("12.50"),
    }
    sent = requests.terms(an_order(market_type=SPOT, **by_money))
    body = {"result": {"orderId": "1", "orderLinkId": "mine"}, "time": 1_700_000_000_000}

    assert (sent["qty"], sent["marketUnit"]) == ("12.50", "quoteCoin")
    read = answers.accepted(answers.taken(body, sent), market_type=SPOT, requested_at=NOW)
    assert read.quantity == 0
    with pytest.raises(OrderRefused) as caught:
        requests.terms(an_order(**by_money))
    assert caught.value.kind is RefusalKind.NOT_OFFERED


@pytest.mark.parametrize(
    "changes",
    [
        {"order_type": OrderType.TRAILING_STOP_MARKET},
        {"order_type": OrderType.STOP, "stop_price": None},
        {"time_in_force": TimeInForce.GTD},
        {"price": None},
        {"market_type": SPOT, "reduce_only": True},
    ],
)
def test_what_bybit_cannot_be_told_is_not_sent(changes: dict[str, Any]) -> None:
    with pytest.raises(OrderRefused) as caught:
        requests.terms(an_order(**changes))

    assert caught.value.kind is RefusalKind.NOT_OFFERED


def test_an_amendment_names_the_order_and_both_numbers() -> None:
    ref = OrderRef(market_type=COIN, symbol_id="BTCUSD", exchange_order_id="17")
    changed = Amendment(ref=ref, side=BUY, quantity=Decimal(800), price=Decimal("1E+3"))

    assert requests.amendment(changed) == {
        "category": "inverse",
        "symbol": "BTCUSD",
        "orderId": "17",
        "qty": "800",
        "price": "1000",
    }


# ------------------------------------------------------------------------------ several


def sent_together() -> list[dict[str, object]]:
    btc = an_order(market_type=SPOT, client_order_id="spot-btc-03")
    atom = an_order(market_type=SPOT, client_order_id="spot-atom-03", symbol_id="ATOMUSDT")
    return [requests.terms(btc), requests.terms(atom)]


def test_several_orders_share_one_category() -> None:
    sent = sent_together()

    body = requests.batch(SPOT, sent)

    assert body["category"] == "spot"
    assert body["request"] == [{k: v for k, v in one.items() if k != "category"} for one in sent]


def test_each_of_several_orders_has_an_answer_of_its_own() -> None:
    taken, refused = answers.taken_together(sample_json("rest_create_batch__two"), sent_together())

    assert not isinstance(taken, ExchangeError)
    read = answers.accepted(taken, market_type=SPOT, requested_at=NOW)
    assert (read.exchange_order_id, read.client_order_id) == ("1666800494330512128", "spot-btc-03")
    assert read.status is OrderStatus.NEW
    assert (
        answers.read_order(
            read.raw, market_type=SPOT, id_space=read.id_space, requested_at=NOW, source=read.source
        )
        == read
    )
    assert isinstance(refused, OrderRefused)
    assert (refused.kind, refused.code) == (RefusalKind.BELOW_MINIMUM, "170140")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ({"code": 170141, "msg": "Duplicate clientOrderId"}, OutcomeUnknown),
        ({"code": 10006, "msg": "Too many visits"}, RateLimited),
        ({"msg": "OK"}, OutcomeUnknown),
        ({"code": False, "msg": "OK"}, OutcomeUnknown),
        ({"code": 0, "msg": "OK"}, OutcomeUnknown),
    ],
    ids=["duplicate", "limit", "no code", "no number", "another order"],
)
def test_one_of_several_may_be_in_doubt(code: dict[str, object], kind: type[Exception]) -> None:
    body = sample_json("rest_create_batch__two")
    body["retExtInfo"]["list"][1] = code

    _, other = answers.taken_together(body, sent_together())

    assert type(other) is kind


def test_fewer_answers_than_orders_tell_of_none() -> None:
    body = sample_json("rest_create_batch__two")
    body["retExtInfo"]["list"].pop()

    with pytest.raises(MalformedMessage):
        answers.taken_together(body, sent_together())


def test_answers_in_another_order_than_the_orders_tell_of_none() -> None:
    body = sample_json("rest_create_batch__two")
    body["result"]["list"].reverse()
    body["retExtInfo"]["list"].reverse()

    with pytest.raises(MalformedMessage):
        answers.taken_together(body, sent_together())


def test_an_answer_that_names_another_order_tells_nothing() -> None:
    body = {"result": {"orderId": "1", "orderLinkId": "another"}, "time": 1_700_000_000_000}

    with pytest.raises(MalformedMessage):
        answers.taken(body, requests.terms(an_order()))


def test_no_more_are_sent_at_once_than_are_counted_in_a_second() -> None:
    for market_type in MarketType:
        facts = ADAPTER.of(market_type)
        names = {pool.name: pool.rate.limit for pool in facts.limits[market_type].pools}
        assert facts.batch_size <= names["batch"]
        assert facts.conditional_types == words.CONDITIONAL
        assert facts.takes_quote_quantity is (market_type is SPOT)


# ------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        ("110007", "ab not enough for new order", RefusalKind.INSUFFICIENT_FUNDS),
        ("170131", "Insufficient balance.", RefusalKind.INSUFFICIENT_FUNDS),
        ("110094", "Order does not meet minimum order value", RefusalKind.BELOW_MINIMUM),
        ("110003", "", RefusalKind.PRICE_OUT_OF_BAND),
        ("110017", "", RefusalKind.NOTHING_TO_REDUCE),
        ("110092", "", RefusalKind.WOULD_TRIGGER),
        ("110020", "", RefusalKind.TOO_MANY_ORDERS),
        ("170810", "", RefusalKind.TOO_MANY_ORDERS),
        ("170218", "", RefusalKind.WOULD_TAKE),
        ("170137", "Order volume decimal too long.", RefusalKind.WRONG_STEP),
        ("10001", "Qty invalid", RefusalKind.WRONG_STEP),
        ("10001", "position idx not match position mode", RefusalKind.POSITION_SIDE),
        ("10001", "The number of contracts is below minimum limit", RefusalKind.BELOW_MINIMUM),
        ("10001", "something else", RefusalKind.OTHER),
        ("199999", "never seen", RefusalKind.OTHER),
    ],
)
def test_a_refusal_says_what_the_order_ran_into(code: str, text: str, kind: RefusalKind) -> None:
    refused = failure(code, text)

    assert isinstance(refused, OrderRefused)
    assert (refused.kind, refused.code) == (kind, code)
    assert text in str(refused)


@pytest.mark.parametrize("code", ["110072", "170141", "110030", "10000", "170146"])
def test_a_name_used_twice_or_a_timeout_is_no_refusal(code: str) -> None:
    assert isinstance(failure(code), OutcomeUnknown)


def test_a_name_used_twice_is_no_refusal_whatever_the_code() -> None:
    assert isinstance(failure("10001", "OrderLinkedID is Duplicate"), OutcomeUnknown)


def test_why_an_order_ended_is_told_in_words_beside_the_name() -> None:
    told = in_words("EC_PostOnlyWillTakeLiquidity")

    assert told == "post-only, and it would have taken (EC_PostOnlyWillTakeLiquidity)"
    assert in_words("EC_Others") == "EC_Others"
    assert in_words("") == ""


# ------------------------------------------------------------------------------ money and keys


def test_the_last_price_is_that_of_the_last_trade() -> None:
    body = sample_json("rest_tickers__spot")

    assert answers.last_price(body) == Decimal("20533.13")
    body["result"]["list"][0]["lastPrice"] = ""
    assert answers.last_price(body) is None
    body["result"]["list"] = []
    assert answers.last_price(body) is None


def test_what_is_available_is_what_neither_orders_nor_positions_use() -> None:
    (account,) = result("rest_wallet_balance__one")["list"]
    account["coin"][0] |= {
        "walletBalance": "10",
        "equity": "12",
        "spotBorrow": "1",
        "locked": "2",
        "totalOrderIM": "0.5",
        "totalPositionIM": "3",
    }

    assert bybit_holdings.available(account, SPOT, "BTC") == Decimal("3.5")
    assert bybit_holdings.available(account, COIN, "BTC") == Decimal("6.5")
    assert bybit_holdings.available(account, COIN, "ETH") == 0
    account["coin"][0]["locked"] = "20"
    assert bybit_holdings.available(account, SPOT, "BTC") == 0


def permissions(market_type: MarketType = FUTURES, **changes: object) -> KeyPermissions:
    body = sample_json("rest_query_api__plain")
    body["result"] |= changes
    return bybit_keys.permissions(body, market_type)


def test_a_key_tells_what_it_may_do() -> None:
    told = permissions()

    assert (told.can_trade, told.can_withdraw, told.can_transfer) == (True, False, True)
    assert told.is_ip_bound is False
    assert told.expires_at == datetime(2023, 12, 22, 7, 20, 25, tzinfo=UTC)
    assert told.owner_id == "24617703"


def test_a_key_that_only_reads_may_do_nothing_else() -> None:
    told = permissions(readOnly=1)

    assert (told.can_trade, told.can_withdraw, told.can_transfer) == (False, False, False)


@pytest.mark.parametrize(
    ("granted", "market_type", "expected"),
    [
        ({"Spot": ["SpotTrade"]}, SPOT, (True, False, False)),
        ({"Spot": ["SpotTrade"]}, FUTURES, (False, False, False)),
        ({"ContractTrade": ["Order"]}, COIN, (True, False, False)),
        ({"ContractTrade": ["Position"]}, COIN, (False, False, False)),
        ({"Wallet": ["Withdraw"]}, SPOT, (False, True, False)),
        ({"Wallet": ["SubMemberTransfer"]}, SPOT, (False, False, True)),
        ({"FiatP2P": ["FiatP2POrder", "Advertising"]}, SPOT, (False, False, True)),
        ({"Wallet": None}, SPOT, (False, False, False)),
    ],
)
def test_permissions_are_read_by_group(
    granted: dict[str, object], market_type: MarketType, expected: tuple[bool, bool, bool]
) -> None:
    told = permissions(market_type, permissions=granted)

    assert (told.can_trade, told.can_withdraw, told.can_transfer) == expected


def test_a_key_bound_to_addresses_does_not_end() -> None:
    told = permissions(ips=["192.0.2.1", "192.0.2.2"], expiredAt="1970-01-01T00:00:00Z")

    assert told.is_ip_bound is True
    assert told.expires_at is None
    assert permissions(ips=[], expiredAt="").is_ip_bound is False
    in_part = permissions(expiredAt="2026-12-22T07:20:25.5Z").expires_at
    assert in_part == datetime(2026, 12, 22, 7, 20, 25, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"readOnly": "yes"},
        {"expiredAt": "soon"},
        {"expiredAt": "2026-13-32T07:20:25Z"},
        {"permissions": []},
        {"userID": None},
    ],
)
def test_a_key_s_answer_that_cannot_be_read_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        permissions(**changes)


def test_the_other_side_of_a_hedge_is_named() -> None:
    sent = requests.terms(an_order(position_side=PositionSide.SHORT, reduce_only=True))

    assert (sent["positionIdx"], sent["reduceOnly"]) == (2, True)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "1e5", "BTC", "Withdraw"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["list", "coin", "lastPrice", "code", "orderId", "permissions", "ips"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(ANYTHING, ANYTHING)
def test_whatever_is_answered_is_read_or_refused(told: object, extra: object) -> None:
    body = {"result": told, "retExtInfo": extra, "time": 1_700_000_000_000}
    sent = sent_together()
    account = told if isinstance(told, dict) else {}

    for read in (
        lambda: answers.last_price(body),
        lambda: answers.taken_together(body, sent),
        lambda: bybit_keys.permissions(body, SPOT),
        lambda: bybit_holdings.available(account, SPOT, "BTC"),
    ):
        with suppress(MalformedMessage):
            read()
