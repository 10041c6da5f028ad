"""
A private stream that stays connected: one thread, one socket, two clocks.

Policy: a stream can be silent, deaf or dead without saying so, and nothing it missed is ever
repeated. So every (re)connect is a gap to be reconciled, and two things are watched apart: that
the *transport* lives (any frame, pongs to our pings included; silence ends the connection) and
that the *account* is heard (`last_event_at`, and `prove_alive` for whoever has compared with
REST). The thread only reads and hands over; whoever takes a frame must be quick, or pongs wait.

Before the exchange ends a connection for its age a second one is made, and the first is left
when it has fallen silent; what came twice meanwhile is absorbed downstream.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import structlog

from exchanges.backoff import Backoff
from exchanges.connection import Connection, ConnectionEndedError, Heard, dial
from exchanges.errors import ExchangeError, PermanentError, TransientError
from exchanges.messages import StreamGap
from exchanges.stream_credential import pong_test
from exchanges.stream_renewal import Renewal
from exchanges.stream_settings import StreamSettings
from exchanges.stream_state import StreamState, StreamStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.stream_credential import Door, StreamCredential

log = structlog.get_logger(__name__)


class StreamHandler(Protocol):
    """Who takes what a stream hands over. Each call must be cheap and may not block."""

    def on_frame(self, raw: bytes, received_at: datetime) -> None:
        """Take one frame as it came; `received_at` is our clock."""

    def on_gap(self, gap: StreamGap) -> None:
        """Hear that messages may have been missed until now."""

    def on_state(self, state: StreamState) -> None:
        """Hear that the status has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How an attempt or a connection ended, and how soon to try again."""

    reason: str
    status: StreamStatus = StreamStatus.DISCONNECTED
    at_least: float = 0.0
    #: the end was expected: no need to wait, unless that happens again and again
    is_planned: bool = False
    successor: Connection | None = None


class PrivateStream:
    """One account's private stream, kept alive by a thread of its own."""

    def __init__(
        self,
        *,
        session_id: str,
        credential: StreamCredential,
        handler: StreamHandler,
        settings: StreamSettings | None = None,
        connect: Callable[[Door, float, float], Connection] = dial,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Nothing happens before `start`. The last three arguments are for tests."""
        self._settings = settings or StreamSettings()
        self._credential, self._handler = credential, handler
        self._is_pong = pong_test(credential)
        self._connect, self._clock = connect, clock
        self._backoff = Backoff(self._settings.backoff_base, self._settings.backoff_cap, uniform)
        self._renewal = Renewal(self._dial, clock, self._settings.lifetime * uniform(0.95, 1.0))
        self._connection: Connection | None = None
        self._stopping = threading.Event()
        self._asked_to_reconnect = ""
        self._refreshing: threading.Thread | None = None
        self._next_ping = self._next_refresh = self._last_heard = 0.0
        self._hurried_at = float("-inf")
        self._thread = threading.Thread(
            target=self._run, name=f"stream-{session_id[:8]}", daemon=True
        )
        #: a snapshot may be taken at any time by `state`
        self._live = StreamState(session_id=session_id)
        self._log = log.bind(session_id=session_id)

    @property
    def state(self) -> StreamState:
        """Return how the stream is now; safe from any thread."""
        return self._live.snapshot()

    def start(self) -> None:
        """Begin connecting, in the background."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """End the stream; returns whether it has ended in time.

        At once while connected or waiting. A connection being made is given up when that
        returns; the handler hears no frame after this call in any case.
        """
        self._stopping.set()
        self._abort()
        self._renewal.drop()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def request_reconnect(self, reason: str) -> None:
        """End the connection and make a new one, with a new credential; from any thread."""
        if self._connection is not None:
            self._asked_to_reconnect = reason
            self._abort()

    def prove_alive(self, at: datetime | None = None) -> None:
        """Hear that REST agreed with what the stream has told so far."""
        self._live.proven_at = at or datetime.now(UTC)

    def _run(self) -> None:
        successor: Connection | None = None
        while not self._stopping.is_set():
            started = self._clock()
            ended = self._live_once(successor)
            successor = ended.successor
            if successor is None and not self._stopping.is_set():
                self._change(ended.status, ended.reason)
                self._stopping.wait(self._pause(ended, self._clock() - started))
        if successor is not None:
            successor.close()
        self._change(StreamStatus.DISCONNECTED, "stopped")

    def _pause(self, ended: _Ended, lasted: float) -> float:
        now, stable_after = self._clock(), self._settings.stable_after
        if lasted >= stable_after:
            self._backoff.reset()
        if ended.is_planned and now - self._hurried_at >= stable_after:
            self._hurried_at = now
            return 0.0
        # a refusal ends for everybody at one moment: not all may come back at that moment
        return ended.at_least + self._backoff.next()

    def _live_once(self, successor: Connection | None) -> _Ended:
        try:
            return self._read(successor or self._dial_first())
        except PermanentError as error:
            # no use hurrying: a person must act
            return _failed(error, at_least=self._settings.backoff_cap)
        except TransientError as error:
            return _failed(error, at_least=error.retry_after or 0.0)
        except ExchangeError as error:
            return _failed(error)
        except ConnectionEndedError as error:
            return _Ended(reason=str(error), status=StreamStatus.ERROR)
        except Exception as error:  # noqa: BLE001 - whatever it is, the stream goes on
            self._log.exception("stream.crashed", note="WebSocket loop")
            return _Ended(reason=type(error).__name__, status=StreamStatus.ERROR)

    def _dial_first(self) -> Connection:
        self._change(StreamStatus.CONNECTING)
        return self._dial()

    def _dial(self) -> Connection:
        door, timeout = self._credential.door(), self._settings.connect_timeout
        connection = self._connect(door, timeout, self._settings.poll)
        try:
            heard = self._credential.greet(connection, timeout)
        except BaseException:
            connection.close()
            raise
        for raw in heard:
            self._hand_over(raw, self._live.note_greeted())
        return connection

    def _read(self, connection: Connection) -> _Ended:
        try:
            self._begin(connection)
            while not self._stopping.is_set():
                heard = connection.receive()
                if heard is not None and (ended := self._take(*heard)):
                    return ended
                if ended := self._tick(connection, is_quiet=heard is None):
                    return ended
        except ConnectionEndedError as error:
            reason = self._asked_to_reconnect or str(error)
            return _Ended(reason=reason, is_planned=bool(self._asked_to_reconnect))
        finally:
            self._connection = None
            connection.close()
        return _Ended(reason="stopped")

    def _begin(self, connection: Connection) -> None:
        if self._stopping.is_set():
            return
        now, settings = self._clock(), self._settings
        self._connection, self._asked_to_reconnect = connection, ""
        self._last_heard, self._next_ping = now, now + settings.ping_interval
        self._next_refresh = now + (self._credential.refresh_after or float("inf"))
        self._renewal.begin(now)
        session_id, connected_at = self._live.session_id, self._live.note_connected()
        gap = StreamGap(session_id=session_id, connected_at=connected_at)
        self._change(StreamStatus.CONNECTED)
        self._tell(lambda: self._handler.on_gap(gap))

    def _take(self, kind: Heard, raw: bytes) -> _Ended | None:
        self._last_heard = self._clock()
        is_event = kind is Heard.DATA and not self._is_pong(raw)
        received_at = self._live.note_heard(is_event=is_event)
        if not is_event:
            return None
        self._hand_over(raw, received_at)
        if self._credential.has_expired(raw):
            return _Ended(reason="credential expired", is_planned=True)
        if self._credential.is_ending(raw):
            self._renewal.hurry(self._last_heard)
        return None

    def _hand_over(self, raw: bytes, received_at: datetime) -> None:
        if self._stopping.is_set():
            return
        self._tell(lambda: self._handler.on_frame(raw, received_at))

    def _tick(self, connection: Connection, *, is_quiet: bool) -> _Ended | None:
        now = self._clock()
        if now - self._last_heard > self._settings.silence_limit:
            return _Ended(reason="silence")
        if now >= self._next_ping:
            self._next_ping = now + self._settings.ping_interval
            self._beat(connection)
        if now >= self._next_refresh and self._settings.refreshes_credential:
            self._start_refresh(now)
        successor = self._renewal.take(now, is_quiet=is_quiet, overlap=self._settings.overlap)
        return _Ended(reason="renewed", successor=successor) if successor else None

    def _beat(self, connection: Connection) -> None:
        text = self._credential.heartbeat()
        if text is None:
            connection.ping()
        else:
            connection.send(text)

    def _start_refresh(self, now: float) -> None:
        """Prolong the credential beside the reading, which must not wait for REST."""
        self._next_refresh = now + (self._credential.refresh_after or float("inf"))
        if self._refreshing is None or not self._refreshing.is_alive():
            self._refreshing = threading.Thread(target=self._refresh, daemon=True)
            self._refreshing.start()

    def _refresh(self) -> None:
        try:
            if not self._credential.refresh():
                self.request_reconnect("credential replaced")
        except PermanentError as error:
            self._log.warning("listen_key.gone", note="Listen Key gone", reason=str(error))
            self.request_reconnect("credential gone")
        except ExchangeError as error:
            self._log.warning("listen_key.kept", note="Listen Key not refreshed", reason=str(error))
            self._next_refresh = self._clock() + self._settings.backoff_cap

    def _abort(self) -> None:
        if connection := self._connection:
            connection.abort()

    def _change(self, status: StreamStatus, reason: str = "") -> None:
        self._live.note_status(status, reason)
        state = self._live.snapshot()
        tell = self._log.warning if status is StreamStatus.ERROR else self._log.info
        tell(
            f"stream.{status.value}",
            note=f"WebSocket {status.value}",
            reason=reason,
            reconnects=state.reconnects,
        )
        self._tell(lambda: self._handler.on_state(state))

    def _tell(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:  # noqa: BLE001 - a handler's fault must not cost the connection
            self._log.exception("stream.handler_failed", note="WebSocket handler")


def _failed(error: ExchangeError, at_least: float = 0.0) -> _Ended:
    return _Ended(reason=str(error), status=StreamStatus.ERROR, at_least=at_least)
