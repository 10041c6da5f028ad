"""No secret is kept, and whatever could be read before can be read after."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.errors import MalformedMessage
from exchanges.redaction import redacted
from exchanges.registry import parse
from tests.unit.exchanges.samples import FRAMES, sample, sample_json

LISTEN_KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
SECRET = "s3cr3t-V4lue"
NAMES = (
    "stream",
    "listenKey",
    "listen_key",
    "listenToken",
    "apiKey",
    "api_key",
    "X-MBX-APIKEY",
    "apiSecret",
    "secret_key",
    "signature",
    "sign",
    "token",
    "accessToken",
    "passphrase",
    "Authorization",
)
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8) | st.sampled_from(["e", "o", "data"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("name", FRAMES)
def test_a_redacted_frame_says_what_the_frame_said(name: str) -> None:
    raw = sample(name).decode()

    assert parse("BINANCE", "FUTURES", redacted(raw)) == parse("BINANCE", "FUTURES", raw)


def test_the_key_a_wrapped_frame_came_under_is_struck_out() -> None:
    frame = json.dumps({"stream": LISTEN_KEY, "data": sample_json("ORDER_TRADE_UPDATE__filled")})

    kept = redacted(frame)

    assert LISTEN_KEY not in kept
    assert json.loads(kept)["stream"] == "redacted"
    assert parse("BINANCE", "FUTURES", kept) == parse("BINANCE", "FUTURES", frame)


def test_the_end_of_a_listen_key_does_not_name_it() -> None:
    kept = redacted(json.dumps({"e": "listenKeyExpired", "E": 1, "listenKey": LISTEN_KEY}))

    assert json.loads(kept) == {"e": "listenKeyExpired", "E": 1, "listenKey": "redacted"}


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param('{"result":["%s"],"id":3}', id="Binance lists its subscriptions"),
        pytest.param('{"id":"1","result":{"apiKey":"%s","serverTime":1}}', id="Binance logon"),
        pytest.param('{"op":"auth","success":false,"api_key":"%s"}', id="Bybit auth"),
        pytest.param('{"e":"ORDER_TRADE_UPDATE","listenKey":"%s', id="cut off"),
        pytest.param('{"listenKey" : "%s\\', id="cut off in an escape"),
        pytest.param("unknown stream %s", id="no JSON"),
        pytest.param('[{"token":"%s"}]', id="list"),
        pytest.param('{"LISTENKEY":"%s"}', id="capitals"),
    ],
)
def test_no_answer_keeps_a_key(frame: str) -> None:
    assert LISTEN_KEY not in redacted(frame % LISTEN_KEY)


@pytest.mark.parametrize(
    "name", ["ORDER_TRADE_UPDATE__filled", "rest_order__partially_filled", "rest_userTrades__two"]
)
def test_what_holds_no_secret_stays_to_the_letter_at_once(name: str) -> None:
    raw = sample(name).decode()

    assert redacted(raw) is raw


def hidden(document: Any, name: str, secret: object) -> Any:
    """Put a secret beside everything a document holds, at every depth."""
    if isinstance(document, dict):
        return {k: hidden(v, name, secret) for k, v in document.items()} | {name: secret}
    if isinstance(document, list):
        return [*(hidden(v, name, secret) for v in document), {name: secret}]
    return document


@given(
    document=st.dictionaries(st.text(max_size=8), DOCUMENTS, max_size=4),
    name=st.sampled_from(NAMES),
    tail=st.text(max_size=20),
    is_ascii=st.booleans(),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\n")]),
)
def test_no_named_secret_survives_and_json_stays_json(
    document: dict[str, Any],
    name: str,
    tail: str,
    is_ascii: bool,  # noqa: FBT001
    separators: tuple[str, str],
) -> None:
    frame = json.dumps(
        hidden(document, name, SECRET + tail), ensure_ascii=is_ascii, separators=separators
    )

    kept = redacted(frame)

    assert SECRET not in kept
    assert json.loads(kept) == hidden(document, name, "redacted")
    assert redacted(kept) == kept


@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)


@given(st.dictionaries(st.sampled_from(["e", "E", "T", "o", "s"]), DOCUMENTS, max_size=5))
def test_what_could_not_be_read_still_cannot(document: dict[str, Any]) -> None:
    frame = json.dumps(document)

    assert readable(redacted(frame)) == readable(frame)


def readable(frame: str) -> bool:
    try:
        parse("BINANCE", "FUTURES", frame)
    except MalformedMessage:
        return False
    return True
