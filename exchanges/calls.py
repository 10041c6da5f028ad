"""
One call to an exchange: through the budget, signed, sent, understood.

Policy: every request passes the governor first and tells it what the exchange counted. A refused
timestamp is a definite refusal, so the clock is measured and the request is sent once more, an
order too. Nothing else is ever sent again here, and no order once its time is over.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from exchanges.errors import ClockSkewed, RateLimited, TransientError
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from exchanges.credentials import Credentials
    from exchanges.governor import Governor, Priority
    from exchanges.http_session import Answer, HttpSession

log = structlog.get_logger(__name__)

_SHORTEST_TIMEOUT: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One of ccxt's raw endpoints, with its weight and what it does."""

    name: str
    #: counted against the address
    weight: float
    is_signed: bool = True
    changes_orders: bool = False
    #: the holder's pools it takes from, and how much: a request may place many orders
    pools: tuple[str, ...] = ()
    pool_cost: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The JSON of a good answer, and when it was asked for (our clock)."""

    body: object
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """How long a limit stops requests, and whose: the holder's alone, or the whole address's."""

    #: None: the exchange does not say
    seconds: float | None
    holder_only: bool = False


class AnswerReader(Protocol):
    """One exchange's way of answering. Pure."""

    @property
    def clock(self) -> Endpoint:
        """The endpoint that tells the exchange's time."""

    def read(self, answer: Answer, *, changes_orders: bool) -> object:
        """Return the JSON of a good answer; raise what any other means.

        An answer that proves nothing is TransientError for a question and OutcomeUnknown for an
        order.
        """

    def server_time(self, body: object, answer: Answer) -> datetime:
        """Read the answer of `clock`. Raises MalformedMessage."""

    def used_weight(self, answer: Answer) -> int | None:
        """Read how much weight the exchange has counted in this period, if it says so."""

    def pause(self, limit: RateLimited) -> Pause:
        """Say whom a limit stops, and for how long."""


class Calls:
    """Calls endpoints on behalf of one account. Safe to share between threads."""

    def __init__(
        self,
        *,
        session: HttpSession,
        governor: Governor,
        credentials: Credentials | None,
        reader: AnswerReader,
    ) -> None:
        """Without `credentials` only unsigned endpoints can be called."""
        self._session, self._governor, self._credentials = session, governor, credentials
        self._reader = reader
        # Names the holder of pools in Redis without telling the key.
        key = credentials.api_key if credentials else ""
        self._holder = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()

    def call(
        self,
        endpoint: Endpoint,
        parameters: Mapping[str, object],
        *,
        priority: Priority,
        timeout: float,
    ) -> Told:
        """Call an endpoint within `timeout` seconds, waiting for the budget included.

        Raises what the exchange's reader makes of a failure; RateLimited and TransientError also
        before anything was sent.
        """
        deadline = time.monotonic() + timeout
        try:
            return self._send(endpoint, parameters, priority, deadline)
        except ClockSkewed:
            self.measure_clock(priority=priority, timeout=max(1.0, deadline - time.monotonic()))
        return self._send(endpoint, parameters, priority, deadline)

    def measure_clock(self, *, priority: Priority, timeout: float) -> datetime:
        """Ask the exchange for its time and keep the difference to ours. Returns its time."""
        clock = self._reader.clock
        answer = self._ask(clock, {}, priority, time.monotonic() + timeout)
        server_time = self._reader.server_time(self._read(clock, answer), answer)
        middle = (milliseconds(answer.requested_at) + milliseconds(answer.received_at)) // 2
        self._session.clock_offset_ms = middle - milliseconds(server_time)
        log.info("exchange.clock_measured", offset_ms=self._session.clock_offset_ms)
        return server_time

    @property
    def clock_offset_ms(self) -> int:
        """How far our clock is ahead of the exchange's, as far as it was measured."""
        return self._session.clock_offset_ms

    def _send(
        self,
        endpoint: Endpoint,
        parameters: Mapping[str, object],
        priority: Priority,
        deadline: float,
    ) -> Told:
        answer = self._ask(endpoint, parameters, priority, deadline)
        return Told(body=self._read(endpoint, answer), requested_at=answer.requested_at)

    def _ask(
        self,
        endpoint: Endpoint,
        parameters: Mapping[str, object],
        priority: Priority,
        deadline: float,
    ) -> Answer:
        self._governor.acquire(
            endpoint.weight,
            priority,
            max(0.0, deadline - time.monotonic() - _SHORTEST_TIMEOUT),
            holder=self._holder if self._credentials else None,
            pools=endpoint.pools,
            pool_cost=endpoint.pool_cost,
        )
        if endpoint.changes_orders and time.monotonic() >= deadline:
            # nobody counts on it any more: it may be taken for one that never arrived
            msg = "its time was over before it was sent"
            raise TransientError(msg)
        answer = self._session.call(
            endpoint.name,
            parameters,
            credentials=self._credentials if endpoint.is_signed else None,
            changes_orders=endpoint.changes_orders,
            timeout=max(_SHORTEST_TIMEOUT, deadline - time.monotonic()),
        )
        used = self._reader.used_weight(answer)
        if used is not None:
            self._governor.observe(used)
        return answer

    def _read(self, endpoint: Endpoint, answer: Answer) -> object:
        try:
            return self._reader.read(answer, changes_orders=endpoint.changes_orders)
        except RateLimited as limit:
            self.hear_limit(limit)
            raise

    def hear_limit(self, limit: RateLimited) -> None:
        """Stop whom a limit concerns; an answer about several orders may name one for some."""
        pause = self._reader.pause(limit)
        self._governor.ban(
            pause.seconds, str(limit), holder=self._holder if pause.holder_only else None
        )
