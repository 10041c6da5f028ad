"""
One open stream: its bounded queue, its replay, and the checks that its login still holds.

A client first reads the journal from where it left off, page by page and outside its queue, and
goes live when it has caught up with the hub. Live, it has room for SSE_QUEUE_SIZE events. When
that is not enough the rest is dropped until the queue has been read, `stream-dropped` says what is
missing, and the page reads its snapshot again.

@FEAT:order-tracking @COMP:sse @TYPE:core
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from django.conf import settings

from tracking import selectors
from tracking.sse import frames
from tracking.sse.hub import hub
from tracking.sse.logins import login_holds
from tracking.sse.threads import client_thread, release_request_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tracking.sse.logins import Login

log = structlog.get_logger(__name__)

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often a quiet stream shows that it lives, and how often its login is checked."""

    keep_alive: float = 20.0
    login_check: float = 60.0


RHYTHM = Rhythm()


class Client:
    """What the hub knows of one open stream."""

    def __init__(self, user_id: int) -> None:
        """Begin with an empty queue, not live, nowhere in the journal."""
        self.user_id = user_id
        self.is_live = False
        self.is_closed = False
        #: everything up to here is delivered, queued, or noted as dropped
        self.position = 0
        self.news = asyncio.Event()
        self._queue: deque[bytes] = deque()
        self._first_dropped: int | None = None

    def offer(self, seq: int, frame: bytes) -> None:
        """Queue an event, or note that it had no place. Events already seen are ignored."""
        if not self.is_live or seq <= self.position:
            return
        is_next = seq == self.position + 1
        if self._first_dropped is None and is_next and len(self._queue) < settings.SSE_QUEUE_SIZE:
            self._queue.append(frame)
        elif self._first_dropped is None:
            self._first_dropped = self.position + 1
        self.position = seq
        self.news.set()

    def close(self) -> None:
        """End the stream; the browser comes back and is told what to do by its last id."""
        self.is_closed = True
        self.news.set()

    def take(self) -> bytes:
        """Empty the queue; what was dropped after it is said at its end."""
        self.news.clear()
        taken = b"".join(self._queue)
        self._queue.clear()
        if self._first_dropped is not None:
            taken += frames.dropped(self._first_dropped, self.position)
            log.info("events.dropped", user=self.user_id, last=self.position)
            self._first_dropped = None
        return taken


async def stream(client: Client, login: Login, requested: int | None) -> AsyncIterator[bytes]:
    """
    Give the bytes of one stream until the browser or the login goes.

    `requested`: the last event the client has; None opens at the end of the journal, a negative
    number stands for one that cannot be read and resets.
    """
    release_request_thread()
    try:
        async for page in _replay(client, requested):
            yield page
        async for frame in _live(client, login):
            yield frame
    finally:
        hub.leave(client)
        log.info("stream.closed", user=client.user_id, position=client.position)


async def _replay(client: Client, requested: int | None) -> AsyncIterator[bytes]:
    """Open the stream, then read the journal until the hub has nothing this client lacks."""
    if requested is None:
        client.position = await client_thread.run(selectors.last_seq, client.user_id)
        yield frames.opened(client.position)
    else:
        client.position = requested
        page = await _next_page(client)
        yield frames.opened(max(requested, 0)) + page
    while not client.is_closed and not hub.go_live(client):
        yield await _next_page(client)


async def _next_page(client: Client) -> bytes:
    page = await client_thread.run(
        selectors.journal_page, client.user_id, after=client.position, limit=PAGE
    )
    if client.position < 0 or page.is_broken_after(client.position):
        client.position = page.last_seq
        return frames.reset(page.last_seq)
    if page.events:
        client.position = page.events[-1].seq
    return b"".join(map(frames.event, page.events))


async def _live(client: Client, login: Login) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    check_at = loop.time() + RHYTHM.login_check
    while not client.is_closed:
        if loop.time() >= check_at:
            if not await client_thread.run(login_holds, login):
                return
            check_at = loop.time() + RHYTHM.login_check
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(RHYTHM.keep_alive, check_at - loop.time())):
                await client.news.wait()
        yield client.take() or frames.keep_alive(client.position)
