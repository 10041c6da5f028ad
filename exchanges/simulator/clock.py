"""The exchange's clock: real milliseconds, plus the skew that a fault gives it."""

from __future__ import annotations

import time


class Clock:
    """Milliseconds since 1970, as this exchange sees them."""

    def __init__(self) -> None:
        """A right clock."""
        self.skew_ms = 0

    def now(self) -> int:
        """The time of the exchange."""
        return time.time_ns() // 1_000_000 + self.skew_ms
