"""What is sent by ccxt, exchange by exchange, and what a refusal of its classes means."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchanges import generic_answers, generic_conditions, lean_ccxt
from exchanges import generic_vocabulary as words
from exchanges.errors import ClockSkewed, OrderRefused, OutcomeUnknown
from exchanges.generic import adapter_for
from exchanges.generic_errors import Circumstances, classify
from exchanges.generic_speaker import described
from exchanges.messages import MarketType, OrderType, Side
from exchanges.questions import NewOrder
from exchanges.refusals import RefusalKind

FUTURES, SPOT, COIN = MarketType.FUTURES, MarketType.SPOT, MarketType.COIN_FUTURES
CONDITIONAL = {
    OrderType.STOP,
    OrderType.STOP_MARKET,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_MARKET,
}
theirs: Any = lean_ccxt.errors()


def waiting(order_type: OrderType, market_type: MarketType, side: Side = Side.BUY) -> NewOrder:
    return NewOrder(
        market_type=market_type,
        symbol_id="any",
        client_order_id="mine",
        side=side,
        order_type=order_type,
        quantity=Decimal(1),
        stop_price=Decimal(61000),
    )


@pytest.mark.parametrize(
    ("exchange", "market_type", "offered", "amends", "by_money"),
    [
        # conditional orders of contracts are listed with all others ...
        ("BYBITID", FUTURES, CONDITIONAL, True, False),
        # ... those of spot are cancelled by a parameter only
        ("BYBITID", SPOT, set(), True, True),
        ("KRAKEN", SPOT, CONDITIONAL, True, True),
        # in lists and numberings of their own
        ("OKX", SPOT, set(), True, True),
        ("OKX", FUTURES, set(), True, False),
        # replaces an order by another
        ("BITVAVO", SPOT, CONDITIONAL, False, False),
    ],
)
def test_what_is_offered_is_told_of_each_market_type(
    exchange: str, market_type: MarketType, offered: set[OrderType], *, amends: bool, by_money: bool
) -> None:
    facts = adapter_for(exchange).of(market_type)

    assert facts.conditional_types == offered
    assert facts.can_amend is amends
    assert facts.takes_quote_quantity is by_money
    assert facts.batch_size == 1


def test_a_trigger_is_named_as_the_exchange_wants_it() -> None:
    bybit, kraken = described("bybitid"), described("kraken")

    rising = generic_conditions.parameters(bybit, waiting(OrderType.STOP, FUTURES))
    falling = generic_conditions.parameters(bybit, waiting(OrderType.TAKE_PROFIT, FUTURES))
    loss = generic_conditions.parameters(kraken, waiting(OrderType.STOP_MARKET, SPOT, Side.SELL))
    gain = generic_conditions.parameters(kraken, waiting(OrderType.TAKE_PROFIT, SPOT, Side.SELL))

    assert rising == {"triggerPrice": "61000", "triggerDirection": "ascending"}
    assert falling == {"triggerPrice": "61000", "triggerDirection": "descending"}
    assert loss == {"stopLossPrice": "61000"}
    assert gain == {"takeProfitPrice": "61000"}
    plain = waiting(OrderType.MARKET, FUTURES)
    assert generic_conditions.parameters(bybit, plain) == {}
    assert not generic_conditions.needs_price(bybit, waiting(OrderType.STOP, FUTURES))


def test_an_order_that_could_not_be_found_again_is_not_sent() -> None:
    with pytest.raises(OrderRefused) as caught:
        generic_conditions.parameters(described("okx"), waiting(OrderType.STOP, FUTURES))

    assert caught.value.kind is RefusalKind.NOT_OFFERED


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"type": "limit"}, OrderType.LIMIT),
        ({"type": "limit", "triggerPrice": "1"}, OrderType.STOP),
        ({"type": "market", "triggerPrice": "1"}, OrderType.STOP_MARKET),
        (
            {
                "type": "market",
                "triggerPrice": "1",
                "side": "sell",
                "info": {"triggerDirection": 1},
            },
            OrderType.TAKE_PROFIT_MARKET,
        ),
        ({"type": "take_profit", "triggerPrice": "1"}, OrderType.TAKE_PROFIT),
        ({"type": "stop-loss-limit", "triggerPrice": "1"}, OrderType.STOP),
    ],
)
def test_a_conditional_order_is_known_by_its_trigger(
    fields: dict[str, object], expected: OrderType
) -> None:
    assert words.order_type(fields) is expected


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (theirs.InsufficientFunds("no"), RefusalKind.INSUFFICIENT_FUNDS),
        (theirs.OrderImmediatelyFillable("no"), RefusalKind.WOULD_TAKE),
        (theirs.MarketClosed("no"), RefusalKind.MARKET_CLOSED),
        (theirs.NotSupported("no"), RefusalKind.NOT_OFFERED),
        (theirs.InvalidOrder("EOrder:Order minimum not met"), RefusalKind.BELOW_MINIMUM),
        (theirs.InvalidOrder("EOrder:Post only order"), RefusalKind.WOULD_TAKE),
        (theirs.InvalidOrder("Order price decimal too long."), RefusalKind.WRONG_STEP),
        (theirs.InvalidOrder("Reduce-only rule not satisfied"), RefusalKind.NOTHING_TO_REDUCE),
        (theirs.InvalidOrder("something else"), RefusalKind.OTHER),
    ],
)
def test_a_refusal_says_what_the_order_ran_into(error: Exception, kind: RefusalKind) -> None:
    told = classify(error, Circumstances(changes_orders=True, status=200))

    assert isinstance(told, OrderRefused)
    assert told.kind is kind


@pytest.mark.parametrize(
    "error",
    [
        theirs.DuplicateOrderId("no"),
        theirs.InvalidOrder('bybitid {"retCode":110072,"retMsg":"OrderLinkedID is duplicate"}'),
        theirs.InvalidOrder("Duplicated clOrdId"),
        theirs.InvalidOrder("cl_ord_id already in use"),
        theirs.InvalidOrder("client order id already exist"),
        theirs.InvalidOrder("client-order-id repeated"),
    ],
)
def test_an_id_used_twice_is_no_refusal(error: Exception) -> None:
    told = classify(error, Circumstances(changes_orders=True, status=200))

    assert isinstance(told, OutcomeUnknown)


def test_a_nonce_used_twice_is_no_order_sent_twice() -> None:
    told = classify(
        theirs.InvalidNonce("nonce already used"), Circumstances(changes_orders=True, status=200)
    )

    assert isinstance(told, ClockSkewed)


def test_what_is_free_is_told_or_reckoned() -> None:
    told = {"free": {"BTC": "1"}, "used": {"USDT": "30"}, "total": {"BTC": "2", "USDT": "100"}}

    assert generic_answers.available(told, "BTC") == 1
    assert generic_answers.available(told, "USDT") == 70
    assert generic_answers.available(told, "ETH") == 0
