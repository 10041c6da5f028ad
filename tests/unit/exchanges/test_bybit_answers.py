from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from exchanges import bybit_answers as answers
from exchanges import bybit_holdings as holdings
from exchanges import bybit_markets as markets
from exchanges import bybit_requests as requests
from exchanges.errors import MalformedMessage
from exchanges.messages import (
    ExecutionKind,
    IdSpace,
    MarketType,
    OrderSnapshot,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Source,
    TimeInForce,
)
from exchanges.questions import NewOrder, OrderRef
from exchanges.registry import adapter
from tests.unit.exchanges.bybit_samples import result, sample_json

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FUTURES, SPOT, COIN = MarketType.FUTURES, MarketType.SPOT, MarketType.COIN_FUTURES


def read(row: object, source: Source = Source.REST_ORDER) -> OrderSnapshot:
    return adapter("BYBIT").read_order(
        row, market_type=FUTURES, id_space=IdSpace.ORDER, requested_at=NOW, source=source
    )


def an_order(**changes: object) -> NewOrder:
    terms = {
        "market_type": FUTURES,
        "symbol_id": "BTCUSDT",
        "client_order_id": "mine",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal("0.10"),
        "price": Decimal(60000),
        "time_in_force": TimeInForce.GTX,
        "position_side": PositionSide.SHORT,
        "reduce_only": True,
    }
    return NewOrder(**(terms | changes))  # type: ignore[arg-type]  # any of its fields


def test_an_order_of_the_recent_ones_is_read() -> None:
    (row,) = result("rest_order_realtime__one")["list"]
    snapshot = read(row)

    assert snapshot.exchange_order_id == "fd4300ae-7847-404e-b947-b46980a4d140"
    assert snapshot.client_order_id == "test-000005"
    assert (snapshot.status, snapshot.position_side) == (OrderStatus.NEW, PositionSide.LONG)
    assert (snapshot.price, snapshot.stop_price) == (Decimal(1600), None)
    assert snapshot.requested_at == NOW
    assert snapshot.raw == row


def test_an_order_of_the_history_says_why_it_ended() -> None:
    (row,) = result("rest_order_history__one")["list"]
    snapshot = read(row)

    assert snapshot.status is OrderStatus.CANCELLED
    assert snapshot.reason == "post-only, and it would have taken (EC_PostOnlyWillTakeLiquidity)"
    assert snapshot.post_only


def test_an_order_the_exchange_made_says_why_it_filled() -> None:
    (row,) = result("rest_order_history__one")["list"]

    assert read(row | {"createType": "CreateByLiq"}).fill_kind is ExecutionKind.LIQUIDATION


def test_what_was_taken_is_read_again_as_it_was_kept() -> None:
    sent = requests.terms(an_order())
    sent |= {"orderLinkId": "spot-test-postonly"}
    kept = answers.taken(sample_json("rest_create__accepted"), sent)
    snapshot = read(kept, Source.SUBMIT)

    assert snapshot.exchange_order_id == "1321003749386327552"
    assert (snapshot.status, snapshot.filled_quantity) == (OrderStatus.NEW, Decimal(0))
    assert snapshot.exchange_status == answers.ACCEPTED
    assert snapshot.source is Source.SUBMIT
    assert (snapshot.quantity, snapshot.price) == (Decimal("0.10"), Decimal(60000))
    assert (snapshot.position_side, snapshot.reduce_only) == (PositionSide.SHORT, True)
    assert snapshot.post_only
    assert snapshot.raw == kept


def test_an_order_is_written_down_as_bybit_wants_it() -> None:
    assert requests.terms(an_order()) == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.10",
        "price": "60000",
        "timeInForce": "PostOnly",
        "positionIdx": 2,
        "reduceOnly": True,
        "orderLinkId": "mine",
    }


def test_a_market_order_of_spot_is_one_of_the_base_currency() -> None:
    order = an_order(
        market_type=SPOT,
        order_type=OrderType.MARKET,
        price=None,
        position_side=PositionSide.NET,
        reduce_only=False,
    )

    written = requests.terms(order)
    assert written["marketUnit"] == "baseCoin"
    assert not {"price", "timeInForce", "positionIdx", "reduceOnly"} & set(written)
    assert "marketUnit" not in requests.terms(an_order(market_type=SPOT, reduce_only=False))


def test_an_order_is_named_by_its_id_first() -> None:
    ref = OrderRef(market_type=COIN, symbol_id="BTCUSD", client_order_id="mine")
    named = {"category": "inverse", "symbol": "BTCUSD"}

    assert requests.naming(ref) == named | {"orderLinkId": "mine"}


def test_a_fill_is_read() -> None:
    (row,) = result("rest_execution_list__one")["list"]
    fill = adapter("BYBIT").read_execution(row, market_type=FUTURES)

    assert fill.exchange_trade_id == "e0cbe81d-0f18-5866-9415-cf319b5dab3b"
    assert (fill.commission, fill.commission_asset) == (Decimal("0.071409"), "USDC")
    assert fill.source is Source.REST_TRADES
    assert fill.raw == row
    assert adapter("BYBIT").place_of(fill) == 1672282722429


def test_funding_is_no_fill() -> None:
    (row,) = result("rest_execution_list__one")["list"]

    with pytest.raises(MalformedMessage):
        answers.execution(row | {"execType": "Funding"}, market_type=FUTURES)


def test_a_short_position_is_less_than_nothing() -> None:
    (row,) = result("rest_position_list__inverse")["list"]
    held = holdings.position(row, COIN)

    assert (held.symbol_id, held.quantity) == ("BTCUSD", Decimal(-300))
    assert held.entry_price == Decimal("27464.50441675")


def test_what_is_borrowed_is_not_held() -> None:
    (account,) = result("rest_wallet_balance__one")["list"]
    account["coin"][0] |= {"walletBalance": "1.5", "locked": "0.5", "spotBorrow": "2"}
    (coin,) = holdings.coins(account)

    assert (coin.asset, coin.quantity, coin.market_type) == ("BTC", Decimal("-0.5"), SPOT)


def test_a_candle_is_found_by_its_minute() -> None:
    body = sample_json("rest_kline__three")
    minute = datetime.fromtimestamp(1670605200, UTC)

    assert answers.closing_price(body, minute) == 17071
    assert answers.closing_price(body, minute + timedelta(minutes=1)) is None


@pytest.mark.parametrize(
    ("changes", "symbol"),
    [
        ({}, "BTC/USDT:USDT"),
        ({"symbol": "BTCPERP", "quoteCoin": "USDC", "settleCoin": "USDC"}, "BTC/USDC:USDC"),
        (
            {
                "symbol": "BTC-26DEC25",
                "quoteCoin": "USDC",
                "settleCoin": "USDC",
                "contractType": "LinearFutures",
                "deliveryTime": "1766736000000",
            },
            "BTC/USDC:USDC-251226",
        ),
        ({"symbol": "1000PEPEUSDT", "baseCoin": "1000PEPE"}, "1000PEPE/USDT:USDT"),
        ({"symbol": "龙USDT", "baseCoin": "龙"}, "龙/USDT:USDT"),
    ],
)
def test_a_linear_market_is_named_by_its_parts(changes: dict[str, str], symbol: str) -> None:
    (row,) = result("rest_instruments__linear")["list"]
    market = markets.market(row | changes, FUTURES)

    assert market.symbol == symbol
    assert market.symbol_id == changes.get("symbol", "BTCUSDT")
    assert (market.quantity_step, market.minimum_notional) == (Decimal("0.001"), Decimal(5))
    assert market.contract_size is None


@pytest.mark.parametrize(
    ("changes", "symbol"),
    [
        ({"symbol": "BTCUSD", "contractType": "InversePerpetual"}, "BTC/USD:BTC"),
        (
            {
                "symbol": "BTCUSDZ25",
                "contractType": "InverseFutures",
                "deliveryTime": "1766736000000",
            },
            "BTC/USD:BTC-251226",
        ),
    ],
)
def test_an_inverse_contract_is_worth_a_dollar(changes: dict[str, str], symbol: str) -> None:
    (row,) = result("rest_instruments__linear")["list"]
    market = markets.market(row | {"quoteCoin": "USD", "settleCoin": "BTC"} | changes, COIN)

    assert (market.symbol, market.contract_size) == (symbol, Decimal(1))


def test_a_spot_market_has_steps_of_its_own() -> None:
    (row,) = result("rest_instruments__spot")["list"]
    market = markets.market(row, SPOT)

    assert (market.symbol, market.settle) == ("BTC/USDT", None)
    assert (market.quantity_step, market.price_step) == (Decimal("0.000001"), Decimal("0.1"))
    assert market.minimum_notional == 5


def test_a_market_not_open_yet_has_a_name() -> None:
    (row,) = result("rest_instruments__prelaunch")["list"]

    assert markets.market(row, FUTURES).symbol == "BIO/USDT:USDT"
