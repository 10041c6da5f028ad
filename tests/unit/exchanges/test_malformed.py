from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.errors import MalformedMessage, PermanentError
from exchanges.messages import Message, OrderReport
from exchanges.registry import parse
from tests.unit.exchanges.samples import FRAMES, changed, sample, sample_json

FILL = "ORDER_TRADE_UPDATE__partially_filled"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["ORDER_TRADE_UPDATE", "BUY", "1e400", "-1", "NaN", "0"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


def read_or_refuse(raw: bytes | str) -> list[Message]:
    """Read a frame, allowing only the one permitted failure."""
    try:
        return parse("BINANCE", "FUTURES", raw)
    except MalformedMessage as error:
        shown = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
        if error.raw != shown[: len(error.raw)]:
            pytest.fail("the raw text was not kept")
        return []


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe{}", id="bad UTF-8"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"[" * 100_000, id="depth bomb"),
        pytest.param(b'{"a":' * 100_000, id="object depth bomb"),
        pytest.param(b'{"e":"X"} {}', id="two texts"),
        pytest.param(b'{"e":"X","e":"Y"}', id="duplicated key"),
        pytest.param(b'{"e":NaN}', id="NaN"),
        pytest.param(b'{"e":Infinity}', id="infinity"),
        pytest.param(b'{"e":1' + b"0" * 5000 + b"}", id="huge int"),
        pytest.param(b'{"e":1e99999999999999999999}', id="huge exponent"),
        pytest.param(b'{"e":"' + b"x" * 2_000_000 + b'"}', id="too long"),
        pytest.param(b'{"data":[]}', id="wrapped list"),
        pytest.param(b'{"id":1}', id="no event"),
        pytest.param(b'{"e":"ORDER_TRADE_UPDATE","E":1}', id="no order"),
        pytest.param(b'{"e":"A\\u0000"}', id="NUL in text"),
        pytest.param(b'{"e":"\\ud800"}', id="lone surrogate"),
        pytest.param('{"e":"\ud800"}', id="lone surrogate in str"),
    ],
)
def test_garbage_is_refused_with_its_raw_text(raw: bytes | str) -> None:
    with pytest.raises(MalformedMessage) as caught:
        parse("BINANCE", "FUTURES", raw)

    assert caught.value.raw or not raw


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("q", "-1"),
        ("q", "NaN"),
        ("q", "Infinity"),
        ("q", "1e400"),
        ("q", "1_000"),
        ("q", " 1"),
        ("q", "\u0661"),
        ("q", "1" * 21),
        ("q", "0." + "0" * 18 + "1"),
        ("q", True),
        ("q", None),
        ("q", 10**30),
        ("z", "-0.1"),
        ("l", "-0.1"),
        ("L", "-0.1"),
        ("l", []),
        ("i", -5),
        ("i", 2**70),
        ("i", "12a"),
        ("i", 1.5),
        ("i", True),
        ("t", -2),
        ("T", 5),
        ("T", "1779367929401"),
        ("T", 10**18),
        ("S", "HOLD"),
        ("S", None),
        ("ps", "MIDDLE"),
        ("ps", None),
        ("s", ""),
        ("s", "x" * 300),
        ("c", "a\nb"),
        ("m", "yes"),
        ("R", 1),
        ("n", {}),
        ("X", None),
    ],
)
def test_a_fill_with_an_absurd_field_is_refused(key: str, value: object) -> None:
    with pytest.raises(MalformedMessage):
        parse("BINANCE", "FUTURES", changed(FILL, **{key: value}))


@pytest.mark.parametrize("written", ["0.1", "1e-1", "0.10"])
def test_an_amount_told_as_a_number_stays_exact(written: str) -> None:
    raw = changed(FILL, q="PLACE").decode().replace('"PLACE"', written)

    (report,) = parse("BINANCE", "FUTURES", raw)

    assert isinstance(report, OrderReport)
    assert report.quantity == Decimal("0.1")


@pytest.mark.parametrize("written", ["1e400", "1e-400", "1E+999999", "1e400000000"])
def test_an_amount_told_as_an_absurd_number_is_refused(written: str) -> None:
    raw = changed(FILL, q="PLACE").decode().replace('"PLACE"', written)

    with pytest.raises(MalformedMessage):
        parse("BINANCE", "FUTURES", raw)


@given(st.binary() | st.text(alphabet=st.characters()))
def test_no_bytes_raise_anything_else(raw: bytes | str) -> None:
    read_or_refuse(raw)


@given(JSON)
def test_no_json_raises_anything_else(value: object) -> None:
    read_or_refuse(json.dumps(value))


@given(st.sampled_from(FRAMES), st.data())
def test_no_mutated_frame_raises_anything_else(name: str, data: st.DataObject) -> None:
    frame = sample_json(name)
    target = frame
    for _ in range(data.draw(st.integers(0, 3))):
        inner = [value for value in target.values() if isinstance(value, dict)]
        target = data.draw(st.sampled_from(inner)) if inner else target
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(JSON)

    read_or_refuse(json.dumps(frame))


@given(st.sampled_from(FRAMES), st.integers(0, 2000), st.binary(max_size=4))
def test_no_spoilt_frame_raises_anything_else(name: str, at: int, spoilt: bytes) -> None:
    raw = sample(name)

    read_or_refuse(raw[:at] + spoilt + raw[at + len(spoilt) :])


@pytest.mark.parametrize(
    ("exchange", "market_type"), [("NOWHERE", "FUTURES"), ("BINANCE", "OPTIONS")]
)
def test_an_exchange_we_do_not_speak_is_refused(exchange: str, market_type: str) -> None:
    with pytest.raises(PermanentError):
        parse(exchange, market_type, b"{}")
