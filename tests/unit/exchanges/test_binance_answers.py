from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges import binance_answers as answers
from exchanges.errors import MalformedMessage
from exchanges.messages import (
    ExecutionReport,
    HoldingReport,
    IdSpace,
    MarketType,
    OrderStatus,
    Side,
    Source,
)
from exchanges.wire import a_list, decode
from tests.unit.exchanges.samples import sample, sample_json

FUTURES = MarketType.FUTURES
NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
DOGE = {
    "symbol": "DOGEUSDT",
    "contractType": "PERPETUAL",
    "deliveryDate": 4133404800000,
    "baseAsset": "DOGE",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.000010"},
        {"filterType": "LOT_SIZE", "stepSize": "1", "minQty": "1"},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
    ],
}


def test_a_queried_order_tells_its_quote_sum_and_average() -> None:
    snapshot = answers.order(
        decode(sample("rest_order__partially_filled")), market_type=FUTURES, requested_at=NOW
    )

    assert snapshot.filled_quote == Decimal("6000.01")
    assert snapshot.average_price == Decimal("60000.10")
    assert snapshot.status is OrderStatus.PARTIALLY_FILLED
    assert (snapshot.source, snapshot.requested_at) == (Source.REST_ORDER, NOW)
    assert snapshot.exchange_updated_at == datetime(2023, 11, 14, 22, 13, 21, tzinfo=UTC)


def test_an_answer_to_a_new_order_lacks_quote_sum_and_average() -> None:
    snapshot = answers.order(
        decode(sample("rest_order__submit_answer")),
        market_type=FUTURES,
        requested_at=NOW,
        source=Source.SUBMIT,
    )

    assert (snapshot.filled_quote, snapshot.average_price) == (None, None)
    assert snapshot.filled_quantity == Decimal("0.100")


def test_an_order_without_fills_has_no_quote_sum() -> None:
    raw = sample_json("rest_order__partially_filled") | {
        "executedQty": "0.000",
        "cumQuote": "0.00000",
        "avgPrice": "0.00000",
    }

    snapshot = answers.order(raw, market_type=FUTURES, requested_at=NOW)

    assert (snapshot.filled_quote, snapshot.average_price) == (None, None)


def test_a_trade_is_read_whole() -> None:
    first = answers.execution(sample_json("rest_userTrades__two")[0], market_type=FUTURES)

    assert first == ExecutionReport(
        market_type=FUTURES,
        symbol_id="BTCUSDT",
        exchange_order_id="8886774",
        exchange_trade_id="698759",
        side=Side.BUY,
        execution_price=Decimal("60000.10"),
        execution_quantity=Decimal("0.060"),
        executed_at=datetime(2023, 11, 14, 22, 13, 20, 500000, tzinfo=UTC),
        source=Source.REST_TRADES,
        is_maker=False,
        commission=Decimal("0.07819010"),
        commission_asset="USDT",
        realized_pnl=Decimal("-0.91"),
    )


@pytest.mark.parametrize(
    ("told", "is_maker", "paid"),
    [
        ("0.078", False, "0.078"),
        ("-0.078", False, "0.078"),
        ("0.010", True, "0.010"),
        ("-0.010", True, "-0.010"),
    ],
)
def test_a_taker_always_pays_and_a_maker_may_be_paid(
    told: str, paid: str, *, is_maker: bool
) -> None:
    assert answers.paid_commission(Decimal(told), is_maker=is_maker) == Decimal(paid)


def test_a_commission_that_was_not_told_stays_so() -> None:
    assert answers.paid_commission(None, is_maker=False) is None


def test_a_position_is_signed() -> None:
    assert answers.holding(
        sample_json("rest_positionRisk__one")[0], market_type=FUTURES
    ) == HoldingReport(
        market_type=FUTURES,
        symbol_id="BTCUSDT",
        quantity=Decimal("-0.100"),
        entry_price=Decimal("60000.1"),
        updated_at=datetime(2023, 11, 14, 22, 13, 21, tzinfo=UTC),
    )


def test_a_conditional_order_s_own_quantity_is_never_filled() -> None:
    raw = {
        "algoId": 7,
        "clientAlgoId": "c",
        "orderType": "STOP_MARKET",
        "symbol": "DOGEUSDT",
        "side": "SELL",
        "positionSide": "BOTH",
        "timeInForce": "GTC",
        "quantity": "38",
        "algoStatus": "FINISHED",
        "actualOrderId": "88937381063",
        "actualQty": "38",
        "triggerPrice": "0.1",
        "price": "0",
        "reduceOnly": False,
        "updateTime": 1700000001000,
    }

    snapshot = answers.algo_order(raw, market_type=FUTURES, requested_at=NOW)

    assert (snapshot.id_space, snapshot.status) == (IdSpace.ALGO, OrderStatus.FILLED)
    assert snapshot.filled_quantity == 0


def test_a_market_has_its_steps_and_its_unified_symbol() -> None:
    market = answers.market(DOGE, market_type=FUTURES)

    assert market.symbol == "DOGE/USDT:USDT"
    assert (market.price_step, market.quantity_step) == (Decimal("0.00001"), Decimal(1))
    assert (market.minimum_quantity, market.minimum_notional) == (Decimal(1), Decimal(5))


def test_a_delivery_contract_carries_its_date() -> None:
    raw = DOGE | {"contractType": "CURRENT_QUARTER", "deliveryDate": 1798185600000}

    assert answers.market(raw, market_type=FUTURES).symbol == "DOGE/USDT:USDT-261225"


def test_one_unreadable_market_does_not_hide_the_others() -> None:
    body = {"symbols": [DOGE | {"filters": []}, 5, DOGE]}

    assert [market.symbol_id for market in answers.markets(body, FUTURES)] == ["DOGEUSDT"]


@given(
    st.sampled_from(["rest_order__partially_filled", "rest_order__submit_answer"]),
    st.dictionaries(
        st.sampled_from(sorted(sample_json("rest_order__partially_filled"))),
        st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.floats(),
        max_size=3,
    ),
)
def test_no_mutated_order_raises_anything_else(name: str, changes: dict[str, object]) -> None:
    try:
        raw = decode(json.dumps(sample_json(name) | changes))
        answers.order(raw, market_type=FUTURES, requested_at=NOW)
    except MalformedMessage:
        return


def test_an_answer_keeps_its_row_and_compares_without_it() -> None:
    row = decode(sample("rest_order__partially_filled"))
    (fill, _) = a_list(decode(sample("rest_userTrades__two")))

    told = answers.order(row, market_type=FUTURES, requested_at=NOW)
    traded = answers.execution(fill, market_type=FUTURES)

    assert (told.raw, traded.raw) == (row, fill)
    assert replace(told, raw=None) == told
    assert "raw" not in repr(told)


@pytest.mark.parametrize("source", [Source.REST_ORDER, Source.SUBMIT])
def test_a_kept_row_is_read_again_as_it_was(source: Source) -> None:
    told = answers.order(
        decode(sample("rest_order__partially_filled")),
        market_type=FUTURES,
        requested_at=NOW,
        source=source,
    )

    again = answers.read_order(
        decode(json.dumps(told.raw)),
        market_type=FUTURES,
        id_space=IdSpace.ORDER,
        requested_at=NOW,
        source=source,
    )

    assert again == told
