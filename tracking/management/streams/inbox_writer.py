"""
Between sockets and inbox: frames are committed in batches, off the receive path.

A stream's thread only appends to a queue. One thread takes everything that waits, keeps what
concerns orders (or cannot be read: somebody must see it), commits it and hands the accounts that
need waking to a second thread, so that a broker that is down cannot hold up a frame. While the
database is away frames wait in memory; past `MOST_WAITING` the oldest are given up and their
accounts reconciled.

@FEAT:order-tracking @COMP:stream @TYPE:core
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection

from exchanges import registry
from tracking.services import inbox, order_tracking, stream_quality

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracking.services.inbox import Frame

log = structlog.get_logger(__name__)

BATCH = 2_000
MOST_WAITING = 200_000
RETRY_AFTER = 0.5
#: Measured at 200 fills/s: a seventh less processor time, and half the slowest commits.
GATHER, BUSY_WITHIN = 0.003, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A frame with the exchange whose language it is in."""

    exchange: str
    frame: Frame

    @property
    def concerns_orders(self) -> bool:
        """Whether the frame belongs in the inbox: it tells of an order, or nobody can read it."""
        return registry.concerns_orders(self.exchange, self.frame.market_type, self.frame.raw)


class InboxWriter:
    """Commits frames and has the accounts woken."""

    def __init__(self, wake: Callable[[int], None], wake_sync: Callable[[int], None]) -> None:
        """`wake` asks for a drain, `wake_sync` for a sync; both may block and may raise."""
        self._wakers = {"drain": wake, "sync": wake_sync}
        self._waiting: deque[Received] = deque()
        self._to_wake: dict[tuple[str, int], None] = {}
        self._arrived, self._woken = threading.Event(), threading.Event()
        self._gathered_at = 0.0
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._write_loop, name="inbox-writer", daemon=True),
            threading.Thread(target=self._wake_loop, name="inbox-waker", daemon=True),
        ]
        #: whose frames were given up because the database was away for too long
        self._unlucky: dict[int, None] = {}

    def start(self) -> None:
        """Begin to write."""
        for thread in self._threads:
            thread.start()

    def put(self, received: Received) -> None:
        """Take a frame; a few microseconds, from any thread."""
        if len(self._waiting) >= MOST_WAITING:
            self._unlucky[self._waiting.popleft().frame.account_id] = None
        self._waiting.append(received)
        # setting an event takes a lock; whoever clears it looks at the queue afterwards
        if not self._arrived.is_set():
            self._arrived.set()

    def stop(self, timeout: float = 5.0) -> bool:
        """Write what waits and end; False if the database did not take it in time."""
        self._stopping.set()
        self._arrived.set()
        self._woken.set()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _write_loop(self) -> None:
        while self._waiting or not self._stopping.is_set():
            self._arrived.wait()
            self._gather()
            self._arrived.clear()
            while self._waiting:
                self._write_batch()
        connection.close()

    def _gather(self) -> None:
        """Wait a moment for what comes with a frame, unless nothing came for a while before it.

        An order that fills at once sends a dozen frames: one commit and one drain for all of them.
        """
        now = time.monotonic()
        if now - self._gathered_at < BUSY_WITHIN:
            self._stopping.wait(GATHER)
        self._gathered_at = now

    def _write_batch(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        self._write([received.frame for received in batch if received.concerns_orders])
        self._own_up()

    def _write(self, frames: list[Frame]) -> None:
        """Commit frames, however long the database is away."""
        while frames:
            try:
                accounts = inbox.receive(frames)
            except (OperationalError, InterfaceError, InternalError) as error:
                # internal: it takes no writes just now (a standby); nothing is wrong with frames
                log.warning("inbox.write_failed", frames=len(frames), error=_first_line(error))
                connection.close()
                if self._stopping.wait(RETRY_AFTER):
                    return
            except Exception as error:
                log.exception("inbox.frames_refused", frames=len(frames))
                self._divide(frames, error)
                return
            else:
                self._ask_to_wake("drain", accounts)
                return

    def _divide(self, frames: list[Frame], error: Exception) -> None:
        """Leave out the frame that cannot be kept (its account is gone), not those beside it."""
        if len(frames) == 1:
            account_id = frames[0].account_id
            log.error("inbox.frame_dropped", account=account_id, error=_first_line(error))
            self._unlucky[account_id] = None
            return
        middle = len(frames) // 2
        self._write(frames[:middle])
        self._write(frames[middle:])

    def _own_up(self) -> None:
        """After frames were given up: have their accounts reconciled."""
        for account_id in list(self._unlucky):
            log.error("inbox.frames_given_up", account=account_id)
            try:
                order_tracking.request_full_sync(account_id)
                stream_quality.note_gap(account_id)
            except (DatabaseError, InterfaceError) as error:
                log.warning("inbox.write_failed", frames=0, error=_first_line(error))
                connection.close()
                return
            self._unlucky.pop(account_id, None)
            self.ask_to_sync(account_id)

    def ask_to_sync(self, account_id: int) -> None:
        """Have the account synced soon; from any thread, and without waiting for the broker."""
        self._ask_to_wake("sync", {account_id})

    def _ask_to_wake(self, kind: str, accounts: set[int]) -> None:
        for account_id in accounts:
            self._to_wake[kind, account_id] = None
        if accounts:
            self._woken.set()

    def _wake_loop(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait()
            self._woken.clear()
            for kind, account_id in list(self._to_wake):
                self._to_wake.pop((kind, account_id), None)
                self._wake_one(kind, account_id)

    def _wake_one(self, kind: str, account_id: int) -> None:
        try:
            self._wakers[kind](account_id)
        except Exception as error:  # noqa: BLE001 - any broker, any failure: the sweep will find it
            log.warning("wakeup.failed", account=account_id, error=type(error).__name__)
            self._stopping.wait(RETRY_AFTER)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
