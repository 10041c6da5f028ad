"""Upbit's way in, against a server that says what it is told to, and against the simulated one."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from exchanges.connection import ConnectionEndedError, Heard, dial
from exchanges.credentials import Credentials
from exchanges.errors import AuthenticationError, PermanentError, TransientError
from exchanges.messages import IgnoredMessage
from exchanges.registry import adapter, parse
from exchanges.simulator.thread import SimulatorThread
from exchanges.simulator.upbit.config import UpbitConfig
from exchanges.stream_credential import Door
from exchanges.upbit_handshake import HandshakeToken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.connection import Connection

ANN = Credentials(api_key="ann", api_secret="a" * 40)


class Script:
    """A connection that hears what it was given, then silence."""

    def __init__(self, *frames: tuple[Heard, bytes]) -> None:
        self.frames = list(frames)
        self.sent: list[str] = []
        self.pings = 0

    def receive(self) -> tuple[Heard, bytes] | None:
        return self.frames.pop(0) if self.frames else None

    def ping(self) -> None:
        self.pings += 1

    def send(self, text: str) -> None:
        self.sent.append(text)

    def abort(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def data(**frame: object) -> tuple[Heard, bytes]:
    return Heard.DATA, json.dumps(frame).encode()


LISTED = data(method="LIST_SUBSCRIPTIONS", result=[], ticket="t")
PONG = (Heard.CONTROL, b"")


def test_every_door_shows_a_fresh_token_and_prints_none() -> None:
    credential = HandshakeToken(ANN)

    first, second = credential.door(), credential.door()

    assert first.url == "wss://api.upbit.com/websocket/v1/private"
    assert first.headers["Authorization"].startswith("Bearer ")
    assert first.headers != second.headers
    assert "Bearer" not in repr(first)


def test_the_subscription_asks_for_orders_and_balances_of_all_markets() -> None:
    script = Script(LISTED)

    HandshakeToken(ANN).greet(script, 1.0)

    asked = json.loads(script.sent[0])
    assert asked[0]["ticket"]
    assert asked[1:] == [{"type": "myOrder"}, {"type": "myAsset"}, {"format": "DEFAULT"}]


def test_what_was_heard_before_the_answer_is_handed_on() -> None:
    script = Script(PONG, data(type="myOrder"), LISTED, data(type="later"))

    heard = HandshakeToken(ANN).greet(script, 1.0)

    assert [json.loads(raw)["type"] for raw in heard] == ["myOrder"]
    assert script.frames


def test_a_pong_without_an_objection_will_do() -> None:
    began = time.monotonic()

    assert HandshakeToken(ANN).greet(Script(PONG), 5.0) == ()
    assert time.monotonic() - began < 2


def test_silence_is_no_consent() -> None:
    with pytest.raises(TransientError):
        HandshakeToken(ANN).greet(Script(), 0.05)


@pytest.mark.parametrize(
    ("name", "kind"), [("INVALID_AUTH", AuthenticationError), ("WRONG_FORMAT", PermanentError)]
)
def test_an_objection_is_a_refusal(name: str, kind: type[PermanentError]) -> None:
    script = Script(data(error={"name": name, "message": "no"}))

    with pytest.raises(kind) as caught:
        HandshakeToken(ANN).greet(script, 1.0)

    assert type(caught.value) is kind


def test_nothing_has_to_be_prolonged() -> None:
    credential = HandshakeToken(ANN)

    assert (credential.refresh_after, credential.refresh()) == (None, True)
    assert credential.heartbeat() is None
    assert not credential.is_ending(b"{}")
    assert adapter("UPBIT").credential_refresh is None


@pytest.mark.parametrize(
    ("raw", "is_over"),
    [
        (b'{"error":{"name":"INVALID_AUTH","message":"x"}}', True),
        (b'{"error":{"name":"INVALID_PARAM","message":"x"}}', False),
        (b'{"error":', False),
        (b'{"status":"UP"}', False),
    ],
)
def test_only_a_token_that_is_not_believed_ends_the_session(raw: bytes, *, is_over: bool) -> None:
    assert HandshakeToken(ANN).has_expired(raw) is is_over


@pytest.fixture(scope="module")
def upbit() -> Iterator[SimulatorThread]:
    config = UpbitConfig(price_interval=0, idle_timeout=0.3, status_interval=0.05)
    with SimulatorThread(config=config, houses=[("UPBIT", "SPOT")]) as running:
        running.account(ANN.api_key, ANN.api_secret)
        yield running


def dialled(upbit: SimulatorThread, credentials: Credentials = ANN) -> Connection:
    return dial(HandshakeToken(credentials, base_url=upbit.ws_url).door(), 5.0, 0.02)


def heard_until_the_end(connection: Connection, patience: float = 3.0) -> list[bytes]:
    heard: list[bytes] = []
    deadline = time.monotonic() + patience
    try:
        while time.monotonic() < deadline:
            frame = connection.receive()
            heard += [frame[1]] if frame else []
    except ConnectionEndedError:
        connection.close()
        return heard
    pytest.fail("the connection did not end")


def test_a_connection_on_which_nothing_is_said_is_closed(upbit: SimulatorThread) -> None:
    began = time.monotonic()

    assert heard_until_the_end(dialled(upbit)) == []
    assert 0.25 < time.monotonic() - began < 2


def test_a_ping_of_text_is_answered_again_and_again_and_ignored(upbit: SimulatorThread) -> None:
    connection = dialled(upbit)
    connection.send("PING")
    heard: list[bytes] = []
    while len(heard) < 10:
        frame = connection.receive()
        heard += [frame[1]] if frame else []
    connection.close()

    assert set(heard) == {b'{"status":"UP"}'}
    assert parse("UPBIT", "SPOT", heard[0]) == [IgnoredMessage(event="status")]


def test_a_token_is_taken_once(upbit: SimulatorThread) -> None:
    door = HandshakeToken(ANN, base_url=upbit.ws_url).door()
    dial(door, 5.0, 0.02).close()

    with pytest.raises(ConnectionEndedError, match="401"):
        dial(door, 5.0, 0.02)


def test_a_stranger_is_refused_at_the_door(upbit: SimulatorThread) -> None:
    with pytest.raises(ConnectionEndedError, match="401"):
        dialled(upbit, Credentials(api_key="bob", api_secret="b" * 40))


def test_whoever_names_an_origin_may_come_once_in_a_while(upbit: SimulatorThread) -> None:
    def with_origin() -> Door:
        door = HandshakeToken(ANN, base_url=upbit.ws_url).door()
        return Door(url=door.url, headers={**door.headers, "Origin": "http://localhost"})

    dial(with_origin(), 5.0, 0.02).close()

    with pytest.raises(ConnectionEndedError, match="429"):
        dial(with_origin(), 5.0, 0.02)
    dialled(upbit).close()


def test_a_subscription_that_makes_no_sense_is_objected_to(upbit: SimulatorThread) -> None:
    for text, name in (
        ("nonsense", "WRONG_FORMAT"),
        ('[{"type":"myOrder"}]', "NO_TICKET"),
        ('[{"ticket":"t"}]', "NO_TYPE"),
        ('[{"ticket":"t"},{"type":"yourOrder"}]', "INVALID_PARAM"),
    ):
        connection = dialled(upbit)
        connection.send(text)
        while (frame := connection.receive()) is None:
            continue
        connection.close()
        assert json.loads(frame[1])["error"]["name"] == name
