"""
Keeps the streams of the accounts this process holds, and works itself when Celery is silent.

`step()` is the whole loop's body and never raises for a database or an exchange that is away: it
says so once in the log and tries again at the next step.

@FEAT:order-tracking @COMP:stream @TYPE:core
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import structlog
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection

from exchanges.errors import ExchangeError
from tracking.management.streams.account_stream import AccountStream
from tracking.management.streams.fallback import Fallback
from tracking.management.streams.inbox_writer import InboxWriter
from tracking.models import ExchangeAccount
from tracking.services import leases, sessions

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

STEP_SECONDS = 1.0


class StreamSupervisor:
    """Holds leases, runs their streams, writes their signs of life."""

    def __init__(
        self,
        owner: str,
        *,
        wake: Callable[[int], None],
        wake_sync: Callable[[int], None],
        most: int = 500,
    ) -> None:
        """`wake` and `wake_sync` ask Celery to drain and to sync; `most` bounds the accounts."""
        self.owner, self._most = owner, most
        self.writer = InboxWriter(wake, wake_sync)
        self.streams: dict[int, AccountStream] = {}
        self._notices: deque[Callable[[], Any]] = deque()
        self._noticed = threading.Event()
        self._stopping = threading.Event()
        self._next_lease = 0.0
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="stream-work")
        self._fallback = Fallback(self._pool)

    def start(self) -> None:
        """Begin to take frames."""
        self.writer.start()

    def run(self) -> None:
        """Step until told to stop, then leave everything tidy."""
        self.start()
        while not self._stopping.is_set():
            self.step()
            self._noticed.wait(STEP_SECONDS)
            self._noticed.clear()
        self.stop()

    def request_stop(self) -> None:
        """End `run` soon; safe in a signal handler."""
        self._stopping.set()
        self._noticed.set()

    def notice(self, work: Callable[[], Any]) -> None:
        """Have work done by the next step; from any thread."""
        self._notices.append(work)
        self._noticed.set()

    def step(self) -> None:
        """Do whatever is due once."""
        for part in (
            self._do_notices,
            self._hold_leases,
            self._reconnect_on_request,
            self._write_pulses,
            self._work_if_celery_is_silent,
        ):
            try:
                part()
            except (DatabaseError, InterfaceError) as error:
                first_line = str(error).partition("\n")[0]
                log.warning("database.unreachable", part=part.__name__, error=first_line)
                connection.close()
                return
            except ExchangeError as error:
                log.warning("exchange.unreachable", part=part.__name__, error=str(error))

    def _do_notices(self) -> None:
        """Do them in order: what the database does not take now stays first, not last."""
        while self._notices:
            try:
                self._notices[0]()
            except (OperationalError, InterfaceError, InternalError):
                raise
            except Exception:
                log.exception("notice.failed")
            self._notices.popleft()

    def _hold_leases(self) -> None:
        if time.monotonic() < self._next_lease:
            return
        self._next_lease = time.monotonic() + leases.RENEW_EVERY.total_seconds()
        kept = leases.renew(self.owner, {a: s.epoch for a, s in self.streams.items()})
        for account_id in self.streams.keys() - kept:
            self._drop(account_id, "the lease was lost, or the account is tracked no more")
        room = self._most - len(self.streams)
        for account_id, epoch in leases.take(self.owner, room).items():
            try:
                self._begin(account_id, epoch)
            except Exception:
                # no reason to leave the others: its lease runs out, and it is tried again
                log.exception("account.not_taken", account=account_id)

    def _begin(self, account_id: int, epoch: int) -> None:
        account = ExchangeAccount.objects.get(pk=account_id)
        stream = AccountStream(account, epoch=epoch, writer=self.writer, notice=self.notice)
        stream.start(self.owner)
        self.streams[account_id] = stream
        log.info("account.taken", account=account_id, epoch=epoch)

    def _drop(self, account_id: int, reason: str) -> None:
        stream = self.streams.pop(account_id)
        log.info("account.dropped", account=account_id, reason=reason)
        stream.stop(reason)

    def _reconnect_on_request(self) -> None:
        for account_id in leases.take_reconnect_requests(self.streams):
            stream = self.streams[account_id].stream
            if stream is not None:
                stream.request_reconnect("asked for")

    def _write_pulses(self) -> None:
        pulses = [pulse for stream in self.streams.values() if (pulse := stream.pulse())]
        if pulses:
            sessions.note_pulses(pulses)

    def _work_if_celery_is_silent(self) -> None:
        self._fallback.step(list(self.streams))

    def stop(self) -> None:
        """End the streams, write what they brought, give the leases back."""
        for stream in self.streams.values():
            if stream.stream is not None:
                stream.stream.stop()
        self.writer.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        held, self.streams = self.streams, {}
        try:
            for stream in held.values():
                stream.stop("stopped")
            leases.give_back(self.owner, held)
        except (DatabaseError, InterfaceError) as error:
            log.warning("leases.kept", error=str(error).partition("\n")[0])
        connection.close()
