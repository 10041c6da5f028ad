"""
One request budget per (exchange, egress address, kind), shared by all processes through Redis.

Policy: what the exchange counts per address, and what it counts per holder (an API key, a user, a
pocket), are buckets (`buckets`). One whose state was lost starts a quarter full, so even a flushed
Redis stays within the limit. Low priorities may not drain the bucket: what an order needs is
there when an order comes. Whoever has taken much more than its share of late may not drain it
either, so that a busy account leaves the quiet ones their turn. A ban stops everyone on this
address until it is over, and is kept both in Redis (absolute time) and in each process that has
heard of it; budgets of other exchanges know nothing of it.

Without Redis orders fail closed; reads go on with a small budget of this process alone, so that
the books still follow the exchange while the broker is down.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, cast

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from exchanges.buckets import BURST_SHARE, REFILL_SHARE, Bucket, LocalBucket
from exchanges.errors import RateLimited, TransientError
from exchanges.governor_scripts import BAN, OBSERVE, TAKE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis.commands.core import Script

    from exchanges.adapter import Limits

log = structlog.get_logger(__name__)

#: After a failed call Redis is left alone for this long, or each read would wait for a time-out.
REDIS_PAUSE: Final = 1.0
_SHARE_AGE: Final = 0.1
_UNTOLD_BAN: Final = 120.0  # the shortest ban the exchange documents


class Priority(Enum):
    """What a request is for, and the share of the bucket it must leave to its betters."""

    ORDER = 0.0
    VERIFY = 0.05
    SYNC = 0.15
    BACKFILL = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What one request takes, and on whose behalf."""

    cost: float
    priority: Priority
    holder: str = ""
    pools: tuple[str, ...] = ()
    pool_cost: float = 1.0


_NOTHING: Final = _Wanted(cost=0.0, priority=Priority.ORDER)


class Governor:
    """Lets requests pass while the budget lasts. Safe to share between threads."""

    def __init__(
        self,
        redis_url: str,
        *,
        exchange: str,
        egress_ip: str,
        kind: str,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`egress_ip` names the address the exchange sees; any stable name will do."""
        self._prefix = f"governor:{{{exchange}:{egress_ip}:{kind}}}"
        self._limit = limits.address.limit
        self._pools = {pool.name: pool.rate for pool in limits.pools}
        self._weight = Bucket(
            key=f"{self._prefix}:weight", limit=self._limit, period=limits.address.period
        )
        self._clock, self._sleep, self._jitter = clock, sleep, jitter
        connection = _connect(redis_url)
        self._take = connection.register_script(TAKE)
        self._drain_to = connection.register_script(OBSERVE)
        self._prolong_ban = connection.register_script(BAN)
        self._fallback = LocalBucket(self._weight, clock)
        self._bans: dict[str, float] = {}
        self._redis_away_until = 0.0
        self._share, self._share_at = 0.0, float("-inf")

    def acquire(
        self,
        cost: float,
        priority: Priority,
        max_wait: float = 0.0,
        *,
        holder: str | None = None,
        pools: Sequence[str] = (),
        pool_cost: float = 1.0,
    ) -> None:
        """Take `cost` from the budget, waiting up to `max_wait` seconds for it.

        `holder` names on whose behalf, without telling its key; `pool_cost` is taken from each of
        its `pools` as well. Raises RateLimited with `retry_after` when the wait would be longer;
        TransientError when Redis is away and this is an order. Then nothing may be sent.
        """
        deadline = self._clock() + max_wait
        wanted = _Wanted(
            cost=cost,
            priority=priority,
            holder=holder or "",
            pools=tuple(pools),
            pool_cost=pool_cost,
        )
        while wait := self._try_take(wanted):
            if self._clock() + wait > deadline:
                msg = "the request budget is spent"
                raise RateLimited(msg, retry_after=wait)
            self._sleep(wait)

    def free_share(self) -> float:
        """Return how much of the burst budget is free, 0 to 1, at most 0.1 s old.

        0 while banned or without Redis: whoever asks can do without a request.
        """
        if self._clock() - self._share_at < _SHARE_AGE:
            return self._share
        try:
            return 0.0 if self._ask(_NOTHING) else self._share
        except redis.RedisError:
            return 0.0

    def observe(self, used: int) -> None:
        """Hear how much weight the exchange counted this minute; others may share the address."""
        if used <= self._limit / 2:
            return
        ceiling = (BURST_SHARE + REFILL_SHARE) * self._limit
        bucket = self._weight
        try:
            self._call(self._drain_to, [bucket.key], bucket.capacity, bucket.refill, ceiling - used)
        except redis.RedisError:
            self._fallback.drain()

    def ban(self, retry_after: float | None, reason: str, *, holder: str | None = None) -> None:
        """Stop everyone on this address for `retry_after` seconds.

        With `holder`: only what would take from this holder's pools.

        A little longer in fact, and not equally long, so that not all come back at once.
        """
        seconds = (retry_after if retry_after is not None else _UNTOLD_BAN) * (
            1 + 0.1 * self._jitter()
        ) + self._jitter()
        key = self._ban_key(holder)
        self._remember_ban(key, seconds)
        log.error("governor.banned", seconds=round(seconds, 1), reason=reason, holder_only=holder)
        try:
            self._call(self._prolong_ban, [key], seconds)
        except redis.RedisError as error:
            log.warning("governor.ban_not_shared", error=type(error).__name__)

    def banned_for(self) -> float:
        """Return for how many seconds this process knows the address to be banned."""
        return max(0.0, self._bans.get(self._ban_key(None), 0.0) - self._clock())

    def _try_take(self, wanted: _Wanted) -> float:
        """Return 0 if taken, else the seconds to wait before asking again."""
        if wait := self._known_ban(wanted):
            return wait
        try:
            return self._ask(wanted)
        except redis.RedisError as error:
            if wanted.priority is Priority.ORDER:
                msg = f"the request budget cannot be asked: {type(error).__name__}"
                raise TransientError(msg) from None
            return self._fallback.take(wanted.cost)

    def _ask(self, wanted: _Wanted) -> float:
        buckets = [(self._weight, wanted.cost)]
        buckets += [(self._pool(wanted.holder, name), wanted.pool_cost) for name in wanted.pools]
        bans = self._ban_keys(wanted)
        numbers = [
            number for bucket, cost in buckets for number in (cost, bucket.capacity, bucket.refill)
        ]
        shares = [f"{self._prefix}:active", f"{self._prefix}:used"]
        keys = [*bans, *shares, *(bucket.key for bucket, _ in buckets)]
        wait, ban, share = self._call(
            self._take, keys, len(bans), wanted.priority.value, *numbers, holder=wanted.holder
        )
        self._share, self._share_at = share, self._clock()
        if ban:
            self._remember_ban(bans[int(ban) - 1], wait)
        return wait

    def _pool(self, holder: str, name: str) -> Bucket:
        rate = self._pools[name]
        key = f"{self._prefix}:pool:{name}:{holder}"
        return Bucket(key=key, limit=rate.limit, period=rate.period)

    def _ban_key(self, holder: str | None) -> str:
        return f"{self._prefix}:ban" if holder is None else f"{self._prefix}:ban:{holder}"

    def _ban_keys(self, wanted: _Wanted) -> list[str]:
        everyone = [self._ban_key(None)]
        return [*everyone, self._ban_key(wanted.holder)] if wanted.pools else everyone

    def _known_ban(self, wanted: _Wanted) -> float:
        now = self._clock()
        return max(0.0, *(self._bans.get(key, now) - now for key in self._ban_keys(wanted)), 0.0)

    def _remember_ban(self, key: str, seconds: float) -> None:
        self._bans[key] = max(self._bans.get(key, 0.0), self._clock() + seconds)

    def _call(
        self, script: Script, keys: list[str], *numbers: float, holder: str = ""
    ) -> list[float]:
        if self._clock() < self._redis_away_until:
            msg = "left alone for a moment"
            raise redis.ConnectionError(msg)
        try:
            answer = script(keys=keys, args=[holder, *(repr(number) for number in numbers)])
        except redis.RedisError:
            self._redis_away_until = self._clock() + REDIS_PAUSE
            raise
        return [float(part) for part in cast("list[bytes]", answer)]


def _connect(redis_url: str) -> redis.Redis:
    # One retry, for a connection that died in the pool; a slow Redis is not asked twice.
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=1,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )
