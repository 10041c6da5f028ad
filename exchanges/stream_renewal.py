"""
Make before break: the next connection is made beside the one that grows old.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import structlog

from exchanges.connection import ConnectionEndedError
from exchanges.errors import ExchangeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.connection import Connection

log = structlog.get_logger(__name__)

_TRY_AGAIN: Final = 60.0


class Renewal:
    """Makes the successor of a connection when it is due, in a thread of its own."""

    def __init__(
        self, dial: Callable[[], Connection], clock: Callable[[], float], lifetime: float
    ) -> None:
        self._dial, self._clock, self._lifetime = dial, clock, lifetime
        self._lock = threading.Lock()
        self._dialling: threading.Thread | None = None
        self._successor: Connection | None = None
        self._made_at = 0.0
        self._due = float("inf")
        self._dropped = False

    def begin(self, now: float) -> None:
        """Start the life of a connection; a successor made for the one before is not wanted."""
        self._discard()
        self._due = now + self._lifetime

    def hurry(self, now: float) -> None:
        """Make the successor now: the connection is about to end."""
        self._due = min(self._due, now)

    def take(self, now: float, *, is_quiet: bool, overlap: float) -> Connection | None:
        """Return the successor when it is time to change over, else None.

        That is when the old connection has fallen silent, or the overlap has lasted long enough.
        """
        if now >= self._due:
            self._due = now + _TRY_AGAIN
            self._start()
        with self._lock:
            if self._successor is None or not (is_quiet or now - self._made_at > overlap):
                return None
            successor, self._successor = self._successor, None
            return successor

    def drop(self) -> None:
        """Close what was made, and what is still being made: the stream ends."""
        self._dropped = True
        self._discard()

    def _start(self) -> None:
        if self._dialling is None or not self._dialling.is_alive():
            self._dialling = threading.Thread(target=self._make, daemon=True)
            self._dialling.start()

    def _make(self) -> None:
        try:
            made = self._dial()
        except (ConnectionEndedError, ExchangeError) as error:
            log.warning("stream.renewal_failed", note="WebSocket renewal", reason=str(error))
            return
        with self._lock:
            self._successor, self._made_at = made, self._clock()
        if self._dropped:
            self._discard()

    def _discard(self) -> None:
        with self._lock:
            unwanted, self._successor = self._successor, None
        if unwanted is not None:
            unwanted.close()
