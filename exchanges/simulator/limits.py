"""
An exchange's limits: weight per address, ceilings per holder, and the bans that follow.

Windows are fixed and aligned to the clock, as Binance's are. Over the limit comes a refusal with
the time to wait; who goes on is banned for a while, longer each time. What is asked during a ban is
counted, since a good client asks nothing then. How it is worded is the exchange's: `LimitReached`
knows no codes.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from exchanges.simulator.config import SimulatorConfig
    from exchanges.simulator.exchange import SimulatedExchange

LONGEST_BAN: Final = 3 * 86_400.0
MINUTE: Final = 60.0
#: what was reached
BAN: Final = "ban"
ADDRESS: Final = "address"
HOLDER: Final = "holder"


class LimitReached(Exception):
    """Too much was asked; nothing happened."""

    def __init__(self, kind: str, *, retry_after: int, limit: int = 0, pool: str = "") -> None:
        """`kind` is BAN, ADDRESS or HOLDER (then `pool` names the ceiling); seconds to wait."""
        super().__init__(kind)
        self.kind = kind
        self.retry_after = retry_after
        self.limit = limit
        self.pool = pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One request against one ceiling of one holder (a key, a UID, a pocket, an address)."""

    holder: str
    pool: str
    limit: int
    period: float


@dataclass(slots=True)
class Window:
    """A count that starts anew at every multiple of its length."""

    length: float
    number: int = -1
    used: int = 0

    def add(self, now: float, amount: int) -> int:
        """Count and return what is used in this window."""
        number = int(now // self.length)
        if number != self.number:
            self.number, self.used = number, 0
        self.used += amount
        return self.used

    def left(self, now: float) -> int:
        """Whole seconds until it starts anew, at least one."""
        return max(1, int((self.number + 1) * self.length - now) + 1)


class Limits:
    """What has been used, and who is banned."""

    def __init__(
        self, config: Callable[[], SimulatorConfig], now: Callable[[], float] = time.time
    ) -> None:
        """`config` is asked every time, since it may change."""
        self._config = config
        self._now = now
        self._weight = Window(config().weight_window)
        self._pools: dict[tuple[str, str], Window] = {}
        self._refused = Window(config().weight_window)
        self.banned_until = 0.0
        self.bans = 0
        self.too_many_requests = 0
        self.requests_during_ban = 0
        self.weight_by_minute: Counter[int] = Counter()

    @property
    def used_weight(self) -> int:
        """What has been used of this window's weight."""
        return self._weight.add(self._now(), 0)

    def check_ban(self) -> None:
        """Refuse everything during a ban, and count what was asked."""
        if self._now() < self.banned_until:
            self.requests_during_ban += 1
            raise self._banned()

    def _banned(self) -> LimitReached:
        return LimitReached(BAN, retry_after=max(1, int(self.banned_until - self._now()) + 1))

    def spend(self, weight: int) -> None:
        """Count a request; refuse it when the window's weight is used up."""
        config, now = self._config(), self._now()
        used = self._weight.add(now, weight)
        self.weight_by_minute[int(now // MINUTE)] += weight
        if not config.enforce_limits or used <= config.weight_limit:
            return
        if self._refused.add(now, 1) > config.ban_after:
            self.ban(config.ban_seconds)
        self.too_many_requests += 1
        left = self._weight.left(now)
        raise LimitReached(ADDRESS, retry_after=left, limit=config.weight_limit)

    def refund(self, weight: int) -> None:
        """Give back what a request that succeeded does not cost."""
        if weight:
            now = self._now()
            self._weight.add(now, -weight)
            self.weight_by_minute[int(now // MINUTE)] -= weight

    def ban(self, lasting: float) -> None:
        """Ban this address (raises the first refusal); every further ban is twice as long."""
        self.impose(min(lasting * 2**self.bans, LONGEST_BAN))
        raise self._banned()

    def impose(self, lasting: float) -> None:
        """Ban this address for so many seconds; 0 lifts a ban."""
        self.banned_until = self._now() + lasting
        self.bans += lasting > 0

    def count(self, charges: Sequence[Charge]) -> None:
        """Count a request against ceilings, all of them; refuse it when one was used up."""
        now = self._now()
        used = [self._window(charge).add(now, 1) for charge in charges]
        if not self._config().enforce_limits:
            return
        for charge, number in zip(charges, used, strict=True):
            if number > charge.limit:
                self.too_many_requests += 1
                left = self._window(charge).left(now)
                raise LimitReached(HOLDER, retry_after=left, limit=charge.limit, pool=charge.pool)

    def _window(self, charge: Charge) -> Window:
        key = (charge.holder, charge.pool)
        found = self._pools.get(key)
        if found is None:
            found = self._pools[key] = Window(charge.period)
        return found

    def used(self, charge: Charge) -> int:
        """What the holder has used of a ceiling in this window."""
        return self._window(charge).add(self._now(), 0)

    def window_ends(self, charge: Charge) -> int:
        """Whole seconds until the ceiling is free again."""
        return self._window(charge).left(self._now())


def share(houses: Iterable[SimulatedExchange]) -> None:
    """Let houses behind one address share the first one's limits."""
    first, *others = houses
    for house in others:
        house.limits = first.limits
