"""
One request budget per (exchange, egress address, kind), shared by all processes through Redis.

Policy: the exchange counts weight per address in windows it does not tell us, so a bucket holds
a fifth of the limit and refills at three quarters of it a minute: at most 0.95 of the limit can
pass in *any* 60 seconds. A bucket whose state was lost starts a quarter full, so even a flushed
Redis stays within the limit. Low priorities may not drain the bucket: what an order needs is
there when an order comes. A ban stops everyone on this address until it is over, and is kept both
in Redis (absolute time) and in each process that has heard of it.

Without Redis orders fail closed; reads go on with a small budget of this process alone, so that
the books still follow the exchange while the broker is down.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, cast

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from exchanges.errors import RateLimited, TransientError
from exchanges.governor_scripts import BAN, OBSERVE, TAKE

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.commands.core import Script

    from exchanges.adapter import Limits

log = structlog.get_logger(__name__)

BURST_SHARE: Final = 0.2
REFILL_SHARE: Final = 0.75
#: What one process may spend while Redis is away: nineteen processes stay within the limit.
FALLBACK_SHARE: Final = 0.05
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
class Bucket:
    """One ceiling: `limit` per `period` seconds, kept as a bucket that refills."""

    key: str
    limit: float
    period: float

    @property
    def capacity(self) -> float:
        """Return how much may pass at once."""
        return BURST_SHARE * self.limit

    @property
    def refill(self) -> float:
        """Return how much comes back each second."""
        return REFILL_SHARE * self.limit / self.period


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
        self._limits = limits
        self._weight = Bucket(
            key=f"{self._prefix}:weight", limit=limits.weight_per_minute, period=60
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
        order_account: str | None = None,
    ) -> None:
        """Take `cost` from the budget, waiting up to `max_wait` seconds for it.

        `order_account` also takes one order from that account's two order pools.
        Raises RateLimited with `retry_after` when the wait would be longer; TransientError when
        Redis is away and this is an order. Then nothing may be sent.
        """
        deadline = self._clock() + max_wait
        while wait := self._try_take(cost, priority, order_account):
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
            return 0.0 if self._ask(0.0, Priority.ORDER, None) else self._share
        except redis.RedisError:
            return 0.0

    def observe(self, used: int) -> None:
        """Hear how much weight the exchange counted this minute; others may share the address."""
        if used <= self._limits.weight_per_minute / 2:
            return
        ceiling = (BURST_SHARE + REFILL_SHARE) * self._limits.weight_per_minute
        bucket = self._weight
        try:
            self._call(self._drain_to, [bucket.key], bucket.capacity, bucket.refill, ceiling - used)
        except redis.RedisError:
            self._fallback.drain()

    def ban(self, retry_after: float | None, reason: str, *, account: str | None = None) -> None:
        """Stop everyone on this address (or this account's orders) for `retry_after` seconds.

        A little longer in fact, and not equally long, so that not all come back at once.
        """
        seconds = (retry_after if retry_after is not None else _UNTOLD_BAN) * (
            1 + 0.1 * self._jitter()
        ) + self._jitter()
        key = self._ban_key(account)
        self._remember_ban(key, seconds)
        log.error("governor.banned", seconds=round(seconds, 1), reason=reason, account_only=account)
        try:
            self._call(self._prolong_ban, [key], seconds)
        except redis.RedisError as error:
            log.warning("governor.ban_not_shared", error=type(error).__name__)

    def banned_for(self) -> float:
        """Return for how many seconds this process knows the address to be banned."""
        return max(0.0, self._bans.get(self._ban_key(None), 0.0) - self._clock())

    def _try_take(self, cost: float, priority: Priority, order_account: str | None) -> float:
        """Return 0 if taken, else the seconds to wait before asking again."""
        if wait := self._known_ban(order_account):
            return wait
        try:
            return self._ask(cost, priority, order_account)
        except redis.RedisError as error:
            if priority is Priority.ORDER:
                msg = f"the request budget cannot be asked: {type(error).__name__}"
                raise TransientError(msg) from None
            return self._fallback.take(cost)

    def _ask(self, cost: float, priority: Priority, order_account: str | None) -> float:
        buckets = [(self._weight, cost)]
        if order_account is not None:
            buckets += [(pool, 1.0) for pool in self._pools(order_account)]
        bans = self._ban_keys(order_account)
        numbers = [
            number
            for bucket, wanted in buckets
            for number in (wanted, bucket.capacity, bucket.refill)
        ]
        keys = [*bans, *(bucket.key for bucket, _ in buckets)]
        wait, ban, share = self._call(self._take, keys, len(bans), priority.value, *numbers)
        self._share, self._share_at = share, self._clock()
        if ban:
            self._remember_ban(bans[int(ban) - 1], wait)
        return wait

    def _pools(self, account: str) -> tuple[Bucket, Bucket]:
        key = f"{self._prefix}:orders:{account}"
        return (
            Bucket(key=f"{key}:10s", limit=self._limits.orders_per_10_seconds, period=10),
            Bucket(key=f"{key}:1m", limit=self._limits.orders_per_minute, period=60),
        )

    def _ban_key(self, account: str | None) -> str:
        return f"{self._prefix}:ban" if account is None else f"{self._prefix}:ban:{account}"

    def _ban_keys(self, order_account: str | None) -> list[str]:
        both = [self._ban_key(None)]
        return both if order_account is None else [*both, self._ban_key(order_account)]

    def _known_ban(self, order_account: str | None) -> float:
        now = self._clock()
        return max(
            0.0, *(self._bans.get(key, now) - now for key in self._ban_keys(order_account)), 0.0
        )

    def _remember_ban(self, key: str, seconds: float) -> None:
        self._bans[key] = max(self._bans.get(key, 0.0), self._clock() + seconds)

    def _call(self, script: Script, keys: list[str], *numbers: float) -> list[float]:
        if self._clock() < self._redis_away_until:
            msg = "left alone for a moment"
            raise redis.ConnectionError(msg)
        try:
            answer = script(keys=keys, args=[repr(number) for number in numbers])
        except redis.RedisError:
            self._redis_away_until = self._clock() + REDIS_PAUSE
            raise
        return [float(part) for part in cast("list[bytes]", answer)]


class LocalBucket:
    """The small budget of one process, for reads while Redis is away."""

    def __init__(self, shared: Bucket, clock: Callable[[], float]) -> None:
        """Start empty: what was spent through Redis just before is not known here."""
        self._capacity = shared.capacity * FALLBACK_SHARE
        self._refill = shared.refill * FALLBACK_SHARE
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens, self._at = 0.0, clock()

    def take(self, cost: float) -> float:
        """Return 0 if taken, else the seconds until the bucket would give it."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._capacity, self._tokens + (now - self._at) * self._refill)
            self._at = now
            missing = min(cost, self._capacity) - self._tokens
            if missing > 0:
                return missing / self._refill
            self._tokens -= cost
            return 0.0

    def drain(self) -> None:
        """Forget what was saved up."""
        with self._lock:
            self._tokens, self._at = 0.0, self._clock()


def _connect(redis_url: str) -> redis.Redis:
    # One retry, for a connection that died in the pool; a slow Redis is not asked twice.
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=1,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )
