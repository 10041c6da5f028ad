"""What a private socket answers: a state machine, without a socket."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.simulator.bybit.session import Session

NOW = 1_795_000_000_000
KEY, SECRET = "ann-key", "ann-secret"


@pytest.fixture
def session() -> Session:
    return a_session()


def a_session(margin: int = 500) -> Session:
    return Session(conn_id="c-1", secret_of={KEY: SECRET}.get, margin_ms=lambda: margin)


def say(session: Session, operation: str, *arguments: Any, **more: Any) -> dict[str, Any]:
    said = {"op": operation, "args": list(arguments), **more}
    return session.react(json.dumps(said), NOW)


def auth(expires: Any, secret: str = SECRET) -> tuple[Any, ...]:
    text = f"GET/realtime{expires}".encode()
    return KEY, expires, hmac.new(secret.encode(), text, sha256).hexdigest()


@pytest.mark.parametrize("expires", [NOW + 10_000, str(NOW + 10_000), NOW + 500])
def test_a_signature_with_time_left_is_proof(session: Session, expires: object) -> None:
    answer = say(session, "auth", *auth(expires), req_id="1")
    assert answer == {
        "req_id": "1", "success": True, "ret_msg": "", "op": "auth", "conn_id": "c-1"
    }  # fmt: skip
    assert session.api_key == KEY


@pytest.mark.parametrize(
    "arguments",
    [
        auth(NOW + 499),
        auth(NOW - 1),
        auth("soon"),
        auth(NOW + 10_000, "wrong-secret"),
        auth(NOW + 10_000)[:2],
        ("nobody", NOW + 10_000, "0"),
        (KEY, NOW + 10_000, "é"),
        (),
    ],
    ids=["tight", "past", "no-number", "secret", "two", "nobody", "no-hex", "nothing"],
)
def test_anything_else_is_a_params_error(session: Session, arguments: tuple[Any, ...]) -> None:
    answer = say(session, "auth", *arguments)
    assert answer == {
        "success": False, "ret_msg": "Params Error", "op": "auth", "conn_id": "c-1"
    }  # fmt: skip
    assert not session.api_key
    assert say(session, "subscribe", "order")["ret_msg"] == "Request not authorized"


def test_a_failed_attempt_can_be_repeated_a_good_one_cannot(session: Session) -> None:
    assert not say(session, "auth", *auth(NOW))["success"]
    assert say(session, "auth", *auth(NOW + 1_000))["success"]
    assert not say(session, "auth", *auth(NOW + 1_000))["success"]


def test_a_ping_is_answered_as_private_sockets_do_even_unproven(session: Session) -> None:
    assert session.react('{"op": "ping", "req_id": 7}', NOW) == {
        "req_id": "7", "op": "pong", "args": [str(NOW)], "conn_id": "c-1"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("topics", "reason"),
    [
        (["order", "order.linear"], "error:topic conflict,topic:order"),
        (["execution.fast", "execution.fast.spot"], "error:topic conflict,topic:execution.fast"),
        (["order", "orders"], "error:handler not found,topic:orders"),
        (["order.futures"], "error:handler not found,topic:order.futures"),
        ([], "Params Error"),
    ],
)
def test_a_subscription_fails_as_a_whole(session: Session, topics: list[str], reason: str) -> None:
    say(session, "auth", *auth(NOW + 10_000))
    assert say(session, "subscribe", *topics)["ret_msg"] == reason
    assert session.topics == set()


def test_topics_come_and_go(session: Session) -> None:
    say(session, "auth", *auth(NOW + 10_000))
    assert say(session, "subscribe", "order", "execution.linear", "wallet")["success"]
    again = say(session, "subscribe", "order")
    assert again["ret_msg"] == "error:already subscribed,topic:order"
    assert say(session, "unsubscribe", "order")["success"]
    assert session.topics == {"execution.linear", "wallet"}


@given(st.text() | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["op", "args"]), inner),
).map(json.dumps))  # fmt: skip
def test_nothing_that_is_said_proves_anything_by_chance(text: str) -> None:
    session = a_session()
    assert session.react(text, NOW)["conn_id"] == "c-1"
    assert not session.api_key
