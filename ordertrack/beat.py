"""
Beat with standbys: any number may run, one ticks.

The one that holds a lease in Redis sends what is due; the others wait for the lease to lapse. Two
that tick for a moment (Redis lost its memory, a leader was suspended) cost a doubled task each,
which every task here can take; that is why a lease without fencing is enough.
"""

from __future__ import annotations

import os
import socket
from typing import Any

import redis
import structlog
from django.conf import settings
from django_celery_beat.schedulers import DatabaseScheduler
from redis.backoff import NoBackoff
from redis.exceptions import LockError
from redis.lock import Lock
from redis.retry import Retry

log = structlog.get_logger(__name__)

LEASE_NAME = "ordertrack:beat:leader"
#: how long a standby waits before it asks for the lease again
STANDBY_INTERVAL = 2.0
REDIS_TIMEOUT = 2


class LeaderDatabaseScheduler(DatabaseScheduler):  # type: ignore[misc]  # published without types
    """django-celery-beat's scheduler, ticking only while it holds the lease."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Ask for nothing yet: `lazy` instances exist to be looked at."""
        self.is_leader = False
        self._lease = _new_lease()
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due if the lease is ours. Return the seconds until the next look."""
        if not self.hold_lease():
            return STANDBY_INTERVAL
        wait: float = super().tick(*args, **kwargs)
        renewal: float = settings.BEAT_LEASE / 3
        return min(wait, renewal)

    def close(self) -> None:
        """Save, and let a standby take over at once."""
        super().close()
        if self.is_leader:
            self.is_leader = False
            try:
                self._lease.release()
            except (LockError, redis.RedisError) as error:
                log.info("beat.lease_left", reason=str(error))

    def hold_lease(self) -> bool:
        """Renew the lease, or try to get it. False also when Redis does not answer."""
        try:
            if self.is_leader:
                self._lease.extend(settings.BEAT_LEASE, replace_ttl=True)
            elif self._lease.acquire(blocking=False):
                self._become_leader()
        except LockError:
            self._step_down("lapsed")
        except redis.RedisError as error:
            self._step_down(str(error))
        return self.is_leader

    def _become_leader(self) -> None:
        self.is_leader = True
        # read again when each task last ran: the leader before us has written it
        self._schedule, self._initial_read = None, True
        # None alone: an "invalidated" heap would be built twice, and send twice what is due
        self._heap = None
        log.info("beat.leader_elected", host=socket.gethostname(), pid=os.getpid())

    def _step_down(self, reason: str) -> None:
        if self.is_leader:
            log.warning("beat.lease_lost", reason=reason)
        self.is_leader = False


def _new_lease() -> Lock:
    client = redis.Redis.from_url(
        settings.REDIS_STATE_URL,
        socket_timeout=REDIS_TIMEOUT,
        socket_connect_timeout=REDIS_TIMEOUT,
        # the next tick is the retry; the client's own would block this one for seconds
        retry=Retry(NoBackoff(), 0),
    )
    return Lock(client, LEASE_NAME, timeout=settings.BEAT_LEASE, thread_local=False)
