"""
How long to wait before the next attempt: decorrelated jitter.

Policy: each wait is random between the base and three times the last wait, so that streams that
dropped together do not come back together, and capped, so that none stays away.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Backoff:
    """The waits of one stream."""

    def __init__(
        self, base: float, cap: float, uniform: Callable[[float, float], float] = random.uniform
    ) -> None:
        self.base, self.cap = base, cap
        self._uniform = uniform
        self._last = base

    def next(self) -> float:
        """Return how long to wait now, between base and cap."""
        self._last = min(self.cap, self._uniform(self.base, self._last * 3))
        return self._last

    def reset(self) -> None:
        """Begin again at the base: the last attempt was good."""
        self._last = self.base
