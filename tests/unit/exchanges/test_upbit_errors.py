from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from exchanges.errors import (
    AuthenticationError,
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
from exchanges.upbit_calls import UpbitReader

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def answer(
    status: int, name: object = None, message: str = "", headers: dict[str, str] | None = None
) -> Answer:
    body = {"error": {"name": name, "message": message}} if name is not None else {}
    return Answer(
        status=status,
        headers=headers or {},
        body=json.dumps(body).encode(),
        requested_at=NOW,
        received_at=NOW,
    )


def meaning(told: Answer, *, changes_orders: bool = False) -> ExchangeError:
    with pytest.raises(ExchangeError) as caught:
        UpbitReader().read(told, changes_orders=changes_orders)
    return caught.value


@pytest.mark.parametrize(
    ("status", "name", "of_question", "of_order"),
    [
        (404, "order_not_found", OrderNotFound, OrderNotFound),
        (400, "insufficient_funds_bid", PermanentError, OrderRefused),
        (400, "under_min_total_ask", PermanentError, OrderRefused),
        (400, "invalid_price_bid", PermanentError, OrderRefused),
        (400, "validation_error", PermanentError, OrderRefused),
        (400, "create_bid_error", PermanentError, OrderRefused),
        (404, "market_does_not_exist", UnknownSymbol, UnknownSymbol),
        (401, "invalid_query_payload", AuthenticationError, AuthenticationError),
        (401, "jwt_verification", AuthenticationError, AuthenticationError),
        (401, "expired_access_key", AuthenticationError, AuthenticationError),
        (401, "no_authorization_ip", AuthenticationError, AuthenticationError),
        (401, "no_authorization_i_p", AuthenticationError, AuthenticationError),
        (401, "out_of_scope", AuthenticationError, AuthenticationError),
        (401, "nonce_used", TransientError, OutcomeUnknown),
        (400, "duplicate_identifier", PermanentError, OutcomeUnknown),
        (500, "server_error", TransientError, OutcomeUnknown),
        (503, "whatever", TransientError, OutcomeUnknown),
        (502, None, TransientError, OutcomeUnknown),
        (400, None, TransientError, OutcomeUnknown),
        (400, 400, PermanentError, OrderRefused),
    ],
)
def test_every_failure_has_its_meaning(
    status: int,
    name: object,
    of_question: type[ExchangeError],
    of_order: type[ExchangeError],
) -> None:
    assert type(meaning(answer(status, name))) is of_question
    assert type(meaning(answer(status, name), changes_orders=True)) is of_order


def test_an_answer_without_json_proves_nothing() -> None:
    empty = Answer(status=200, headers={}, body=b"", requested_at=NOW, received_at=NOW)

    assert type(meaning(empty)) is TransientError
    assert type(meaning(empty, changes_orders=True)) is OutcomeUnknown


def test_a_limit_is_over_with_its_second_and_stops_the_pocket() -> None:
    limit = meaning(
        answer(429, "too_many_requests", headers={"Remaining-Req": "group=default; min=1; sec=0"})
    )

    assert isinstance(limit, RateLimited)
    pause = UpbitReader().pause(limit)
    assert (pause.seconds, pause.holder_only) == (1.0, True)


def test_a_limit_on_prices_stops_the_address() -> None:
    limit = meaning(answer(429, headers={"Remaining-Req": "group=candles; min=600; sec=0"}))

    assert isinstance(limit, RateLimited)
    assert not UpbitReader().pause(limit).holder_only


@pytest.mark.parametrize(
    ("message", "headers", "seconds"),
    [
        ("blocked for 17 seconds", {}, 17.0),
        ("30초 동안 차단되었습니다", {}, 30.0),
        ("blocked", {"Retry-After": "5"}, 5.0),
        ("blocked", {}, 60.0),
    ],
)
def test_a_ban_lasts_as_long_as_it_says(
    message: str, headers: dict[str, str], seconds: float
) -> None:
    limit = meaning(answer(418, "blocked", message, headers))

    assert isinstance(limit, RateLimited)
    assert limit.retry_after == seconds


def test_no_secret_is_repeated() -> None:
    error = meaning(
        answer(401, "jwt_verification", "bad token eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9")
    )

    assert "eyJ" not in str(error)


@pytest.mark.parametrize(
    ("date", "milliseconds"),
    [
        ("Sun, 22 Nov 2026 00:00:00 GMT", 400),
        ("Sun, 22 Nov 2026 00:00:03 GMT", 3000),
        ("Sat, 21 Nov 2026 23:59:58 GMT", -1001),
    ],
)
def test_the_time_is_ours_within_the_second_that_the_answer_names(
    date: str, milliseconds: int
) -> None:
    told = replace(
        answer(200, headers={"Date": date}), received_at=NOW + timedelta(milliseconds=800)
    )

    assert UpbitReader().server_time([], told) == NOW + timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize("date", ["", "now", "Sun, 99 Nov 2026 00:00:00 GMT"])
def test_an_answer_without_a_date_tells_no_time(date: str) -> None:
    with pytest.raises(MalformedMessage):
        UpbitReader().server_time([], answer(200, headers={"Date": date}))
