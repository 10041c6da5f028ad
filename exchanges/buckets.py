"""
Ceilings kept as buckets that refill.

An exchange counts in windows it does not tell us, so a bucket holds a fifth of the limit and
refills at three quarters of it a period: at most 0.95 of the limit can pass in *any* period.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BURST_SHARE: Final = 0.2
REFILL_SHARE: Final = 0.75
#: What one process may spend while Redis is away: nineteen processes stay within the limit.
FALLBACK_SHARE: Final = 0.05


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
