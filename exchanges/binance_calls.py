"""
One call to Binance USD-M: through the budget, signed, sent, understood.

Policy: every request passes the governor first and tells it what the exchange counted. A refused
timestamp (-1021) is a definite refusal, so the clock is measured and the request is sent once
more, an order too. Nothing else is ever sent again here.

Weights: USD-M REST documentation of each endpoint.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from exchanges.binance_errors import TOO_MANY_ORDERS, read_answer
from exchanges.errors import ClockSkewed, RateLimited
from exchanges.wire import an_object, milliseconds, moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from exchanges.credentials import Credentials
    from exchanges.governor import Governor, Priority
    from exchanges.http_session import Answer, HttpSession

log = structlog.get_logger(__name__)

_USED_WEIGHT: Final = "X-MBX-USED-WEIGHT-1M"
#: -1015 names the ten-second pool or the minute pool; the shorter pause is tried first.
_ORDER_PAUSE: Final = 10.0
_SHORTEST_TIMEOUT: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One of ccxt's raw endpoints, with its weight and what it does."""

    name: str
    weight: int
    is_signed: bool = True
    changes_orders: bool = False
    #: counted in the account's order pools
    is_order: bool = False


ORDER = Endpoint(name="fapiPrivateGetOrder", weight=1)
OPEN_ORDERS = Endpoint(name="fapiPrivateGetOpenOrders", weight=1)
ALL_OPEN_ORDERS = Endpoint(name="fapiPrivateGetOpenOrders", weight=40)
ORDERS = Endpoint(name="fapiPrivateGetAllOrders", weight=5)
TRADES = Endpoint(name="fapiPrivateGetUserTrades", weight=5)
ALGO_ORDER = Endpoint(name="fapiPrivateGetAlgoOrder", weight=1)
OPEN_ALGO_ORDERS = Endpoint(name="fapiPrivateGetOpenAlgoOrders", weight=1)
ALL_OPEN_ALGO_ORDERS = Endpoint(name="fapiPrivateGetOpenAlgoOrders", weight=40)
POSITIONS = Endpoint(name="fapiPrivateV3GetPositionRisk", weight=5)
CANDLES = Endpoint(name="fapiPublicGetKlines", weight=1, is_signed=False)
INCOME = Endpoint(name="fapiPrivateGetIncome", weight=30)
POSITION_MODE = Endpoint(name="fapiPrivateGetPositionSideDual", weight=30)
PLACE = Endpoint(name="fapiPrivatePostOrder", weight=0, changes_orders=True, is_order=True)
CANCEL = Endpoint(name="fapiPrivateDeleteOrder", weight=1, changes_orders=True)
CANCEL_ALGO = Endpoint(name="fapiPrivateDeleteAlgoOrder", weight=1, changes_orders=True)
CREATE_LISTEN_KEY = Endpoint(name="fapiPrivatePostListenKey", weight=1)
EXTEND_LISTEN_KEY = Endpoint(name="fapiPrivatePutListenKey", weight=1)
SERVER_TIME = Endpoint(name="fapiPublicGetTime", weight=1, is_signed=False)
MARKETS = Endpoint(name="fapiPublicGetExchangeInfo", weight=1, is_signed=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The JSON of a good answer, and when it was asked for (our clock)."""

    body: object
    requested_at: datetime


class BinanceCalls:
    """Calls endpoints on behalf of one account. Safe to share between threads."""

    def __init__(
        self, *, session: HttpSession, governor: Governor, credentials: Credentials | None
    ) -> None:
        """Without `credentials` only unsigned endpoints can be called."""
        self._session, self._governor, self._credentials = session, governor, credentials
        # Names the account's order pools in Redis without telling the key.
        key = credentials.api_key if credentials else ""
        self._account = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()

    def call(
        self,
        endpoint: Endpoint,
        parameters: Mapping[str, str],
        *,
        priority: Priority,
        timeout: float,
    ) -> Told:
        """Call an endpoint within `timeout` seconds, waiting for the budget included.

        Raises what `binance_errors` makes of a failure; RateLimited and TransientError also
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
        answer = self._ask(SERVER_TIME, {}, priority, time.monotonic() + timeout)
        server_time = moment(an_object(self._read(SERVER_TIME, answer)), "serverTime")
        middle = (milliseconds(answer.requested_at) + milliseconds(answer.received_at)) // 2
        self._session.clock_offset_ms = middle - milliseconds(server_time)
        log.info("exchange.clock_measured", offset_ms=self._session.clock_offset_ms)
        return server_time

    def _send(
        self, endpoint: Endpoint, parameters: Mapping[str, str], priority: Priority, deadline: float
    ) -> Told:
        answer = self._ask(endpoint, parameters, priority, deadline)
        return Told(body=self._read(endpoint, answer), requested_at=answer.requested_at)

    def _ask(
        self, endpoint: Endpoint, parameters: Mapping[str, str], priority: Priority, deadline: float
    ) -> Answer:
        self._governor.acquire(
            endpoint.weight,
            priority,
            max(0.0, deadline - time.monotonic() - _SHORTEST_TIMEOUT),
            order_account=self._account if endpoint.is_order else None,
        )
        answer = self._session.call(
            endpoint.name,
            parameters,
            credentials=self._credentials if endpoint.is_signed else None,
            changes_orders=endpoint.changes_orders,
            timeout=max(_SHORTEST_TIMEOUT, deadline - time.monotonic()),
        )
        self._observe(answer)
        return answer

    def _read(self, endpoint: Endpoint, answer: Answer) -> object:
        try:
            return read_answer(answer, changes_orders=endpoint.changes_orders)
        except RateLimited as limit:
            if limit.code == TOO_MANY_ORDERS:
                pause = limit.retry_after or _ORDER_PAUSE
                self._governor.ban(pause, str(limit), account=self._account)
            else:
                self._governor.ban(limit.retry_after, str(limit))
            raise

    def _observe(self, answer: Answer) -> None:
        used = answer.headers.get(_USED_WEIGHT, "")
        if used.isascii() and used.isdigit() and len(used) < 10:  # noqa: PLR2004 - 32 bits
            self._governor.observe(int(used))
