"""No secret leaves in a log, in whatever form it comes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ordertrack.scrubbing import STRUCK_OUT, scrub, scrub_text

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("GET https://host/fapi/v1/order?a=1&signature=deadbeef&b=2", id="signature"),
        pytest.param("wss://host/private/ws?listenKey=deadbeef", id="listen key in a query"),
        pytest.param(f"wss://host/ws/{KEY} closed", id="listen key in a path"),
        pytest.param("{'X-MBX-APIKEY': 'deadbeef', 'Accept': 'x'}", id="header in a repr"),
        pytest.param('{"apiKey":"deadbeef","x":1}', id="JSON"),
        pytest.param("api_secret = deadbeef", id="assignment"),
        pytest.param("Authorization: Token deadbeef", id="authorization"),
        pytest.param("Unauthorized: /api/webhook/my-strategy/deadbeef", id="webhook's path"),
        pytest.param("<ASGIRequest: POST '/api/webhook/s/deadbeef'>", id="webhook's request"),
        pytest.param('{"symbol": "BTCUSDT", "token": "deadbeef"}', id="webhook's body"),
        pytest.param("redis://:deadbeef@127.0.0.1:6379/0", id="password in a URL"),
    ],
)
def test_a_secret_in_text_is_struck_out(text: str) -> None:
    scrubbed = scrub_text(text)

    assert "deadbeef" not in scrubbed
    assert KEY not in scrubbed
    assert STRUCK_OUT in scrubbed


def test_the_rest_of_the_text_stays() -> None:
    assert scrub_text("GET /order?symbol=BTCUSDT&signature=ab&recvWindow=5000") == (
        "GET /order?symbol=BTCUSDT&signature=***&recvWindow=5000"
    )


def test_words_about_a_listen_key_stay() -> None:
    note = "Listen Key extended for account 7"

    assert scrub_text(note) == note


def test_a_field_that_is_named_like_a_secret_is_struck_out() -> None:
    event = {"event": "account.created", "api_secret": "deadbeef", "account": 7}

    assert scrub(event) == {"event": "account.created", "api_secret": STRUCK_OUT, "account": 7}


def test_nested_values_are_searched() -> None:
    event = {"params": [{"listenKey": "deadbeef"}, ("token=deadbeef",)], "raw": b"secret=deadbeef"}

    assert "deadbeef" not in str(scrub(event))


def test_amounts_keep_all_their_digits() -> None:
    amount = Decimal("123456789012345678.123456789012345678")

    assert scrub({"quantity": amount}) == {"quantity": str(amount)}
