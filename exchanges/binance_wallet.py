"""
Whether a futures wallet has rested: a cheap question that mostly spares an expensive one.

Policy: whatever the income history lists has moved a balance of the wallet, and balances cost a
sixth of that list. While all of them are what they were when the list was read, there is nothing
new to read. The list may lag the balances, so it is read twice before it is believed to be whole;
and what comes and goes again in between leaves no trace in a balance, so it is read every few
minutes anyway, from where it was left out first.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from exchanges.wire import a_list, an_object, signed, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from decimal import Decimal

#: Seconds after which the list is read though nothing seems to have moved.
LONGEST_REST: Final = 300.0


def balances(answer: object) -> dict[str, Decimal]:
    """Read what the wallet holds of each asset; prices do not move it. Raises MalformedMessage."""
    rows = map(an_object, a_list(answer))
    return {text(row, "asset"): signed(row, "balance") for row in rows}


class Wallet:
    """One account's balances when its incomes were read. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is for tests."""
        self._clock = clock
        self._lock = threading.Lock()
        self._read: Mapping[str, Decimal] | None = None
        #: the balances whose incomes have all been read
        self._settled: Mapping[str, Decimal] | None = None
        self._read_at = float("-inf")
        self._left_out: datetime | None = None

    def may_skip(self, now: Mapping[str, Decimal], since: datetime) -> bool:
        """Tell whether nothing can have come since; it is remembered that it was not read."""
        with self._lock:
            if self._clock() - self._read_at > LONGEST_REST or now != self._settled:
                return False
            self._left_out = min(self._left_out or since, since)
            return True

    def read_from(self, since: datetime) -> datetime:
        """Say from where to read, what was left out included."""
        with self._lock:
            return min(self._left_out or since, since)

    def note_read(self, before: Mapping[str, Decimal]) -> None:
        """Hear that the list was read to its end; `before` were the balances just before."""
        with self._lock:
            self._settled = before if before == self._read else None
            self._read, self._read_at, self._left_out = before, self._clock(), None
