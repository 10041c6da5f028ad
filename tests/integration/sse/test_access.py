"""Who may listen, how many at once, and for how long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from knox.models import AuthToken

from tests.factories import UserFactory, journal, numbered_events
from tests.integration.sse.conftest import session_headers
from tests.integration.sse.reader import Reader, StreamEnded
from tracking.sse import client as client_module
from tracking.sse.view import CONNECTIONS_PER_USER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import WebServer
    from tracking.models import ExchangeAccount


def test_the_answer_may_not_be_cached_buffered_or_compressed(
    open_stream: Callable[..., Reader],
) -> None:
    stream = open_stream("", {"Accept-Encoding": "gzip, br"})

    assert stream.response.status == 200
    assert stream.response.headers["Content-Type"] == "text/event-stream"
    assert stream.response.headers["Cache-Control"] == "no-cache"
    assert stream.response.headers["X-Accel-Buffering"] == "no"
    assert "Content-Encoding" not in stream.response.headers


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"Cookie": "sessionid=invented"}, id="an invented session"),
        pytest.param({"Authorization": "Token " + "0" * 64}, id="an invented token"),
        pytest.param({"Authorization": "Token ÿ"}, id="a token of no alphabet"),
        pytest.param({"Authorization": "Basic dTpw"}, id="another scheme"),
    ],
)
def test_without_a_login_there_is_no_stream(web: WebServer, headers: dict[str, str]) -> None:
    with Reader(web.port, headers=headers) as refused:
        assert refused.response.status == 401
        assert refused.response.headers["Content-Type"] == "application/problem+json"
        assert json.load(refused.response)["code"] == "not_authenticated"


def test_a_token_opens_the_stream_of_its_user(web: WebServer, account: ExchangeAccount) -> None:
    _, token = AuthToken.objects.create(account.user)

    with Reader(web.port, headers={"Authorization": f"Token {token}"}) as stream:
        stream.next()
        journal(account, numbered_events(1))

        assert stream.take(1)[0].seq == 1


def test_one_stream_too_many_is_refused_until_another_ends(
    web: WebServer, open_stream: Callable[..., Reader], account: ExchangeAccount
) -> None:
    streams = [open_stream() for _ in range(CONNECTIONS_PER_USER)]
    for stream in streams:
        stream.next()

    refused = open_stream()
    of_somebody_else = Reader(web.port, headers=session_headers(UserFactory.create()))
    of_somebody_else.close()
    streams[0].close()
    allowed = open_stream()
    while allowed.response.status == 429:
        # the server notices a hang-up a moment after it happened
        allowed = open_stream()

    assert refused.response.status == 429
    assert refused.response.headers["Retry-After"] == "5"
    assert json.load(refused.response)["code"] == "too_many_streams"
    assert of_somebody_else.response.status == 200
    assert allowed.response.status == 200


def end_session(_: User) -> None:
    Session.objects.all().delete()


def lock_user(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user: User) -> None:
    user.set_password("another")
    user.save()


@pytest.mark.parametrize("end", [end_session, lock_user, change_password])
def test_a_stream_ends_soon_after_its_session_does(
    monkeypatch: pytest.MonkeyPatch,
    open_stream: Callable[..., Reader],
    account: ExchangeAccount,
    end: Callable[[Any], None],
) -> None:
    monkeypatch.setattr(client_module, "RHYTHM", client_module.Rhythm(login_check=0.2))
    stream = open_stream()
    stream.next()
    assert stream.next().kind == "keep-alive"

    end(account.user)

    with pytest.raises(StreamEnded):
        stream.read_to_the_end()


def test_a_stream_ends_soon_after_its_token_is_revoked(
    monkeypatch: pytest.MonkeyPatch, web: WebServer, account: ExchangeAccount
) -> None:
    monkeypatch.setattr(client_module, "RHYTHM", client_module.Rhythm(login_check=0.2))
    _, token = AuthToken.objects.create(account.user)

    with Reader(web.port, headers={"Authorization": f"Token {token}"}) as stream:
        stream.next()
        assert stream.next().kind == "keep-alive"
        AuthToken.objects.all().delete()

        with pytest.raises(StreamEnded):
            stream.read_to_the_end()
