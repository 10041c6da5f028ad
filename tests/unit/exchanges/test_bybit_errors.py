from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from exchanges import bybit_calls as calls
from exchanges.bybit_calls import BybitReader
from exchanges.bybit_errors import ADDRESS_PAUSE, HOLDER_PAUSE, read_answer
from exchanges.errors import (
    AuthenticationError,
    ClockSkewed,
    ExchangeError,
    MalformedMessage,
    OrderNotFound,
    OrderRefused,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    TransientError,
    UnknownSymbol,
)
from exchanges.http_session import Answer
from exchanges.messages import MarketType
from tests.unit.exchanges.bybit_samples import sample, sample_json

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def answer(
    code: int | None, status: int = 200, *, text: str = "no", headers: dict[str, str] | None = None
) -> Answer:
    body = b"<html>" if code is None else json.dumps({"retCode": code, "retMsg": text}).encode()
    return Answer(
        status=status, headers=headers or {}, body=body, requested_at=NOW, received_at=NOW
    )


def raised(told: Answer, *, changes_orders: bool) -> ExchangeError:
    with pytest.raises(ExchangeError) as caught:
        read_answer(told, changes_orders=changes_orders)
    return caught.value


@pytest.mark.parametrize(
    ("code", "question", "order"),
    [
        (10001, PermanentError, OrderRefused),
        (10002, ClockSkewed, ClockSkewed),
        (-1, ClockSkewed, ClockSkewed),
        (10003, AuthenticationError, AuthenticationError),
        (10004, AuthenticationError, AuthenticationError),
        (10005, AuthenticationError, AuthenticationError),
        (10006, RateLimited, RateLimited),
        (10010, AuthenticationError, AuthenticationError),
        (33004, AuthenticationError, AuthenticationError),
        (-2015, AuthenticationError, AuthenticationError),
        (429, RateLimited, RateLimited),
        (10018, RateLimited, RateLimited),
        (5004, TransientError, OutcomeUnknown),
        (10000, TransientError, OutcomeUnknown),
        (10016, TransientError, OutcomeUnknown),
        (170146, TransientError, OutcomeUnknown),
        (170147, TransientError, OutcomeUnknown),
        (340099, TransientError, OutcomeUnknown),
        (110072, TransientError, OutcomeUnknown),
        (170141, TransientError, OutcomeUnknown),
        (110001, OrderNotFound, OrderNotFound),
        (170213, OrderNotFound, OrderNotFound),
        (110008, OrderNotFound, OrderNotFound),
        (110007, PermanentError, OrderRefused),
        (170131, PermanentError, OrderRefused),
        (170121, UnknownSymbol, UnknownSymbol),
        (170191, TransientError, TransientError),
        (999999, PermanentError, OrderRefused),
        (None, TransientError, OutcomeUnknown),
    ],
)
def test_a_code_means_this(
    code: int | None, question: type[ExchangeError], order: type[ExchangeError]
) -> None:
    assert type(raised(answer(code), changes_orders=False)) is question
    assert type(raised(answer(code), changes_orders=True)) is order


@pytest.mark.parametrize(
    ("status", "question", "order"),
    [
        (401, AuthenticationError, AuthenticationError),
        (403, RateLimited, RateLimited),
        (404, TransientError, OutcomeUnknown),
        (429, RateLimited, RateLimited),
        (502, TransientError, OutcomeUnknown),
    ],
)
def test_a_status_without_a_code_means_this(
    status: int, question: type[ExchangeError], order: type[ExchangeError]
) -> None:
    assert type(raised(answer(None, status), changes_orders=False)) is question
    assert type(raised(answer(None, status), changes_orders=True)) is order


def test_an_error_of_its_servers_leaves_an_order_in_doubt_whatever_it_says() -> None:
    assert type(raised(answer(110007, 500), changes_orders=True)) is OutcomeUnknown
    assert type(raised(answer(0, 500), changes_orders=True)) is OutcomeUnknown


def test_a_delisted_symbol_is_an_unknown_one() -> None:
    told = answer(10001, text="params error: Symbol Is Invalid")

    assert type(raised(told, changes_orders=False)) is UnknownSymbol


def test_too_many_requests_of_a_user_stop_the_user_until_the_second_is_over() -> None:
    reset = str(int(NOW.timestamp() * 1000) + 400)
    told = raised(
        answer(10006, headers={"X-Bapi-Limit-Reset-Timestamp": reset}), changes_orders=False
    )

    assert isinstance(told, RateLimited)
    pause = BybitReader().pause(told)
    assert pause.seconds == pytest.approx(0.4)
    assert pause.holder_only


@pytest.mark.parametrize("reset", ["", "soon", "1", "9" * 14])
def test_a_strange_end_of_a_limit_is_a_short_pause(reset: str) -> None:
    told = raised(
        answer(10006, headers={"X-Bapi-Limit-Reset-Timestamp": reset}), changes_orders=False
    )

    assert isinstance(told, RateLimited)
    assert told.retry_after is not None
    assert 0.1 <= told.retry_after <= 10


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (answer(None, 403), ADDRESS_PAUSE),
        (answer(None, 403, headers={"Retry-After": "4"}), 4.0),
        (answer(None, 403, headers={"Retry-After": "soon"}), ADDRESS_PAUSE),
        (answer(10018), ADDRESS_PAUSE),
        (answer(429), HOLDER_PAUSE),
        (answer(None, 429), HOLDER_PAUSE),
    ],
)
def test_a_limit_of_the_address_stops_the_address(told: Answer, seconds: float) -> None:
    limit = raised(told, changes_orders=False)

    assert isinstance(limit, RateLimited)
    pause = BybitReader().pause(limit)
    assert (pause.seconds, pause.holder_only) == (seconds, False)


def test_nothing_secret_is_told_of_a_failure() -> None:
    key = "k" * 40
    told = raised(answer(10004, text=f"error sign! origin_string[{key}]"), changes_orders=False)

    assert key not in str(told)
    assert str(told).startswith("HTTP 200 10004 error sign!")


def test_a_good_answer_tells_the_time() -> None:
    told = Answer(
        status=200,
        headers={},
        body=sample("rest_time__plain"),
        requested_at=NOW,
        received_at=NOW,
    )
    body = read_answer(told, changes_orders=False)

    assert body == sample_json("rest_time__plain")
    at = BybitReader().server_time(body, told)
    assert at == datetime(2023, 7, 6, 10, 30, 3, 423000, tzinfo=UTC)


@pytest.mark.parametrize("body", [None, [], {}, {"result": []}])
def test_an_answer_without_a_result_cannot_be_read(body: object) -> None:
    with pytest.raises(MalformedMessage):
        calls.result(body)


@pytest.mark.parametrize("market_type", list(MarketType))
def test_every_endpoint_counts_in_pools_there_are(market_type: MarketType) -> None:
    names = {pool.name for pool in calls.LIMITS.pools}
    endpoints = [calls.REALTIME, calls.HISTORY, calls.EXECUTIONS, calls.POSITIONS, calls.WALLET]
    endpoints += [calls.placing(market_type), calls.cancelling(market_type)]

    assert all(set(endpoint.pools) <= names for endpoint in endpoints)
