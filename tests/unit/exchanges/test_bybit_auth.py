from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from exchanges.bybit_auth import AuthMessage, signature
from exchanges.connection import ConnectionEndedError, Heard
from exchanges.credentials import Credentials
from exchanges.errors import AuthenticationError, ExchangeError, TransientError
from exchanges.messages import MarketType
from exchanges.stream_credential import pong_test
from tests.unit.exchanges.bybit_samples import sample

if TYPE_CHECKING:
    from exchanges.connection import Connection
    from exchanges.rest import RestClient

SECRET = "s" * 36
FILL = sample("execution__linear_first_fill")


class Clock:
    """A client as far as the way in needs one: it knows the exchange's clock."""

    def __init__(self, offset_ms: int = 0, *, is_away: bool = False) -> None:
        self.clock_offset_ms, self.is_away = offset_ms, is_away

    def fetch_server_time(self, **_call: Any) -> datetime:
        if self.is_away:
            raise TransientError
        return datetime.now(UTC)


class Line:
    """A connection whose other side answers from a list."""

    def __init__(self, *frames: bytes | None) -> None:
        self.frames = list(frames)
        self.sent: list[Any] = []

    def send(self, text: str) -> None:
        self.sent.append(json.loads(text))

    def receive(self) -> tuple[Heard, bytes] | None:
        if not self.frames:
            msg = "over"
            raise ConnectionEndedError(msg)
        frame = self.frames.pop(0)
        if frame is None:
            return None
        return (Heard.DATA, frame) if frame else (Heard.CONTROL, b"")


def way_in(
    client: Clock | None = None, market_type: MarketType = MarketType.FUTURES
) -> AuthMessage:
    return AuthMessage(
        Credentials(api_key="key", api_secret=SECRET),
        cast("RestClient", client or Clock()),
        market_type=market_type,
        base_url="ws://there/",
    )


def greet(line: Line, made: AuthMessage | None = None, timeout: float = 5) -> tuple[bytes, ...]:
    return (made or way_in()).greet(cast("Connection", line), timeout)


def hmac_of(expires: int) -> str:
    said = f"GET/realtime{expires}".encode()
    return hmac.new(SECRET.encode(), said, hashlib.sha256).hexdigest()


def test_it_says_who_it_is_and_then_what_it_wants_to_hear() -> None:
    line = Line(sample("auth__accepted"), sample("subscribe__accepted"))

    assert greet(line) == ()

    said, asked = line.sent
    key, expires, signed = said["args"]
    assert (said["op"], key, signed) == ("auth", "key", hmac_of(expires))
    assert 9_000 < expires - time.time() * 1000 <= 10_000
    assert (asked["op"], asked["args"]) == ("subscribe", ["order.linear", "execution.linear"])


@pytest.mark.parametrize(
    ("market_type", "category"),
    [(MarketType.SPOT, "spot"), (MarketType.COIN_FUTURES, "inverse")],
)
def test_a_stream_hears_of_its_category_alone(market_type: MarketType, category: str) -> None:
    line = Line(sample("auth__accepted"), sample("subscribe__accepted"))

    greet(line, way_in(market_type=market_type))

    assert line.sent[1]["args"] == [f"order.{category}", f"execution.{category}"]


def test_the_time_is_the_exchange_s() -> None:
    line = Line(sample("auth__accepted"), sample("subscribe__accepted"))

    greet(line, way_in(Clock(offset_ms=30_000)))

    assert line.sent[0]["args"][1] < time.time() * 1000 - 19_000


def test_what_comes_before_the_answers_is_handed_on() -> None:
    pong = sample("pong__private")
    line = Line(
        None, b"", FILL, sample("auth__accepted"), pong, FILL, sample("subscribe__accepted")
    )

    assert greet(line) == (FILL, FILL)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Params Error", TransientError),
        ("Request expired", TransientError),
        ("API key is invalid", AuthenticationError),
        ("", AuthenticationError),
        (7, AuthenticationError),
    ],
)
def test_a_refusal_is_about_the_key_or_about_the_time(
    reason: object, kind: type[ExchangeError]
) -> None:
    refused = json.dumps({"success": False, "ret_msg": reason, "op": "auth"}).encode()

    with pytest.raises(kind):
        greet(Line(refused))


def test_a_refused_subscription_may_be_asked_for_again() -> None:
    refused = b'{"success":false,"ret_msg":"no such topic","op":"subscribe"}'

    with pytest.raises(TransientError):
        greet(Line(sample("auth__accepted"), refused))


def test_no_answer_is_not_awaited_for_ever() -> None:
    with pytest.raises(TransientError):
        greet(Line(None), timeout=0)


def test_it_goes_on_without_knowing_the_time() -> None:
    assert way_in(Clock(is_away=True)).door().url == "ws://there/v5/private"


def test_it_keeps_itself_alive_with_a_text_and_has_nothing_to_prolong() -> None:
    made = way_in()

    assert json.loads(made.heartbeat() or "")["op"] == "ping"
    assert made.refresh_after is None
    assert made.refresh()


@pytest.mark.parametrize(
    ("frame", "is_pong"),
    [
        (sample("pong__private"), True),
        (FILL, False),
        (FILL.replace(b"ota1b2c3d4e5f6g7h8", b"pong"), False),
        (sample("subscribe__accepted"), False),
        (b'{"op":"pong"', False),
    ],
)
def test_an_answer_to_a_ping_is_no_event(frame: bytes, *, is_pong: bool) -> None:
    assert pong_test(way_in())(frame) is is_pong


@pytest.mark.parametrize(
    ("frame", "has_expired"),
    [
        (FILL, False),
        (sample("pong__private"), False),
        (sample("subscribe__accepted"), False),
        (b'{"success":false,"ret_msg":"not authorised","op":"ping"}', True),
        (b'{"topic":"order","success":false}', False),
        (b'{"success":false', False),
    ],
)
def test_it_notices_that_it_is_not_believed_any_more(frame: bytes, *, has_expired: bool) -> None:
    made = way_in()

    assert made.has_expired(frame) is has_expired
    assert not made.is_ending(frame)


def test_it_signs_with_rsa_where_the_secret_is_such_a_key() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    signed = base64.b64decode(signature(pem, 17))

    key.public_key().verify(signed, b"GET/realtime17", padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("kind", ["another", "broken"])
def test_a_key_of_another_kind_is_refused(kind: str) -> None:
    other = ed25519.Ed25519PrivateKey.generate()
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    if kind == "broken":
        pem = pem[:60]

    with pytest.raises(AuthenticationError):
        signature(pem, 17)
