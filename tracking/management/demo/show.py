"""
One performance: wait until everybody is on stage, let them trade, and see what was tracked.

Settling is honest: no fault is switched off. Only trading ends and prices stand still, because two
books can be compared only once the exchange's own has stopped moving.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

import structlog

from tracking.management.demo import measures, placing, report
from tracking.management.demo.channels import Direct
from tracking.management.demo.comparison import EXAMPLES, compare, our_books
from tracking.management.demo.readiness import streams_are_connected, web_answers
from tracking.management.demo.sse_client import SseClient
from tracking.management.demo.trader import Trader
from tracking.management.demo.waiting import SETTLING, wait_until
from tracking.models import TradeExecution
from tracking.services.books import check_account

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tracking.management.demo.cast import Cast
    from tracking.management.demo.channels import Channel
    from tracking.management.demo.comparison import Differences
    from tracking.management.demo.report import Report
    from tracking.management.demo.theatre import Theatre

log = structlog.get_logger(__name__)

READY_TIMEOUT = 60.0
SETTLE_INTERVAL = 0.5
NEWS_EVERY = 10.0


class Interrupted(Exception):
    """Somebody asked to stop."""


class Show:
    """The trader and the listener of one run; leaving it stops both."""

    def __init__(
        self,
        *,
        cast: Cast,
        theatre: Theatre,
        seed: int,
        url: str,
        tend: Callable[[], None],
        say: Callable[[str], None],
        channel: Channel | None = None,
    ) -> None:
        """`tend` looks after the processes and raises Interrupted; `say` speaks to people."""
        self._cast = cast
        self._theatre = theatre
        self._url = url
        self._tend = tend
        self._say = say
        self._channel = channel or Direct()
        self._trader = Trader(cast, theatre, seed=seed, channel=self._channel)
        self._listener = SseClient(url, cast.token)

    def __enter__(self) -> Self:
        """Nobody is on stage yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Send home whoever is on stage."""
        for thread in (self._trader, self._listener):
            if thread.is_alive():
                thread.stop()

    def open(self, began: float) -> None:
        """Wait for the processes, then let trading begin. Raises TimeoutError, Interrupted."""
        self._wait(lambda: web_answers(self._url), "the web process")
        self._listener.start()
        self._wait(
            lambda: streams_are_connected(self._cast.accounts), "a connection of every stream"
        )
        self._wait(lambda: self._listener.is_open, "the live stream")
        self._trader.start()
        self._wait(self._fill_is_tracked, "a fill")
        self._say(f"First fill tracked {time.monotonic() - began:.1f} s after the start.")

    def for_seconds(self, seconds: float) -> Report:
        """Trade so long, settle, and say what came of it. Raises Interrupted."""
        self._trade(time.monotonic() + seconds)
        self._trader.stop()
        self._theatre.freeze_prices()
        self._settle()
        return self._draw_up()

    def _settle(self) -> None:
        self._say(f"Trading has ended; the books settle, {SETTLING:.0f} s at most ...")
        began = time.monotonic()
        while not self._settles_soon() and time.monotonic() < began + SETTLING:
            accounts = self._cast.api_keys
            self._say(
                f"Settling for {time.monotonic() - began:.0f} s: "
                f"{placing.unresolved(self._cast.accounts)} requests not resolved, "
                f"{measures.unverified(accounts)} executions not verified"
            )
        self._say(f"Settled for {time.monotonic() - began:.1f} s.")

    def _settles_soon(self) -> bool:
        return wait_until(
            self._is_settled, timeout=NEWS_EVERY, tend=self._tend, interval=SETTLE_INTERVAL
        )

    def _wait(self, condition: Callable[[], object], what: str) -> None:
        if not wait_until(condition, timeout=READY_TIMEOUT, tend=self._tend):
            message = f"{what} did not come within {READY_TIMEOUT:.0f} s"
            raise TimeoutError(message)

    def _fill_is_tracked(self) -> bool:
        return TradeExecution.objects.filter(account__in=self._cast.accounts).exists()

    def _trade(self, until: float) -> None:
        next_news = time.monotonic() + NEWS_EVERY
        while time.monotonic() < until:
            self._tend()
            if time.monotonic() >= next_news:
                next_news += NEWS_EVERY
                self._tell_news()
            time.sleep(0.1)

    def _tell_news(self) -> None:
        summary = self._theatre.summary()
        tracked = measures.live_executions(self._cast.api_keys).count()
        self._say(
            f"{summary['orders']} orders, {summary['executions']} executions at the exchange, "
            f"{tracked} tracked; {summary['frames_lost']} frames lost, "
            f"{summary['interruptions']} streams dropped; {self._listener.last_seq} events told"
        )

    def differences(self) -> Differences:
        """Compare now."""
        accounts = self._cast.accounts
        return compare(self._theatre.books(accounts), our_books(accounts))

    def _is_settled(self) -> bool:
        if self.differences() or measures.unverified(self._cast.api_keys):
            return False
        if placing.unresolved(self._cast.accounts):
            return False
        numbers = measures.journal_numbers(self._cast.user_id)
        return numbers <= self._listener.received_at.keys()

    def _draw_up(self) -> Report:
        differences, summary = self.differences(), self._theatre.summary()
        for example in differences.examples():
            self._say(example)
        self._warn_of_refusals(summary)
        asked = placing.measure(self._cast.accounts, self._theatre, self._channel.acknowledged)
        return report.draw_up(
            self._cast,
            summary,
            differences=differences,
            proof=self._prove(),
            placing=asked,
            listener=self._listener,
        )

    def _prove(self) -> measures.Proof:
        """Check every account's books, with the exchange. Raises ExchangeError."""
        self._say("Checking the books ...")
        checks = [check_account(pk, with_exchange=True) for pk in self._cast.api_keys]
        for check in checks:
            for violation in check.violations[:EXAMPLES]:
                self._say(f"books: {violation}")
        return measures.Proof.of(checks)

    def _warn_of_refusals(self, summary: dict[str, Any]) -> None:
        if summary["too_many_requests"]:
            self._say(f"The exchange answered {summary['too_many_requests']} requests with 429.")
