"""
One address has one clock: that of its houses which is furthest off, if any is.

The switch `clock_skew_ms` is set at a house; whoever asks the time need not say which it means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchanges.simulator.exchange import SimulatedExchange


def now(houses: Iterable[SimulatedExchange]) -> int:
    """The time of the address, in milliseconds."""
    return max((house.clock for house in houses), key=lambda clock: abs(clock.skew_ms)).now()
