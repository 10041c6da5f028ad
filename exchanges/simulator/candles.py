"""What a market's price did, minute by minute, as far back as candles may be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from decimal import Decimal

MINUTE_MS: Final = 60_000
#: so many minutes are remembered
KEPT: Final = 1_500


@dataclass(slots=True, kw_only=True)
class Candle:
    """The prices of one minute; `minute` is its first millisecond."""

    minute: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


class Candles:
    """The candles of one market: one for each minute since it opened."""

    def __init__(self, price: Decimal, at: int) -> None:
        """Begin with the price at which the market opened."""
        self._last = _flat(at - at % MINUTE_MS, price)
        self._kept = {self._last.minute: self._last}

    def note(self, price: Decimal, at: int) -> None:
        """The price is this from now on."""
        self._advance(at)
        last = self._last
        last.high, last.low, last.close = max(last.high, price), min(last.low, price), price

    def between(self, start: int, end: int, now: int) -> list[Candle]:
        """The candles that open in a span of time, oldest first; the last one is still moving."""
        self._advance(now)
        return [candle for minute, candle in self._kept.items() if start <= minute <= end]

    def _advance(self, at: int) -> None:
        """Minutes in which nothing moved have candles too. A clock set back changes nothing."""
        now = at - at % MINUTE_MS
        first = max(self._last.minute + MINUTE_MS, now - (KEPT - 1) * MINUTE_MS)
        for minute in range(first, now + 1, MINUTE_MS):
            self._last = self._kept[minute] = _flat(minute, self._last.close)
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]


def _flat(minute: int, price: Decimal) -> Candle:
    return Candle(minute=minute, open=price, high=price, low=price, close=price)
