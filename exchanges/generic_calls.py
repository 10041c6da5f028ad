"""
One unified call of ccxt: through the budget, bounded in time, its failure understood.

Policy: one instance of ccxt per thread and process, the table of markets lent to all of them. A
refused timestamp is a definite refusal, so the clock is measured and the call is made again, an
order too. Nothing else is ever sent again here. If the clock was right all the same, the exchange
wants nonces that grow (Kraken), which calls of several threads may overtake each other with: from
then on an account's calls are made in turn.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog

from exchanges.errors import (
    ClockSkewed,
    ExchangeError,
    PermanentError,
    RateLimited,
    TransientError,
)
from exchanges.generic_errors import Circumstances, classify
from exchanges.generic_speaker import Asking, Clock, described, speaker_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exchanges.credentials import Credentials
    from exchanges.generic_markets import MarketSource
    from exchanges.governor import Governor, Priority
    from exchanges.messages import MarketType

log = structlog.get_logger(__name__)

T = TypeVar("T")

#: so many are remembered for exchanges that want a market to be named
MARKETS_OF_LATE: Final = 10
#: the second with its turn to come
_TRIES_WITH_A_CLOCK: Final = 2
#: a clock that was wrong by less was not the cause: no exchange allows less than this
_RIGHT_MS: Final = 2000
#: Longer than any exchange asks for; more digits than that are no time.
_LONGEST_PAUSE: Final = 4 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What ccxt returned, and when the exchange was asked (our clock)."""

    value: Any
    requested_at: datetime


class GenericCalls:
    """Makes unified calls on behalf of one account. Safe to share between threads."""

    def __init__(
        self,
        *,
        exchange: str,
        base_url: str,
        market_type: MarketType,
        credentials: Credentials,
        governor: Governor,
        source: MarketSource,
    ) -> None:
        """`exchange` is ccxt's name of it."""
        self.exchange, self.market_type = exchange, market_type
        self.base_url, self.credentials = base_url, credentials
        self.clock, self.source, self.governor = Clock(), source, governor
        self._local = threading.local()
        self._in_turn, self._turns = False, threading.Lock()
        self._asked_about: tuple[str, ...] = ()
        #: by market: from when to when no trade was listed
        self.silences: dict[str, tuple[int, int]] = {}
        # Names who is being asked for in Redis without telling the key.
        key = credentials.api_key or credentials.api_secret
        self.holder = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
        self._secrets = (credentials.api_key, credentials.api_secret, credentials.api_password)

    def note_market(self, symbol_id: str | None) -> None:
        """Remember that a market was asked about, if one was."""
        if symbol_id is not None:
            self._asked_about = (symbol_id, *(m for m in self._asked_about if m != symbol_id))[
                :MARKETS_OF_LATE
            ]

    def markets_of_late(self) -> tuple[str, ...]:
        """Name the markets that were asked about, the latest first."""
        return self._asked_about

    def can(self, ability: str) -> bool:
        """Tell whether ccxt can do this at the exchange, e.g. "fetchMyTrades"."""
        return bool(described(self.exchange).has.get(ability))

    def require(self, ability: str) -> None:
        """Raise PermanentError for what cannot be done at this exchange."""
        if not self.can(ability):
            msg = f"{self.exchange} cannot {ability}"
            raise PermanentError(msg)

    def ask(
        self,
        operation: Callable[[Any], T],
        *,
        priority: Priority,
        timeout: float,
        changes_orders: bool = False,
    ) -> Said:
        """Do something with an instance of ccxt within `timeout` seconds, waiting included.

        Raises what `generic_errors` makes of a failure.
        """
        deadline = time.monotonic() + timeout
        asking = Asking(
            governor=self.governor,
            holder=self.holder,
            priority=priority,
            deadline=deadline,
            changes_orders=changes_orders,
        )
        said = self._try(operation, asking)
        for _ in range(_TRIES_WITH_A_CLOCK):
            if not isinstance(said, ClockSkewed) or not self.can("fetchTime"):
                break
            self._set_clock(priority, max(1.0, deadline - time.monotonic()))
            said = self._try(operation, asking)
        if isinstance(said, ExchangeError):
            raise said
        return said

    def _set_clock(self, priority: Priority, timeout: float) -> None:
        before = self.clock.offset_ms
        self.measure_clock(priority=priority, timeout=timeout)
        if abs(self.clock.offset_ms - before) < _RIGHT_MS and not self._in_turn:
            self._in_turn = True
            log.info("exchange.calls_made_in_turn", exchange=self.exchange)

    def measure_clock(self, *, priority: Priority, timeout: float) -> datetime:
        """Ask the exchange for its time and keep the difference to ours. Returns its time.

        An exchange that tells no time is believed to have ours.
        """
        if not self.can("fetchTime"):
            return datetime.now(UTC)
        before = time.time_ns() // 1_000_000
        asking = Asking(
            governor=self.governor,
            holder=None,
            priority=priority,
            deadline=time.monotonic() + timeout,
        )
        said = self._try(lambda ccxt: int(ccxt.fetch_time()), asking)
        if isinstance(said, ExchangeError):
            raise said
        middle = (before + time.time_ns() // 1_000_000) // 2
        self.clock.offset_ms = middle - said.value
        log.info("exchange.clock_measured", offset_ms=self.clock.offset_ms)
        return datetime.fromtimestamp(said.value / 1000, UTC)

    def _try(self, operation: Callable[[Any], T], asking: Asking) -> Said | ExchangeError:
        """Return what came of it: an error is not raised where ccxt's hangs on it, with its URL."""
        self.source.markets.all()
        speaker = self._speaker()
        self.source.lend(speaker)
        speaker.forget()
        speaker.asking = asking
        started = datetime.now(UTC)
        try:
            with self._turn(asking.deadline):
                value = operation(speaker)
        except Exception as error:  # noqa: BLE001 - ccxt's readers raise whatever they stumble over
            return self._failed(error, speaker)
        return Said(value=value, requested_at=speaker.asked_at or started)

    @contextmanager
    def _turn(self, deadline: float) -> Iterator[None]:
        """Wait for one's turn, where there are any. Raises TransientError."""
        if not self._in_turn:
            yield
        elif self._turns.acquire(timeout=max(0.0, deadline - time.monotonic())):
            try:
                yield
            finally:
                self._turns.release()
        else:
            msg = "its turn did not come in time"
            raise TransientError(msg)

    def _failed(self, error: Exception, speaker: Any) -> ExchangeError:
        failure = classify(
            error,
            Circumstances(
                changes_orders=speaker.asking.changes_orders,
                has_sent=speaker.has_sent,
                status=speaker.last_status,
                retry_after=_retry_after(speaker.last_headers.get("Retry-After", "")),
                secrets=self._secrets,
            ),
        )
        if isinstance(failure, RateLimited) and speaker.last_status:
            self.governor.ban(failure.retry_after, str(failure))
        return failure

    def _speaker(self) -> Any:
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.pid = os.getpid()
            self._local.speaker = speaker_of(self.exchange)(
                clock=self.clock,
                base_url=self.base_url,
                credentials=self.credentials,
                market_type=self.market_type,
            )
        return self._local.speaker


def _retry_after(told: str) -> float | None:
    if not (told.isascii() and told.isdigit()):
        return None
    return min(float(told[:10]), _LONGEST_PAUSE)
