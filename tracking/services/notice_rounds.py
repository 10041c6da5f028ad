"""
One round of sending at a time, over all hosts: a lock in Redis that ends by itself.

Where Redis cannot be asked the round goes on: notices are claimed in the database anyway.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Final

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import LockError, RedisError
from redis.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = "ordertrack:notices"
#: longer than a round may take
ENDS_AFTER: Final = 30.0


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_STATE_URL,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 0),
    )


@contextmanager
def only_one() -> Iterator[bool]:
    """Say whether this round may be; False while another one runs."""
    lock = _redis().lock(NAME, timeout=ENDS_AFTER, thread_local=False)
    try:
        is_ours = lock.acquire(blocking=False)
    except RedisError:
        yield True
        return
    try:
        yield bool(is_ours)
    finally:
        if is_ours:
            with suppress(LockError, RedisError):
                lock.release()
