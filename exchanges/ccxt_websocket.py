"""
Any exchange's private stream through ccxt.pro, behind the interface of `stream.PrivateStream`.

Policy: one thread with an event loop of its own; ccxt.pro connects, signs, subscribes and answers
pings, and its `watchOrders` and `watchMyTrades` are asked again and again. What they return is
handed over as canonical JSON that `parse` reads (`generic_envelope`), so that it can be kept. Any
error ends the connection: everything is closed, and made anew after a back-off.

What is proven and what is not: ccxt says when its socket is connected and when a frame last came on
it (its own pings are answered, so silence beyond three of them ends the connection); it does not
say when a subscription was accepted. So a gap is told when the socket is connected and once more
when it has had time to subscribe. A subscription that was silently not accepted looks like a quiet
account: that the account is heard only the comparison with REST proves (`prove_alive`).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import structlog

from exchanges.backoff import Backoff
from exchanges.ccxt_frames import concerns_orders, parse
from exchanges.errors import PermanentError, TransientError
from exchanges.messages import StreamGap
from exchanges.stream_state import StreamState, StreamStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.adapter import StreamTerms
    from exchanges.errors import ExchangeError
    from exchanges.generic_hearing import Hearing
    from exchanges.stream import StreamHandler
    from exchanges.stream_settings import StreamSettings

__all__ = ["CcxtStream", "concerns_orders", "parse"]

log = structlog.get_logger(__name__)

#: after so long on a connected socket the subscriptions are made, or have failed
SETTLED_AFTER: Final = 2.0
_CONNECTING_POLL: Final = 0.02


class _EndedError(Exception):
    """The connection is over; the message says why."""


class CcxtStream:
    """One account's private stream, kept alive by ccxt.pro in a thread of its own."""

    def __init__(
        self,
        *,
        exchange: str,
        terms: StreamTerms,
        session_id: str,
        handler: StreamHandler,
        settings: StreamSettings,
        settled_after: float = SETTLED_AFTER,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Nothing happens before `start`. The last two arguments are for tests."""
        self._exchange, self._terms, self._handler = exchange, terms, handler
        self._settings, self._settled_after = settings, settled_after
        self._backoff = Backoff(settings.backoff_base, settings.backoff_cap, uniform)
        self._stopping = threading.Event()
        self._asked_to_reconnect = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"stream-{session_id[:8]}", daemon=True
        )
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
        """End the stream; returns whether it has ended in time. No frame is heard afterwards."""
        self._stopping.set()
        self._wake()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def request_reconnect(self, reason: str) -> None:
        """End the connection and make a new one; from any thread."""
        self._asked_to_reconnect = reason
        self._wake()

    def prove_alive(self, at: datetime | None = None) -> None:
        """Hear that REST agreed with what the stream has told so far."""
        self._live.proven_at = at or datetime.now(UTC)

    def _wake(self) -> None:
        if loop := self._loop:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._woken.set)

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        # ccxt leaves futures nobody awaits; what they hold was raised where it matters
        self._loop.set_exception_handler(self._note_stray)
        while not self._stopping.is_set():
            started = time.monotonic()
            pause = await self._live_once()
            if time.monotonic() - started >= self._settings.stable_after:
                self._backoff.reset()
            if pause is not None and not self._stopping.is_set():
                await self._wait(pause + self._backoff.next())
        self._change(StreamStatus.DISCONNECTED, "stopped")

    async def _live_once(self) -> float | None:
        """Live one connection; returns how long to wait at least, None for not at all."""
        self._asked_to_reconnect = ""
        self._woken.clear()
        self._change(StreamStatus.CONNECTING)
        try:
            await self._connect_and_watch()
        except PermanentError as error:
            # no use hurrying: a person must act
            return self._failed(error, self._settings.backoff_cap)
        except TransientError as error:
            return self._failed(error, error.retry_after or 0.0)
        except _EndedError as error:
            self._change(StreamStatus.DISCONNECTED, str(error))
            return None if self._asked_to_reconnect else 0.0
        except Exception as error:  # noqa: BLE001 - whatever it is, the stream goes on
            self._log.exception("stream.crashed", note="WebSocket loop")
            self._change(StreamStatus.ERROR, type(error).__name__)
        return 0.0

    async def _connect_and_watch(self) -> None:
        # only the process that streams pays for aiohttp and ccxt.pro
        from exchanges.generic_streaming import open_streamer  # noqa: PLC0415

        streamer, hearing = await open_streamer(
            self._exchange, self._terms, hand_over=self._hand_over, miss=self._tell_gap
        )
        try:
            await self._watch(streamer, hearing)
        finally:
            await streamer.end()

    async def _watch(self, streamer: Any, hearing: Hearing) -> None:
        from exchanges.generic_streaming import explained, watching  # noqa: PLC0415

        tasks = [
            *watching(streamer, hearing),
            asyncio.create_task(self._look_after(streamer, hearing)),
        ]
        done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        for task in done:
            if error := task.exception():
                raise error if isinstance(error, _EndedError) else explained(error, self._terms)

    async def _look_after(self, streamer: Any, hearing: Hearing) -> None:
        """See the socket connected, then watch its signs of life until it ends or is to end."""
        await self._connected(streamer)
        self._live.note_connected()
        self._change(StreamStatus.CONNECTED)
        self._tell_gap()
        settled_at = time.monotonic() + self._settled_after
        while True:
            await self._wait(min(self._settings.poll, max(0.01, settled_at - time.monotonic())))
            if time.monotonic() >= settled_at:
                settled_at = float("inf")
                self._tell_gap()
            self._check(streamer)
            streamer.sweep(hearing)

    async def _connected(self, streamer: Any) -> None:
        give_up = time.monotonic() + self._settings.connect_timeout
        while not any(client.isConnected for client in streamer.connections()):
            if time.monotonic() > give_up:
                msg = "no connection in time"
                raise _EndedError(msg)
            await self._wait(_CONNECTING_POLL)
            self._check_wishes()

    def _check(self, streamer: Any) -> None:
        self._check_wishes()
        heard = streamer.last_heard_at()
        limit = max(self._settings.silence_limit, 3 * streamer.ping_interval())
        last = self._live.last_ping_at
        if heard is not None and (last is None or heard > last):
            self._live.last_ping_at = last = heard
        if last is not None and (datetime.now(UTC) - last).total_seconds() > limit:
            msg = "silence"
            raise _EndedError(msg)

    def _check_wishes(self) -> None:
        if self._stopping.is_set() or self._asked_to_reconnect:
            raise _EndedError(self._asked_to_reconnect or "stopped")

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)

    def _failed(self, error: ExchangeError, at_least: float) -> float:
        self._change(StreamStatus.ERROR, str(error))
        return at_least

    def _hand_over(self, raw: bytes) -> None:
        if not self._stopping.is_set():
            received_at = self._heard()
            self._tell(lambda: self._handler.on_frame(raw, received_at))

    def _heard(self) -> datetime:
        if self._live.status is StreamStatus.CONNECTED:
            return self._live.note_heard(is_event=True)
        return self._live.note_greeted()

    def _tell_gap(self) -> None:
        at = self._live.connected_at or datetime.now(UTC)
        gap = StreamGap(session_id=self._live.session_id, connected_at=at)
        self._tell(lambda: self._handler.on_gap(gap))

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

    def _note_stray(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        self._log.debug("stream.stray_error", error=type(context.get("exception")).__name__)
