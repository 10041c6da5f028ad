"""The codes and texts of Binance's refusals, as its error pages list them."""

from __future__ import annotations

import pytest

from exchanges.binance_errors import Failure, classify, error_in
from exchanges.binance_refusals import kind_of
from exchanges.errors import AuthenticationError, OrderRefused, OutcomeUnknown, RateLimited
from exchanges.refusals import RefusalKind as Kind


def refused(code: int, text: str) -> OrderRefused:
    error = error_in({"code": code, "msg": text})
    assert type(error) is OrderRefused
    return error


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (-2018, "Balance is insufficient.", Kind.INSUFFICIENT_FUNDS),
        (-2019, "Margin is insufficient.", Kind.INSUFFICIENT_FUNDS),
        (
            -2010,
            "Account has insufficient balance for requested action.",
            Kind.INSUFFICIENT_FUNDS,
        ),
        (
            -4164,
            "Order's notional must be no smaller than 5.0 (unless you choose reduce only)",
            Kind.BELOW_MINIMUM,
        ),
        (-4003, "Quantity less than zero.", Kind.BELOW_MINIMUM),
        (-4004, "Quantity less than min quantity.", Kind.BELOW_MINIMUM),
        (-1013, "Filter failure: NOTIONAL", Kind.BELOW_MINIMUM),
        (-1013, "Filter failure: MIN_NOTIONAL", Kind.BELOW_MINIMUM),
        (-1013, "Invalid quantity.", Kind.BELOW_MINIMUM),
        (-4005, "Quantity greater than max quantity.", Kind.ABOVE_MAXIMUM),
        (
            -2027,
            "Exceeded the maximum allowable position at current leverage.",
            Kind.ABOVE_MAXIMUM,
        ),
        (-1013, "Filter failure: MAX_POSITION", Kind.ABOVE_MAXIMUM),
        (-1111, "Precision is over the maximum defined for this asset.", Kind.WRONG_STEP),
        (-4014, "Price not increased by tick size.", Kind.WRONG_STEP),
        (-4023, "Qty not increased by step size.", Kind.WRONG_STEP),
        (-1013, "Filter failure: LOT_SIZE", Kind.WRONG_STEP),
        (-1013, "Filter failure: MARKET_LOT_SIZE", Kind.WRONG_STEP),
        (-1013, "Filter failure: PRICE_FILTER", Kind.WRONG_STEP),
        (-4016, "Limit price can't be higher than 66000.", Kind.PRICE_OUT_OF_BAND),
        (-4024, "Limit price can't be lower than 54000.", Kind.PRICE_OUT_OF_BAND),
        (-4131, "The counterparty's best price does not meet ...", Kind.PRICE_OUT_OF_BAND),
        (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE", Kind.PRICE_OUT_OF_BAND),
        (-2021, "Order would immediately trigger.", Kind.WOULD_TRIGGER),
        (-2010, "Stop price would trigger immediately.", Kind.WOULD_TRIGGER),
        (-2010, "Order would trigger immediately.", Kind.WOULD_TRIGGER),
        (-5022, "Due to the order could not be executed as maker, ...", Kind.WOULD_TAKE),
        (-2010, "Order would immediately match and take.", Kind.WOULD_TAKE),
        (-2022, "ReduceOnly Order is rejected.", Kind.NOTHING_TO_REDUCE),
        (-4118, "ReduceOnly Order Failed.", Kind.NOTHING_TO_REDUCE),
        (-4061, "Order's position side does not match user's setting.", Kind.POSITION_SIDE),
        (-2025, "Reach max open order limit.", Kind.TOO_MANY_ORDERS),
        (-4045, "Reach max stop order limit.", Kind.TOO_MANY_ORDERS),
        (-1013, "Filter failure: MAX_NUM_ORDERS", Kind.TOO_MANY_ORDERS),
        (-1013, "Filter failure: EXCHANGE_MAX_NUM_ALGO_ORDERS", Kind.TOO_MANY_ORDERS),
        (-2010, "Market is closed.", Kind.MARKET_CLOSED),
        (-4141, "Symbol is closed", Kind.MARKET_CLOSED),
        (-2010, "This action is disabled on this account.", Kind.NO_PERMISSION),
        (-2010, "This symbol is not permitted for this account.", Kind.NO_PERMISSION),
        (-4400, "Futures Trading Quantitative Rules violated, ...", Kind.NO_PERMISSION),
        (-4120, "Order type not supported for this endpoint.", Kind.NOT_OFFERED),
        (-2010, "Market orders are not supported for this symbol.", Kind.NOT_OFFERED),
        (-1116, "Invalid orderType.", Kind.NOT_OFFERED),
        (-2026, "This OrderType is not supported when reduceOnly.", Kind.NOT_OFFERED),
        (-5021, "Due to the order could not be filled immediately, ...", Kind.OTHER),
        (-2010, "Something new.", Kind.OTHER),
        (-9999, "insufficient balance", Kind.OTHER),
    ],
)
def test_a_refusal_has_a_reason_a_trader_can_act_on(code: int, text: str, kind: Kind) -> None:
    error = refused(code, text)

    assert (error.kind, error.code) == (kind, str(code))
    assert text in str(error)


@pytest.mark.parametrize(
    ("code", "text"), [(-4116, "ClientOrderId is duplicated."), (-2010, "Duplicate order sent.")]
)
def test_a_duplicate_proves_that_the_order_is_there(code: int, text: str) -> None:
    error = error_in({"code": code, "msg": text})

    assert type(error) is OutcomeUnknown
    assert error.code == str(code)


def test_a_key_and_a_limit_are_no_matter_of_the_order() -> None:
    assert type(error_in({"code": -2015, "msg": "Invalid API-key, IP."})) is AuthenticationError
    assert type(error_in({"code": -1015, "msg": "Too many new orders."})) is RateLimited


def test_what_is_no_refusal_is_none() -> None:
    assert error_in({"orderId": 1, "clientOrderId": "a"}) is None
    assert error_in({"code": 200, "msg": "done"}) is None
    assert error_in(None) is None


def test_a_server_error_is_a_doubt_whatever_its_code() -> None:
    failure = Failure(
        status=503, code="-2019", text="Margin.", retry_after=None, changes_orders=True
    )

    assert type(classify(failure)) is OutcomeUnknown


def test_a_batch_that_failed_as_a_whole_is_a_doubt() -> None:
    failure = Failure(
        status=400,
        code="-4083",
        text="Fail to place batch orders.",
        retry_after=None,
        changes_orders=True,
    )

    assert type(classify(failure)) is OutcomeUnknown


def test_an_unknown_code_is_kept_in_the_exchange_s_words() -> None:
    assert kind_of("-7777", "whatever") is Kind.OTHER
    assert str(refused(-7777, "whatever")) == "HTTP 400 -7777 whatever"
