"""RE-10, RE-13, RE-19 over the wire: what callers of webhooks are answered, however they behave."""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.db import connection, connections, transaction
from rest_framework.test import APIClient

from ordertrack.logs import FILE_NAME, configure
from tests.integration.api.webhook_caller import Signer, a_use, body, signer, trading_view
from tracking.api import webhook as webhook_view
from tracking.api.webhook import LARGEST_BODY, webhook_threads
from tracking.models import OrderRequest, Webhook, WebhookDelivery
from tracking.services import webhook_issue, webhooks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings

    from tests.integration.conftest import WebServer
    from tracking.models import StrategyAccount
    from tracking.services.webhook_calls import WebhookCall

CANARY = "canary-canary-canary-canary-32ch"


@pytest.fixture
def use(web: WebServer) -> StrategyAccount:
    """Give a strategy's use of an account, and serve the application."""
    return a_use()


def post(web: WebServer, path: str, raw: bytes, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(f"{web.url}/api/webhook/{path}", data=raw, headers=named, timeout=10)


def signed(
    web: WebServer, caller: Signer, raw: bytes, more: dict[str, str] | None = None, **how: Any
) -> requests.Response:
    headers = caller.headers(raw, **how) | (more or {})
    return requests.post(
        f"{web.url}/api/webhook/{caller.slug}", data=raw, headers=headers, timeout=10
    )


def nothing_is_stored() -> bool:
    return not (OrderRequest.objects.exists() or WebhookDelivery.objects.exists())


def test_re_13_a_call_is_answered_202_and_again_200_byte_by_byte(
    web: WebServer, use: StrategyAccount
) -> None:
    caller = signer(use.strategy)

    first = signed(web, caller, body(), nonce="n-1")
    again = signed(web, caller, body(), nonce="n-1")
    other = signed(web, caller, body(qty="7"), nonce="n-1")

    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 409)
    assert first.content == again.content
    (told,) = first.json()["requests"]
    assert told["url"] == f"/api/order-requests/{OrderRequest.objects.get().pk}"


def test_what_became_of_a_call_is_told_to_its_owner_at_the_address_it_was_given(
    web: WebServer, use: StrategyAccount
) -> None:
    (told,) = signed(web, signer(use.strategy), body()).json()["requests"]
    owner, stranger = APIClient(), APIClient()
    owner.force_login(use.strategy.user)
    stranger.force_login(a_use().strategy.user)

    assert owner.get(told["url"]).json()["client_order_id"] == told["client_order_id"]
    assert stranger.get(told["url"]).status_code == 404
    assert APIClient().get(told["url"]).status_code == 401


def test_re_19_what_is_unknown_wrong_or_revoked_gets_one_answer(
    web: WebServer, use: StrategyAccount
) -> None:
    caller, revoked = signer(use.strategy), signer(a_use().strategy)
    webhook_issue.revoke(
        Webhook.objects.filter(strategy__slug=revoked.slug).values_list("pk", flat=True)
    )

    answers = [
        signed(web, Signer("nobody", caller.secret), body()),
        signed(web, Signer(caller.slug, "wrong"), body()),
        signed(web, revoked, body()),
        post(web, f"{caller.slug}/{'x' * 32}", body()),
        post(web, caller.slug, body(token="x" * 32)),
        post(web, caller.slug, body()),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].headers["Content-Type"] == "application/problem+json"
    assert nothing_is_stored()


def test_re_19_a_header_that_names_a_secret_is_ignored(
    web: WebServer, use: StrategyAccount
) -> None:
    caller = signer(use.strategy)
    forger = Signer(caller.slug, "the forger's own")
    names = ("X-OrderTrack-Secret", "X-OrderTrack-Key", "X-Webhook-Secret", "Authorization")

    answer = signed(web, forger, body(), dict.fromkeys(names, forger.secret))

    assert answer.status_code == 401


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b"[" * 60_000, b'{"qty": NaN}'])
def test_re_10_what_nobody_can_read_is_a_400(
    web: WebServer, use: StrategyAccount, raw: bytes
) -> None:
    answers = [
        post(web, f"{use.strategy.slug}/{trading_view(use.strategy).token}", raw),
        signed(web, signer(use.strategy), raw),
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert {answer.json()["code"] for answer in answers} == {"unreadable"}
    assert nothing_is_stored()


def test_re_10_a_wrong_order_is_a_422_that_names_its_place(
    web: WebServer, use: StrategyAccount
) -> None:
    raw = json.dumps([json.loads(body()), json.loads(body(qty=-1))]).encode()

    answer = signed(web, signer(use.strategy), raw)

    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["index"]) == ("invalid", 1)
    assert nothing_is_stored()


@pytest.mark.parametrize(
    ("template", "changes", "status"),
    [
        ({"allowed_sides": ["SELL"]}, {}, 403),
        ({"allowed_symbols": ["ETH/USDT:USDT"]}, {}, 403),
        ({"max_orders_per_minute": 0}, {}, 429),
        ({"allowed_ips": ["52.89.214.238"]}, {}, 401),
        ({"client_certificate": "TradingView Webhooks"}, {}, 401),
    ],
)
def test_re_19_a_token_gets_no_further_than_its_template(
    web: WebServer,
    use: StrategyAccount,
    template: dict[str, Any],
    changes: dict[str, Any],
    status: int,
) -> None:
    caller = trading_view(use.strategy, **template)

    answer = post(
        web,
        f"{caller.slug}/{caller.token}",
        body(**changes),
        X_Forwarded_For="52.89.214.238",
        X_Client_Cert_CN="TradingView Webhooks",
    )

    assert answer.status_code == status
    assert nothing_is_stored()


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("52.89.214.238", 202),
        ("10.0.0.1, 52.89.214.238", 202),
        ("52.89.214.238, 10.0.0.1", 401),
        ("", 401),
    ],
)
def test_re_19_behind_one_proxy_the_last_address_counts(
    web: WebServer, use: StrategyAccount, settings: Settings, forwarded: str, status: int
) -> None:
    settings.TRUSTED_PROXIES = 1
    caller = trading_view(
        use.strategy, allowed_ips=["52.89.214.238"], client_certificate="TradingView Webhooks"
    )

    answer = post(
        web,
        f"{caller.slug}/{caller.token}",
        body(),
        X_Forwarded_For=forwarded,
        X_Client_Cert_CN="TradingView Webhooks",
    )

    assert answer.status_code == status


def test_re_10_a_body_of_ten_megabytes_is_refused_unread(
    web: WebServer, use: StrategyAccount
) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as caller:
        caller.sendall(
            f"POST /api/webhook/{use.strategy.slug} HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Length: {10 * 1024 * 1024}\r\n\r\n".encode()
        )
        # not a byte of the body was sent
        answer = read_to_the_end(caller)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"too_large"' in answer


def test_re_10_a_body_that_hides_its_length_is_cut_off_at_the_limit(
    web: WebServer, use: StrategyAccount
) -> None:
    chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as caller:
        caller.sendall(
            f"POST /api/webhook/{use.strategy.slug} HTTP/1.1\r\nHost: localhost\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        with contextlib.suppress(OSError):
            # it may close before all is sent: that is the point
            for _ in range(LARGEST_BODY // 0x2000 + 2):
                caller.sendall(chunk)
        answer = read_to_the_end(caller)

    assert answer.startswith(b"HTTP/1.1 413 ")


def read_to_the_end(caller: socket.socket) -> bytes:
    read = b""
    with contextlib.suppress(ConnectionResetError):
        while part := caller.recv(65536):
            read += part
    return read


def test_re_10_bodies_that_never_end_hold_up_nobody(
    web: WebServer, use: StrategyAccount, settings: Settings
) -> None:
    settings.WEBHOOK_BODY_TIMEOUT = 1.0
    caller = signer(use.strategy)
    sockets = [socket.create_connection(("127.0.0.1", web.port), timeout=10) for _ in range(50)]
    for slow in sockets:
        slow.sendall(
            f"POST /api/webhook/{caller.slug} HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Length: 100\r\n\r\n{".encode()
        )

    assert signed(web, caller, body()).status_code == 202
    assert webhook_threads.waiting == 0
    answers = [read_to_the_end(slow) for slow in sockets]
    for slow in sockets:
        slow.close()
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)


def test_re_13_a_hundred_calls_at_once_share_a_few_connections(
    web: WebServer, use: StrategyAccount, settings: Settings
) -> None:
    caller = signer(use.strategy)
    before = sessions()

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda n: signed(web, caller, body(qty=str(n + 1))), range(100)))

    assert {answer.status_code for answer in answers} == {202}
    assert OrderRequest.objects.count() == 100
    assert sessions() - before <= settings.WEBHOOK_THREADS


def sessions() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        (count,) = cursor.fetchone()
    return int(count)


def dies_before_answering(call: WebhookCall) -> None:
    webhooks.receive(call)
    os.kill(os.getpid(), signal.SIGKILL)


def test_re_13_killed_between_commit_and_answer_the_retry_gets_the_same_request(
    web: WebServer, use: StrategyAccount
) -> None:
    caller = signer(use.strategy)
    call = caller.call(body(), nonce="n-1")
    # a fork must not share them
    connections.close_all()
    victim = multiprocessing.get_context("fork").Process(target=dies_before_answering, args=(call,))
    victim.start()
    victim.join(30)

    answer = signed(web, caller, body(), nonce="n-1")

    assert victim.exitcode == -signal.SIGKILL
    assert answer.status_code == HTTPStatus.OK
    assert answer.json()["requests"][0]["id"] == OrderRequest.objects.get().pk


def test_re_13_while_the_database_is_away_nothing_is_acknowledged(
    web: WebServer, use: StrategyAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = signer(use.strategy)
    with monkeypatch.context() as patch:
        patch.setitem(connections.settings["default"], "PORT", "1")
        webhook_threads.disconnect()
        answer = signed(web, caller, body(), nonce="n-1")
        webhook_threads.disconnect()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert signed(web, caller, body(), nonce="n-1").status_code == 202


def test_re_13_a_database_that_hangs_is_not_waited_for_and_nothing_is_lost(
    web: WebServer, use: StrategyAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = trading_view(use.strategy)
    path = f"{caller.slug}/{caller.token}"
    with monkeypatch.context() as patch, transaction.atomic():
        Webhook.objects.select_for_update().get()
        patch.setattr(webhook_view, "LONGEST_ANSWER", 0.2)
        hanging = post(web, path, body(id="bar-1"))
    again = post(web, path, body(id="bar-1"))

    assert (hanging.status_code, hanging.json()["code"]) == (503, "try_again")
    assert again.status_code in {200, 202}
    assert again.json()["requests"][0]["id"] == OrderRequest.objects.get().pk


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """Log everything into a file, and put everything back afterwards."""
    from django.conf import settings  # noqa: PLC0415  (not before pytest-django is ready)

    configure({"level": "DEBUG", "directory": str(tmp_path), "console": "json"})
    yield tmp_path / FILE_NAME
    configure(settings.LOGGING)  # type: ignore[arg-type]  # a dict to Django


def test_re_19_a_token_is_in_no_log_and_no_answer(
    web: WebServer,
    use: StrategyAccount,
    log_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = f"{use.strategy.slug}/{CANARY}"
    raw = body(token=CANARY)

    def broken(call: WebhookCall) -> None:
        message = f"something that went wrong with {call!r}"
        raise RuntimeError(message)

    answers = [
        post(web, path, raw),
        post(web, use.strategy.slug, raw),
        post(web, use.strategy.slug, raw[:-1]),
        post(web, f"{path}/more", raw),
        requests.get(f"{web.url}/api/webhook/{path}", timeout=10),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(webhooks, "receive", broken)
        answers.append(post(web, path, raw))
        answers.append(post(web, use.strategy.slug, raw))

    assert [answer.status_code for answer in answers] == [401, 401, 400, 404, 405, 500, 500]
    assert not any(CANARY in answer.text for answer in answers)
    logging.getLogger().handlers[-1].flush()
    logged = log_file.read_text()
    assert "webhook.failed" in logged
    assert CANARY not in logged
