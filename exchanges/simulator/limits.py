"""
The exchange's limits: request weight per address, orders per account, and the bans that follow.

Windows are fixed and aligned to the clock, as Binance's are. Over the limit comes 429 with
`Retry-After`; who goes on gets 418 for a while, longer each time. What is asked during a ban is
counted, since a good client asks nothing then.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from exchanges.simulator.errors import TEAPOT, TOO_MANY_REQUESTS, ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.simulator.config import SimulatorConfig

LONGEST_BAN: Final = 3 * 86_400.0
TEN_SECONDS: Final = 10.0
MINUTE: Final = 60.0


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


@dataclass(slots=True)
class OrderWindows:
    """The two order counts of one account."""

    short: Window = field(default_factory=lambda: Window(TEN_SECONDS))
    long: Window = field(default_factory=lambda: Window(MINUTE))


class Limits:
    """What has been used, and who is banned."""

    def __init__(
        self, config: Callable[[], SimulatorConfig], now: Callable[[], float] = time.time
    ) -> None:
        """`config` is asked every time, since it may change."""
        self._config = config
        self._now = now
        self._weight = Window(config().weight_window)
        self._orders: dict[str, OrderWindows] = {}
        self._refused = Window(config().weight_window)
        self.banned_until = 0.0
        self.bans = 0
        self.too_many_requests = 0
        self.requests_during_ban = 0
        self.weight_by_minute: Counter[int] = Counter()

    @property
    def used_weight(self) -> int:
        """What has been used of this minute's weight."""
        return self._weight.add(self._now(), 0)

    def check_ban(self) -> None:
        """Refuse everything during a ban (418), and count what was asked."""
        if self._now() < self.banned_until:
            self.requests_during_ban += 1
            raise self._banned()

    def _banned(self) -> ApiError:
        until = int(self.banned_until * 1000)
        return ApiError(
            -1003,
            f"Way too many requests; IP(127.0.0.1) banned until {until}. "
            "Please use the websocket for live updates to avoid bans.",
            status=TEAPOT,
            retry_after=max(1, int(self.banned_until - self._now()) + 1),
        )

    def spend(self, weight: int) -> None:
        """Count a request; refuse it (429) when the minute's weight is used up."""
        config, now = self._config(), self._now()
        used = self._weight.add(now, weight)
        self.weight_by_minute[int(now // MINUTE)] += weight
        if not config.enforce_limits or used <= config.weight_limit:
            return
        if self._refused.add(now, 1) > config.ban_after:
            self.ban(config.ban_seconds)
        limit = config.weight_limit
        text = f"Too many requests; current limit of IP(127.0.0.1) is {limit} requests per minute."
        raise self.refusal(-1003, text, self._weight.left(now))

    def ban(self, lasting: float) -> None:
        """Ban this address (raises the first 418); every further ban is twice as long."""
        self.impose(min(lasting * 2**self.bans, LONGEST_BAN))
        raise self._banned()

    def impose(self, lasting: float) -> None:
        """Ban this address for so many seconds; 0 lifts a ban."""
        self.banned_until = self._now() + lasting
        self.bans += lasting > 0

    def refusal(self, code: int, text: str, retry_after: int) -> ApiError:
        """A 429, counted."""
        self.too_many_requests += 1
        return ApiError(code, text, status=TOO_MANY_REQUESTS, retry_after=retry_after)

    def count_order(self, api_key: str) -> None:
        """Count an order of an account; refuse it (-1015) when there were too many."""
        config, now = self._config(), self._now()
        windows = self._orders.setdefault(api_key, OrderWindows())
        short, long = windows.short.add(now, 1), windows.long.add(now, 1)
        if not config.enforce_limits:
            return
        for used, limit, window, per in (
            (short, config.orders_per_10s, windows.short, "10 SECONDS"),
            (long, config.orders_per_minute, windows.long, "1 MINUTE"),
        ):
            if used > limit:
                text = f"Too many new orders; current limit is {limit} orders per {per}."
                raise self.refusal(-1015, text, window.left(now))

    def order_counts(self, api_key: str) -> tuple[int, int]:
        """What the account has used of its two order limits."""
        windows = self._orders.setdefault(api_key, OrderWindows())
        return windows.short.add(self._now(), 0), windows.long.add(self._now(), 0)
