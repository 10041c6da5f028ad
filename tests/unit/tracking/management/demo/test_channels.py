"""Ordering from outside, against a real HTTP server that loses what the test wants lost."""

from __future__ import annotations

import hmac
import json
import threading
from contextlib import contextmanager
from decimal import Decimal
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from exchanges.messages import OrderType, Side
from tracking.management.demo.channels import NotTakenError, Outside, ids_in
from tracking.services.order_intents import OrderIntent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracking.management.demo.cast import Cast
    from tracking.models import OpenOrder, StrategyAccount

SECRET = "what both sides sign with"
INTENT = OrderIntent(
    symbol="BTC/USDT:USDT", side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal("0.10")
)
USE = cast(
    "StrategyAccount",
    SimpleNamespace(
        strategy=SimpleNamespace(slug="demo-grid"), account=SimpleNamespace(name="main")
    ),
)
CAST = cast("Cast", SimpleNamespace(webhook_secrets={"demo-grid": SECRET}, token="an API token"))


class Desk:
    """Answers what it was told to, in order; None hangs up."""

    def __init__(self, answers: list[tuple[int, object] | None]) -> None:
        self.answers = answers
        self.received: list[tuple[str, dict[str, str], bytes]] = []

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.received.append((handler.path, dict(handler.headers), body))
        answer = self.answers.pop(0)
        if answer is None:
            return
        handler.send_response(answer[0])
        handler.end_headers()
        handler.wfile.write(json.dumps(answer[1]).encode())


@contextmanager
def listening(*answers: tuple[int, object] | None) -> Iterator[tuple[Desk, str]]:
    desk = Desk(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            desk.take(self)

        def log_request(self, *_args: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield desk, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Never(Random):
    """Chances that never come."""

    def random(self) -> float:
        return 1.0


def outside(url: str) -> Outside:
    return Outside(url, CAST, Never())


def test_an_order_is_signed_over_time_nonce_and_the_very_bytes() -> None:
    with listening((202, {"requests": [{"id": 7}]})) as (desk, url):
        channel = outside(url)
        channel.place(USE, INTENT)

    path, headers, body = desk.received[0]
    text = f"{headers['X-OrderTrack-Timestamp']}.{headers['X-OrderTrack-Nonce']}.".encode() + body
    signature = hmac.new(SECRET.encode(), text, sha256).hexdigest()
    assert path == "/api/webhook/demo-grid"
    assert headers["X-OrderTrack-Signature"] == signature
    assert json.loads(body)["quantity"] == "0.10"
    assert channel.acknowledged == {7}


def test_who_hears_nothing_asks_again_with_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracking.management.demo.channels.ASK_AGAIN_AFTER", 0)
    answer = (200, {"requests": [{"id": 7}]})
    with listening(None, (503, {}), answer) as (desk, url):
        outside(url).place(USE, INTENT)

    assert len({(body, headers["Idempotency-Key"]) for _, headers, body in desk.received}) == 1
    assert len(desk.received) == 3


def test_a_refusal_is_not_asked_again() -> None:
    with listening((422, {"detail": "no such symbol"})) as (desk, url):
        channel = outside(url)
        with pytest.raises(NotTakenError, match="no such symbol"):
            channel.place(USE, INTENT)

    assert len(desk.received) == 1
    assert channel.acknowledged == set()


def test_a_cancel_goes_to_the_api_as_its_user() -> None:
    with listening((202, {"id": 9})) as (desk, url):
        channel = outside(url)
        channel.cancel(USE, cast("OpenOrder", SimpleNamespace(pk=3)))

    path, headers, _ = desk.received[0]
    assert path == "/api/v1/orders/3/cancel/"
    assert headers["Authorization"] == "Token an API token"
    assert channel.acknowledged == {9}


def test_an_answer_may_acknowledge_orders_and_cancels() -> None:
    assert ids_in({"requests": [{"id": 1}], "cancels": [{"id": 2}]}) == {1, 2}
    assert ids_in({"id": 3}) == {3}
