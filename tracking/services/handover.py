"""
Work handed to a thread of its own, for whoever must not wait for it.

Best effort by design: what does not fit, or fails, is left to a sweep that finds it in the
database. The thread begins with the first piece of work, in whichever process that is.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Handover(Generic[T]):
    """A bounded queue, and the thread that works through it. Safe to share between threads."""

    def __init__(self, work: Callable[[T], object], *, name: str, limit: int) -> None:
        """`limit`: pieces that may wait; more are dropped."""
        self._work, self._name = work, name
        self._queue: queue.Queue[T] = queue.Queue(limit)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def give(self, piece: T) -> bool:
        """Hand over a piece; never waits. False: there is no room, it is dropped."""
        self._begin()
        try:
            self._queue.put_nowait(piece)
        except queue.Full:
            log.warning("handover.overflowed", name=self._name)
            return False
        return True

    def _begin(self) -> None:
        with self._lock:
            # a fork leaves the thread behind
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            piece = self._queue.get()
            try:
                self._work(piece)
            except Exception as error:  # noqa: BLE001 - nothing may end the thread
                log.warning("handover.failed", name=self._name, error=type(error).__name__)
