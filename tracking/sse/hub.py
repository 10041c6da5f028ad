"""
The hub: what every client of this process hears of, read once.

Redis only says that a user's journal has grown; the events are read from the journal, in order,
after the last one handed out. Nothing may depend on a publish: every second the hub compares the
journals' ends with its own, so a message lost, overtaken, or never sent because Redis is down
costs a second. A hub without clients does nothing and holds no connection to Redis.

Each client has one bounded queue (`Client`). Events are handed out in slices with a turn for the
readers between them, so that only a reader that really does not read can overflow.

@FEAT:order-tracking @COMP:sse @TYPE:core
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING
from weakref import WeakSet

import redis.asyncio
import structlog
from django.conf import settings
from django.db import DatabaseError
from redis.exceptions import RedisError

from tracking import selectors
from tracking.services.wakeups import CHANNEL
from tracking.sse import frames
from tracking.sse.threads import hub_thread

if TYPE_CHECKING:
    from tracking.models import OrderEvent
    from tracking.sse.client import Client

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0
#: events handed out before the readers get a turn; well below the queue's size
SLICE = 20
READ_LIMIT = 1000
USERS_PER_READ = 100
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0


@dataclass(slots=True)
class Feed:
    """One user's clients, and the last event handed to them; None until a client has looked."""

    cursor: int | None = None
    # weak: a response that is never iterated must not keep its place
    clients: WeakSet[Client] = field(default_factory=WeakSet)


class Hub:
    """Feeds the clients of one event loop."""

    def __init__(self) -> None:
        """Start nothing; the first client does."""
        self._feeds: dict[int, Feed] = {}
        self._behind: set[int] = set()
        self._news = asyncio.Event()
        self._full_look_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def client_count(self, user_id: int) -> int:
        """Count the open streams of a user in this process."""
        feed = self._feeds.get(user_id)
        return len(feed.clients) if feed else 0

    def join(self, client: Client) -> None:
        """Take a client in. It gets nothing before it says that it is live."""
        self._feeds.setdefault(client.user_id, Feed()).clients.add(client)
        if self._task is None or self._task.done():
            self._news = asyncio.Event()
            self._task = asyncio.get_running_loop().create_task(self._run())

    def leave(self, client: Client) -> None:
        """Forget a client."""
        if feed := self._feeds.get(client.user_id):
            feed.clients.discard(client)

    def go_live(self, client: Client) -> bool:
        """
        Feed the client from now on, if it has read all that was handed out before.

        Returns False if it has not; it then reads on from the journal. Deciding and joining are
        one step of the event loop, so no event can fall between them.
        """
        feed = self._feeds[client.user_id]
        if feed.cursor is None:
            feed.cursor = client.position
        client.is_live = client.position >= feed.cursor
        return client.is_live

    async def _run(self) -> None:
        listener = asyncio.create_task(self._listen())
        try:
            while self._has_clients():
                await self._step()
            # before anything is awaited: whoever joins from here on starts another
            self._task = None
        finally:
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listener

    def _has_clients(self) -> bool:
        for user_id in [user_id for user_id, feed in self._feeds.items() if not feed.clients]:
            del self._feeds[user_id]
        return bool(self._feeds)

    async def _step(self) -> None:
        await self._wait()
        try:
            await self._look()
        except DatabaseError as error:
            log.warning("hub.database_lost", error=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY)
        except Exception:
            log.exception("hub.look_failed")
            await asyncio.sleep(LOOK_EVERY)

    async def _wait(self) -> None:
        """Wait for a publish, but never past the time of the next full look."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._full_look_at):
                await self._news.wait()
        self._news.clear()

    async def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._full_look_at:
            self._full_look_at = now + LOOK_EVERY
            await self._find_who_is_behind()
        behind, self._behind = self._behind, set()
        while cursors := self._cursors(behind):
            news = await hub_thread.run(selectors.journal_news, cursors, limit=READ_LIMIT)
            await self._hand_out(news)
            if len(news) < READ_LIMIT:
                behind -= cursors.keys()

    async def _find_who_is_behind(self) -> None:
        users = [user_id for user_id, feed in self._feeds.items() if feed.cursor is not None]
        if not users:
            return
        for user_id, end in (await hub_thread.run(selectors.journal_ends, users)).items():
            self._note_end(user_id, end)
            self._rewind(user_id, end)

    def _note_end(self, user_id: int, end: int) -> None:
        feed = self._feeds.get(user_id)
        if feed is not None and feed.cursor is not None and end > feed.cursor:
            self._behind.add(user_id)

    def _rewind(self, user_id: int, end: int) -> None:
        """Begin again where a journal has become shorter: the database was restored."""
        feed = self._feeds[user_id]
        if feed.cursor is not None and end < feed.cursor:
            log.warning("hub.journal_rewound", user=user_id, was=feed.cursor, now=end)
            feed.cursor = end
            for client in feed.clients:
                client.close()

    def _cursors(self, behind: set[int]) -> dict[int, int]:
        """Give up to USERS_PER_READ of them with the last event handed out."""
        known = ((user_id, self._feeds.get(user_id)) for user_id in behind)
        cursors = (
            (user_id, feed.cursor) for user_id, feed in known if feed and feed.cursor is not None
        )
        return dict(islice(cursors, USERS_PER_READ))

    async def _hand_out(self, news: list[OrderEvent]) -> None:
        for place, row in enumerate(news, start=1):
            feed = self._feeds.get(row.user_id)
            if feed is not None and feed.cursor is not None and row.seq > feed.cursor:
                feed.cursor = row.seq
                frame = frames.event(row)
                for client in feed.clients:
                    client.offer(row.seq, frame)
            if place % SLICE == 0:
                await asyncio.sleep(0)

    async def _listen(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                async with (
                    redis.asyncio.Redis.from_url(
                        settings.REDIS_URL, socket_connect_timeout=2
                    ) as server,
                    server.pubsub(ignore_subscribe_messages=True) as pubsub,
                ):
                    await pubsub.subscribe(CHANNEL)
                    pause = FIRST_PAUSE
                    async for message in pubsub.listen():
                        self._heard(message["data"])
            except Exception as error:
                is_expected = isinstance(error, (RedisError, OSError))
                log.warning("hub.redis_lost", error=type(error).__name__, exc_info=not is_expected)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _heard(self, message: bytes) -> None:
        user_id, _, seq = message.partition(b":")
        try:
            self._note_end(int(user_id), int(seq))
        except ValueError:
            log.warning("hub.message_unreadable", message=message[:80])
        if self._behind:
            self._news.set()


hub = Hub()
