"""
A part's stage: a simulated exchange of its own, its accounts opened there, its processes running.

Each part has its own exchange, because limits, ids and ledgers of one part are no other part's
business; the database, with everybody's history in it, is the same for all.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import connection

from bench.children import Children, cpu_seconds
from ordertrack.environment import BASE_DIR
from ordertrack.server_process import free_port
from ordertrack.supervisor import Program
from tracking.management.demo.exchange_control import ExchangeControl
from tracking.management.demo.waiting import wait_until
from tracking.models import AccountState, ExchangeAccount, StreamEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

#: more than anybody will ask: the limits are lifted
NO_LIMIT = 1_000_000_000
START_TIMEOUT = 40.0


class StageError(RuntimeError):
    """Something did not happen in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was used up to a moment, or between two of them."""

    at: float
    cpu: dict[str, float]
    requests: int
    weight: int
    too_many_requests: int

    def __sub__(self, before: Usage) -> Usage:
        """Give what was used since; `at` is then the seconds between."""
        return Usage(
            at=self.at - before.at,
            cpu={name: seconds - before.cpu[name] for name, seconds in self.cpu.items()},
            requests=self.requests - before.requests,
            weight=self.weight - before.weight,
            too_many_requests=self.too_many_requests - before.too_many_requests,
        )

    def cpu_ms_per_fill(self, fills: int) -> dict[str, float]:
        """Share the processor time out."""
        return {name: round(seconds * 1000 / fills, 4) for name, seconds in self.cpu.items()}


class Stage:
    """Enter it to have everything up; leave it to have everything stopped."""

    def __init__(
        self,
        folder: Path,
        accounts: list[ExchangeAccount],
        programs: Iterable[Program],
        *,
        servers: Mapping[str, int],
        enforced: bool,
    ) -> None:
        """`servers` are the process ids of the stores; `enforced` keeps the exchange's limits."""
        self.accounts = accounts
        self.exchange = ExchangeControl(f"http://127.0.0.1:{free_port()}")
        self._enforced, self._servers = enforced, servers
        environment = {"SIMULATOR_URL": self.exchange.url}
        if not enforced:
            environment["BINANCE_WEIGHT_PER_MINUTE"] = str(NO_LIMIT)
        self.environment = environment
        self._simulator = Children([simulator(self.exchange.url)], folder, {})
        self._children = Children(programs, folder, environment)

    def __enter__(self) -> Self:
        """Start the exchange, open the accounts there, start the processes."""
        self._simulator.__enter__()
        try:
            self._begin()
        except BaseException:
            self._simulator.__exit__(None, None, None)
            raise
        return self

    def _begin(self) -> None:
        self.wait(self.exchange.is_up, "the simulated exchange")
        # this process asks it for its table of markets
        settings.SIMULATOR_URL = self.exchange.url
        self.exchange.configure(enforce_limits=self._enforced)
        for account in self.accounts:
            self.exchange.open_account(account.api_key, account.api_secret, "10000000")
        self._set_state(AccountState.ACTIVE)
        self._children.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the processes, then the exchange; the accounts are tracked no more."""
        self._children.__exit__(kind, error, trace)
        self._simulator.__exit__(kind, error, trace)
        self._set_state(AccountState.DISABLED)

    def _set_state(self, state: AccountState) -> None:
        rows = ExchangeAccount.objects.filter(pk__in=self.account_ids)
        rows.update(state=state.value)

    @property
    def account_ids(self) -> list[int]:
        """The row ids of the accounts."""
        return [account.pk for account in self.accounts]

    def pids(self) -> dict[str, int]:
        """The process ids of our processes, by name."""
        return self._children.pids()

    def check(self) -> None:
        """Raise ChildDiedError if a process has ended."""
        self._simulator.check()
        self._children.check()

    def wait(
        self, condition: Callable[[], object], what: str, timeout: float = START_TIMEOUT
    ) -> None:
        """Wait until it holds. Raises StageError after `timeout` seconds."""
        if not wait_until(condition, timeout=timeout, tend=self.check, interval=0.2):
            message = f"{what}: not within {timeout:.0f} s"
            raise StageError(message)

    def usage(self) -> Usage:
        """Read what has been used until now."""
        roots = {**self._simulator.pids(), **self._children.pids(), **self._servers}
        summary = self.exchange.summary()
        return Usage(
            at=time.monotonic(),
            cpu=cpu_seconds(roots),
            requests=summary["requests"],
            weight=sum(summary["weight_by_minute"].values()),
            too_many_requests=summary["too_many_requests"],
        )

    def burst(self, *, rate: float, fills: int) -> dict[str, Any]:
        """Push fills at this rate (0: as fast as they are read) and wait for the last."""
        terms = {
            "rate": rate,
            "fills": fills,
            "seconds": 120,
            "accounts": [account.api_key for account in self.accounts],
        }
        self.exchange.ask("POST", "burst", terms)
        show = partial(self.exchange.ask, "GET", "burst")
        self.wait(lambda: show()["state"] == "done", "the burst", 130.0)
        report: dict[str, Any] = show()
        return report

    def settle(self, timeout: float = 120.0) -> None:
        """Wait until the inbox is empty and every execution of these accounts is verified."""
        self.wait(self._is_settled, "all fills verified", timeout)

    def _is_settled(self) -> bool:
        waiting = StreamEvent.objects.filter(
            account__in=self.account_ids, processed_at__isnull=True, quarantined_at__isnull=True
        )
        return not waiting.exists() and not self._has_unverified()

    def _has_unverified(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM tracking_tradeexecution WHERE account_id = ANY(%s)"
                " AND NOT verified AND voided_at IS NULL LIMIT 1",
                [self.account_ids],
            )
            return cursor.fetchone() is not None

    def frames_are_in(self, fills: int, since: float) -> None:
        """Wait until the frames of so many fills, received since then, are in the inbox."""
        rows = StreamEvent.objects.filter(account__in=self.account_ids)
        wanted = partial(_count_since, rows, since)
        self.wait(lambda: wanted() >= fills, "all frames in the inbox", 60.0)


def _count_since(rows: Any, since: float) -> int:
    return int(rows.extra(where=["received_at >= to_timestamp(%s)"], params=[since]).count())


def simulator(url: str) -> Program:
    """Return the simulated exchange as a program."""
    port = url.rpartition(":")[2]
    where = (str(BASE_DIR / "manage.py"), "simulate_exchange", f"--port={port}")
    return Program(name="simulator", argv=(sys.executable, *where))


def say(text: str) -> None:
    """Tell what is being done."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
