"""
After a commit: tell the SSE hubs that a user's journal has grown. Best effort.

A publish says only (user, seq). What is lost here costs a hub's next look (a second), never an
event, so a Redis that is down must cost the caller next to nothing: short time-outs, no retries,
and a pause after a failure.
"""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Mapping

log = structlog.get_logger(__name__)

#: The pub/sub channel every hub listens to; a message is "user_id:seq".
CHANNEL = "ordertrack:events"
PAUSE_AFTER_FAILURE = 1.0


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_STATE_URL,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 0),
    )


class _Breaker:
    """Remembers a failure for a moment, so that each commit does not pay a time-out."""

    open_until = 0.0


def publish_events(last_seq_by_user: Mapping[int, int]) -> None:
    """Publish the newest journal number of each user. Never raises for a broken Redis."""
    if not last_seq_by_user or time.monotonic() < _Breaker.open_until:
        return
    try:
        with _redis().pipeline(transaction=False) as pipe:
            for user_id, seq in last_seq_by_user.items():
                pipe.publish(CHANNEL, f"{user_id}:{seq}")
            pipe.execute()
    except redis.RedisError as error:
        _Breaker.open_until = time.monotonic() + PAUSE_AFTER_FAILURE
        log.warning("events.publish_failed", error=type(error).__name__)
