"""
The part that orders: from a webhook's first byte to the order on the wire, and a crowd at once.

A tap between the workers and the simulated exchange notes when each order arrives there. What is
told is the whole way as the caller sees it: connection, signature, commit, answer, and behind it
the worker's checks, its commits and its request; the answer alone; and the longest answer of a
hundred calls at once.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from bench import parts
from bench.stage import Stage, say
from exchanges.simulator.wiretap import WireTap
from tracking.management.demo.channels import signed
from tracking.management.demo.measures import Percentiles
from tracking.management.demo.readiness import web_answers
from tracking.models import OrderRequest, Strategy, StrategyAccount, Webhook, WebhookKind
from tracking.services import webhook_issue

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tracking.models import ExchangeAccount

RATE: Final = 20
SECONDS: Final = 15.0
CROWD: Final = 100
SLUG: Final = "bench"
WARM_UP: Final = 20
WAIT: Final = 15.0
PRICE: Final = "20000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One call of the webhook."""

    began_at: float
    seconds: float
    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Part g; milliseconds."""

    #: from the call's first byte to the order's arrival at the exchange
    call_to_wire: Percentiles
    #: ... from the moment its request was written, ...
    accepted_to_wire: Percentiles
    #: ... and what of that went by until its order was made, and until its send was claimed
    accepted_to_attempt: Percentiles
    accepted_to_claim: Percentiles
    answered: Percentiles
    #: the longest answer of a crowd
    crowd_longest: float
    sent: int
    sent_twice: int
    lost: int


def measure(folder: Path, accounts: list[ExchangeAccount], servers: Mapping[str, int]) -> Placing:
    """Call at a steady rate, then all at once. Raises StageError."""
    uses, secret = strategy_of(accounts)
    stage = Stage(folder, accounts, parts.programs(), servers=servers, enforced=False)
    with WireTap(stage.exchange.url) as tap:
        stage.environment["SIMULATOR_URL"] = tap.url
        with stage:
            parts.get_ready(stage)
            stage.wait(lambda: web_answers(address()), "the web process")
            caller = Caller(uses, secret)
            caller.steadily(RATE, WARM_UP / RATE)
            steady = caller.steadily(RATE, SECONDS)
            crowd = caller.at_once(CROWD)
            names = {call.client_order_id for call in [*steady, *crowd]}
            stage.wait(lambda: names <= tap.counts().keys(), "every order on the wire")
            return drawn_up(steady, crowd, tap)


def strategy_of(accounts: list[ExchangeAccount]) -> tuple[list[StrategyAccount], str]:
    """Make a strategy that uses these accounts, without limits, and its webhook."""
    strategy = Strategy.objects.create(user_id=accounts[0].user_id, name=SLUG, slug=SLUG)
    uses = [
        StrategyAccount.objects.create(
            strategy=strategy,
            account=account,
            token=f"bnc{place:02d}",
            max_orders_per_minute=None,
        )
        for place, account in enumerate(accounts)
    ]
    webhook = Webhook(
        strategy=strategy, name=SLUG, kind=WebhookKind.HMAC.value, max_orders_per_minute=None
    )
    return uses, webhook_issue.issue(webhook)


def address() -> str:
    """Say where the web process listens."""
    return f"http://127.0.0.1:{settings.PORT}"


class Caller:
    """Calls the webhook as a bot does: a connection for each call."""

    def __init__(self, uses: list[StrategyAccount], secret: str) -> None:
        """Calls go to the accounts in turn."""
        self._names = [use.account.name for use in uses]
        self._secret = secret
        self._count = 0

    def steadily(self, rate: float, seconds: float) -> list[Called]:
        """Call so often a second, whether or not the last one was answered."""
        began = time.monotonic()
        with ThreadPoolExecutor(max_workers=CROWD) as pool:
            calls = []
            for number in range(int(rate * seconds)):
                time.sleep(max(0.0, began + number / rate - time.monotonic()))
                calls.append(pool.submit(self._call, self._next()))
            return [call.result() for call in calls]

    def at_once(self, count: int) -> list[Called]:
        """Let so many callers begin at the same moment."""
        start = threading.Barrier(count)
        bodies = [self._next() for _ in range(count)]

        def begin(body: bytes) -> Called:
            start.wait()
            return self._call(body)

        with ThreadPoolExecutor(max_workers=count) as pool:
            return list(pool.map(begin, bodies))

    def _next(self) -> bytes:
        self._count += 1
        name = self._names[self._count % len(self._names)]
        body = {
            "account": name,
            "symbol": "BTC/USDT:USDT",
            "side": "buy",
            "order_type": "limit",
            "price": PRICE,
            "quantity": "0.01",
        }
        return json.dumps(body).encode()

    def _call(self, body: bytes) -> Called:
        began_at, began = time.time(), time.perf_counter()
        answer = self._post(body)
        return Called(
            began_at=began_at,
            seconds=time.perf_counter() - began,
            client_order_id=answer["requests"][0]["client_order_id"],
        )

    def _post(self, body: bytes) -> Any:
        connection = http.client.HTTPConnection(urlsplit(address()).netloc, timeout=WAIT)
        try:
            connection.request("POST", f"/api/webhook/{SLUG}", body, signed(self._secret, body))
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status != http.client.ACCEPTED:
            message = f"the webhook answered {response.status}: {text[:200]!r}"
            raise RuntimeError(message)
        return json.loads(text)


def drawn_up(steady: list[Called], crowd: list[Called], tap: WireTap) -> Placing:
    """Compare what was called with what arrived."""
    arrived = dict(reversed(tap.submissions))
    counts = tap.counts()
    longest = max(call.seconds for call in crowd)
    names = [call.client_order_id for call in steady]
    requests = list(OrderRequest.objects.filter(client_order_id__in=names))
    told = Placing(
        call_to_wire=Percentiles.of(
            arrived[call.client_order_id] - call.began_at for call in steady
        ),
        accepted_to_wire=Percentiles.of(
            arrived[row.client_order_id or ""] - row.created_at.timestamp() for row in requests
        ),
        accepted_to_attempt=_between(requests, "attempted_at"),
        accepted_to_claim=_between(requests, "sent_at"),
        answered=Percentiles.of(call.seconds for call in steady),
        crowd_longest=round(longest * 1000, 1),
        sent=counts.total(),
        sent_twice=sum(count > 1 for count in counts.values()),
        lost=sum(call.client_order_id not in counts for call in [*steady, *crowd]),
    )
    say(
        f"  accepted to wire p50 {told.accepted_to_wire.p50} ms, p99 {told.accepted_to_wire.p99} ms"
    )
    return told


def _between(requests: list[OrderRequest], step: str) -> Percentiles:
    return Percentiles.of((getattr(row, step) - row.created_at).total_seconds() for row in requests)
