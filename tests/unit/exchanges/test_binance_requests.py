"""How orders are written down for Binance."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exchanges import binance_requests as requests
from exchanges.binance_orders import offered
from exchanges.errors import OrderRefused
from exchanges.messages import IdSpace, MarketType, OrderType, PositionSide, Side, TimeInForce
from exchanges.questions import Amendment, NewOrder, OrderRef
from exchanges.refusals import RefusalKind

LIMIT = NewOrder(
    market_type=MarketType.FUTURES,
    symbol_id="BTCUSDT",
    client_order_id="ota1",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    quantity=Decimal("0.020"),
    price=Decimal("1E+4"),
)
MARKET = replace(LIMIT, order_type=OrderType.MARKET, price=None)
STOP = replace(LIMIT, order_type=OrderType.STOP, stop_price=Decimal("9900.5"))
STOP_MARKET = replace(MARKET, order_type=OrderType.STOP_MARKET, stop_price=Decimal("9900.5"))
COMMON = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.020", "positionSide": "BOTH"}
NAMED = {"newClientOrderId": "ota1", "newOrderRespType": "RESULT"}
ALGO = {"algoType": "CONDITIONAL", "clientAlgoId": "ota1", "triggerPrice": "9900.5"}
SPOT_COMMON = {"symbol": "BTCUSDT", "side": "BUY", **NAMED}


def on_spot(order: NewOrder, **changes: Any) -> NewOrder:
    return replace(order, market_type=MarketType.SPOT, **changes)


@pytest.mark.parametrize(
    ("order", "terms"),
    [
        (LIMIT, {"type": "LIMIT", "price": "10000", "timeInForce": "GTC"}),
        (
            replace(LIMIT, time_in_force=TimeInForce.GTX),
            {"type": "LIMIT", "price": "10000", "timeInForce": "GTX"},
        ),
        (MARKET, {"type": "MARKET"}),
        (replace(MARKET, reduce_only=True), {"type": "MARKET", "reduceOnly": "true"}),
        (
            replace(MARKET, reduce_only=True, position_side=PositionSide.SHORT),
            {"type": "MARKET", "positionSide": "SHORT"},
        ),
    ],
)
def test_an_order_of_futures_is_written_down(order: NewOrder, terms: dict[str, str]) -> None:
    assert requests.terms(order) == COMMON | NAMED | terms


@pytest.mark.parametrize(
    ("order", "terms"),
    [
        (STOP, {"type": "STOP", "price": "10000", "timeInForce": "GTC"}),
        (STOP_MARKET, {"type": "STOP_MARKET"}),
        (
            replace(STOP_MARKET, order_type=OrderType.TAKE_PROFIT_MARKET, reduce_only=True),
            {"type": "TAKE_PROFIT_MARKET", "reduceOnly": "true"},
        ),
    ],
)
def test_a_conditional_order_of_futures_is_an_algo_order(
    order: NewOrder, terms: dict[str, str]
) -> None:
    assert requests.algo_terms(order) == COMMON | ALGO | terms


@pytest.mark.parametrize(
    ("order", "terms"),
    [
        (
            LIMIT,
            {"type": "LIMIT", "quantity": "0.020", "price": "10000", "timeInForce": "GTC"},
        ),
        (
            replace(LIMIT, time_in_force=TimeInForce.GTX),
            {"type": "LIMIT_MAKER", "quantity": "0.020", "price": "10000"},
        ),
        (MARKET, {"type": "MARKET", "quantity": "0.020"}),
        (
            replace(MARKET, quantity=Decimal(0), quote_quantity=Decimal("100.50")),
            {"type": "MARKET", "quoteOrderQty": "100.50"},
        ),
        (
            STOP,
            {
                "type": "STOP_LOSS_LIMIT",
                "quantity": "0.020",
                "price": "10000",
                "timeInForce": "GTC",
                "stopPrice": "9900.5",
            },
        ),
        (STOP_MARKET, {"type": "STOP_LOSS", "quantity": "0.020", "stopPrice": "9900.5"}),
        (
            replace(STOP_MARKET, order_type=OrderType.TAKE_PROFIT_MARKET),
            {"type": "TAKE_PROFIT", "quantity": "0.020", "stopPrice": "9900.5"},
        ),
        (
            replace(STOP, order_type=OrderType.TAKE_PROFIT, time_in_force=TimeInForce.IOC),
            {
                "type": "TAKE_PROFIT_LIMIT",
                "quantity": "0.020",
                "price": "10000",
                "timeInForce": "IOC",
                "stopPrice": "9900.5",
            },
        ),
    ],
)
def test_an_order_of_spot_is_written_down(order: NewOrder, terms: dict[str, str]) -> None:
    assert requests.spot_terms(on_spot(order)) == SPOT_COMMON | terms


def test_an_amendment_names_both_amounts() -> None:
    ref = OrderRef(market_type=MarketType.FUTURES, symbol_id="BTCUSDT", exchange_order_id="7")
    wanted = Amendment(ref=ref, side=Side.SELL, quantity=Decimal("0.5"), price=Decimal(9000))

    assert requests.amendment_terms(wanted) == {
        "symbol": "BTCUSDT",
        "orderId": "7",
        "side": "SELL",
        "quantity": "0.5",
        "price": "9000",
    }
    assert requests.spot_amendment_terms(wanted, "ota1") == {
        "symbol": "BTCUSDT",
        "orderId": "7",
        "newQty": "0.5",
        "newClientOrderId": "ota1",
    }


def test_an_algo_order_is_named_in_its_own_numbering() -> None:
    ref = OrderRef(
        market_type=MarketType.FUTURES,
        symbol_id="BTCUSDT",
        client_order_id="ota1",
        id_space=IdSpace.ALGO,
    )

    assert requests.naming(ref) == {"symbol": "BTCUSDT", "clientAlgoId": "ota1"}


@pytest.mark.parametrize(
    "order",
    [
        replace(MARKET, order_type=OrderType.TRAILING_STOP_MARKET),
        replace(MARKET, quote_quantity=Decimal(100)),
        replace(MARKET, reduce_only=True, position_side=PositionSide.LONG),
        replace(STOP, reduce_only=True, position_side=PositionSide.SHORT, side=Side.SELL),
        on_spot(LIMIT, quote_quantity=Decimal(100)),
        on_spot(LIMIT, reduce_only=True),
        on_spot(LIMIT, position_side=PositionSide.LONG),
        on_spot(STOP, time_in_force=TimeInForce.GTX),
    ],
)
def test_what_a_market_never_takes_is_not_sent(order: NewOrder) -> None:
    with pytest.raises(OrderRefused) as caught:
        offered(order)

    assert caught.value.kind is RefusalKind.NOT_OFFERED


@pytest.mark.parametrize(
    "order", [LIMIT, MARKET, STOP, STOP_MARKET, on_spot(MARKET, quote_quantity=Decimal(100))]
)
def test_what_a_market_may_take_is_sent(order: NewOrder) -> None:
    assert offered(order) is order
