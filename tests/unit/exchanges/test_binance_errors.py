from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.binance_errors import read_answer
from exchanges.errors import (
    AuthenticationError,
    ClockSkewed,
    ExchangeError,
    ListenKeyGone,
    OrderNotFound,
    OrderRefused,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    TransientError,
    UnknownSymbol,
)
from exchanges.http_session import Answer

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
UNKNOWN_503 = "Unknown error, please check your request or try again later."


def an_answer(status: int, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    return Answer(
        status=status, headers=headers or {}, body=body, requested_at=NOW, received_at=NOW
    )


def refusal(code: int, text: str = "refused") -> bytes:
    return json.dumps({"code": code, "msg": text}).encode()


def failure(
    status: int, body: bytes, *, is_order: bool, headers: dict[str, str] | None = None
) -> ExchangeError:
    with pytest.raises(ExchangeError) as caught:
        read_answer(an_answer(status, body, headers), changes_orders=is_order)
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "of_question", "of_order"),
    [
        pytest.param(200, b"", TransientError, OutcomeUnknown, id="empty"),
        pytest.param(200, b"null", TransientError, OutcomeUnknown, id="null"),
        pytest.param(200, b"<html>", TransientError, OutcomeUnknown, id="no JSON"),
        pytest.param(200, b'{"orderId":1', TransientError, OutcomeUnknown, id="cut off"),
        pytest.param(200, b"[" * 10**5, TransientError, OutcomeUnknown, id="depth bomb"),
        pytest.param(200, refusal(-1007), TransientError, OutcomeUnknown, id="200 with an error"),
        pytest.param(301, b"", TransientError, OutcomeUnknown, id="redirect"),
        pytest.param(404, b"<html>", TransientError, OutcomeUnknown, id="404 of a gateway"),
        pytest.param(408, refusal(-1007), TransientError, OutcomeUnknown, id="408"),
        pytest.param(408, b"", TransientError, OutcomeUnknown, id="408 empty"),
        pytest.param(500, b"", TransientError, OutcomeUnknown, id="500"),
        pytest.param(502, b"<html>", TransientError, OutcomeUnknown, id="502"),
        pytest.param(503, UNKNOWN_503.encode(), TransientError, OutcomeUnknown, id="503 unknown"),
        pytest.param(503, b"Service Unavailable.", TransientError, TransientError, id="503 failed"),
        pytest.param(
            503, refusal(-1, "Service Unavailable."), TransientError, TransientError, id="503 JSON"
        ),
        pytest.param(503, refusal(-1008), TransientError, TransientError, id="-1008"),
        pytest.param(500, refusal(-1102), TransientError, OutcomeUnknown, id="500 with a code"),
        pytest.param(400, refusal(-1000), TransientError, OutcomeUnknown, id="-1000"),
        pytest.param(400, refusal(-1001), TransientError, OutcomeUnknown, id="-1001"),
        pytest.param(400, refusal(-1006), TransientError, OutcomeUnknown, id="-1006"),
        pytest.param(400, refusal(-1007), TransientError, OutcomeUnknown, id="-1007"),
        pytest.param(400, refusal(-4116), TransientError, OutcomeUnknown, id="-4116"),
        pytest.param(429, refusal(-1003), RateLimited, RateLimited, id="429"),
        pytest.param(418, b"", RateLimited, RateLimited, id="418"),
        pytest.param(400, refusal(-1003), RateLimited, RateLimited, id="-1003"),
        pytest.param(400, refusal(-1015), RateLimited, RateLimited, id="-1015"),
        pytest.param(403, b"<html>", RateLimited, RateLimited, id="403 firewall"),
        pytest.param(400, refusal(-1021), ClockSkewed, ClockSkewed, id="-1021"),
        pytest.param(400, refusal(-5028), ClockSkewed, ClockSkewed, id="-5028"),
        pytest.param(401, refusal(-1022), AuthenticationError, AuthenticationError, id="-1022"),
        pytest.param(401, refusal(-2014), AuthenticationError, AuthenticationError, id="-2014"),
        pytest.param(401, refusal(-2015), AuthenticationError, AuthenticationError, id="-2015"),
        pytest.param(400, refusal(-2008), AuthenticationError, AuthenticationError, id="-2008"),
        pytest.param(400, refusal(-2013), OrderNotFound, OrderNotFound, id="-2013"),
        pytest.param(400, refusal(-2011), OrderNotFound, OrderNotFound, id="-2011"),
        pytest.param(400, refusal(-1125), ListenKeyGone, ListenKeyGone, id="-1125"),
        pytest.param(400, refusal(-1121), UnknownSymbol, UnknownSymbol, id="-1121"),
        pytest.param(400, refusal(-2010), PermanentError, OrderRefused, id="-2010"),
        pytest.param(400, refusal(-2019), PermanentError, OrderRefused, id="-2019"),
        pytest.param(400, refusal(-4164), PermanentError, OrderRefused, id="-4164"),
        pytest.param(400, refusal(-5022), PermanentError, OrderRefused, id="-5022"),
        pytest.param(400, refusal(-4120), PermanentError, OrderRefused, id="-4120"),
        pytest.param(400, refusal(-1102), PermanentError, OrderRefused, id="-1102"),
    ],
)
def test_a_failure_means_what_status_and_code_say(
    status: int,
    body: bytes,
    of_question: type[ExchangeError],
    of_order: type[ExchangeError],
) -> None:
    assert type(failure(status, body, is_order=False)) is of_question
    assert type(failure(status, body, is_order=True)) is of_order


def test_a_failure_keeps_the_exchange_s_code_and_words() -> None:
    error = failure(400, refusal(-2019, "Margin is insufficient."), is_order=True)

    assert (error.code, error.http_status) == ("-2019", 400)
    assert str(error) == "HTTP 400 -2019 Margin is insufficient."


@pytest.mark.parametrize(
    ("status", "body", "headers", "seconds"),
    [
        (429, refusal(-1003), {"Retry-After": "17"}, 17),
        (418, b"", {"Retry-After": "120"}, 120),
        (418, b"", {"Retry-After": "99999999999"}, 4 * 86400),
        (418, b"", {"Retry-After": "soon"}, None),
        (403, b"<html>", {}, 300),
        (418, refusal(-1003, f"banned until {int(NOW.timestamp() + 60)}000."), {}, 60),
    ],
)
def test_a_ban_says_how_long(
    status: int, body: bytes, headers: dict[str, str], seconds: float | None
) -> None:
    error = failure(status, body, is_order=False, headers=headers)

    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"code":200,"msg":"done"}', b'[{"a":1}]'])
def test_a_good_answer_is_its_json(body: bytes) -> None:
    assert read_answer(an_answer(200, body), changes_orders=True) == json.loads(body)


def test_what_looks_like_a_key_is_not_repeated() -> None:
    secret = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"

    error = failure(400, refusal(-1022, f"bad signature={secret} of it"), is_order=True)

    assert secret not in str(error)
    assert "bad signature=*** of it" in str(error)


@given(status=st.integers(100, 599), body=st.binary(max_size=200), is_order=st.booleans())
def test_no_answer_raises_anything_else(status: int, body: bytes, *, is_order: bool) -> None:
    try:
        read_answer(an_answer(status, body), changes_orders=is_order)
    except ExchangeError as error:
        assert is_order or not isinstance(error, OutcomeUnknown)  # noqa: PT017


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (-2026, "Order was archived over 90 days ago.", OrderNotFound),
        (-2039, "Client order ID is not correct for this order ID", OrderNotFound),
        (-1034, "Too many new connections", RateLimited),
        (-1013, "Filter failure: LOT_SIZE", OrderRefused),
        (-2010, "Account has insufficient balance for requested action.", OrderRefused),
        # the order with this name may be ours, sent a moment ago
        (-2010, "Duplicate order sent.", OutcomeUnknown),
        (-2035, "User Data Stream subscription already active.", OrderRefused),
    ],
)
def test_what_only_spot_says_of_an_order_is_told_apart(
    code: int, text: str, kind: type[ExchangeError]
) -> None:
    assert type(failure(400, refusal(code, text), is_order=True)) is kind
