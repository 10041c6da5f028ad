"""
Bybit's endpoints with what they count against, and how it answers.

Every request counts for its address; what is signed counts for its user as well, by endpoint and
second, orders of spot apart from those of contracts. A user with several keys has one such
allowance; who holds it is known here by the key alone.

Sources: v5 "Rate Limit Rules", "Get Bybit Server Time" (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from exchanges.adapter import Limits, Pool, Rate
from exchanges.bybit_errors import TOO_MANY, read_answer
from exchanges.calls import Endpoint, Pause
from exchanges.messages import MarketType
from exchanges.understanding import understood
from exchanges.wire import a_list, an_object, moment, optional_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from exchanges.calls import Calls
    from exchanges.errors import RateLimited
    from exchanges.governor import Priority
    from exchanges.http_session import Answer
    from exchanges.wire import Fields

_READS: Final = Rate(limit=50, period=1)
_ORDERS: Final = Rate(limit=10, period=1)
_SPOT_ORDERS: Final = Rate(limit=20, period=1)
LIMITS: Final = Limits(
    address=Rate(limit=600, period=5),
    pools=(
        Pool(name="realtime", rate=_READS),
        Pool(name="history", rate=_READS),
        Pool(name="executions", rate=_READS),
        Pool(name="positions", rate=_READS),
        Pool(name="wallet", rate=_READS),
        Pool(name="wallet log", rate=Rate(limit=25, period=1)),
        Pool(name="place", rate=_ORDERS),
        Pool(name="cancel", rate=_ORDERS),
        Pool(name="place spot", rate=_SPOT_ORDERS),
        Pool(name="cancel spot", rate=_SPOT_ORDERS),
        Pool(name="batch", rate=_ORDERS),
        Pool(name="batch spot", rate=_SPOT_ORDERS),
        Pool(name="amend", rate=_ORDERS),
        Pool(name="api key", rate=Rate(limit=10, period=1)),
    ),
)

REALTIME = Endpoint(name="privateGetV5OrderRealtime", weight=1, pools=("realtime",))
HISTORY = Endpoint(name="privateGetV5OrderHistory", weight=1, pools=("history",))
EXECUTIONS = Endpoint(name="privateGetV5ExecutionList", weight=1, pools=("executions",))
POSITIONS = Endpoint(name="privateGetV5PositionList", weight=1, pools=("positions",))
WALLET = Endpoint(name="privateGetV5AccountWalletBalance", weight=1, pools=("wallet",))
WALLET_LOG = Endpoint(name="privateGetV5AccountTransactionLog", weight=1, pools=("wallet log",))
API_KEY = Endpoint(name="privateGetV5UserQueryApi", weight=1, pools=("api key",))
AMEND = Endpoint(name="privatePostV5OrderAmend", weight=1, changes_orders=True, pools=("amend",))
TICKERS = Endpoint(name="publicGetV5MarketTickers", weight=1, is_signed=False)
INSTRUMENTS = Endpoint(name="publicGetV5MarketInstrumentsInfo", weight=1, is_signed=False)
CANDLES = Endpoint(name="publicGetV5MarketKline", weight=1, is_signed=False)
SERVER_TIME = Endpoint(name="publicGetV5MarketTime", weight=1, is_signed=False)
_PLACE: Final = "privatePostV5OrderCreate"
_PLACE_MANY: Final = "privatePostV5OrderCreateBatch"
_CANCEL: Final = "privatePostV5OrderCancel"


def placing(market_type: MarketType) -> Endpoint:
    """Return the endpoint that takes orders, with the pool that counts them."""
    return _changing(_PLACE, "place", market_type)


def cancelling(market_type: MarketType) -> Endpoint:
    """Return the endpoint that cancels, with the pool that counts it."""
    return _changing(_CANCEL, "cancel", market_type)


def placing_many(market_type: MarketType, count: int) -> Endpoint:
    """Return the endpoint that takes several orders; each of them counts."""
    return _changing(_PLACE_MANY, "batch", market_type, pool_cost=count)


def _changing(name: str, pool: str, market_type: MarketType, *, pool_cost: float = 1.0) -> Endpoint:
    pool += " spot" if market_type is MarketType.SPOT else ""
    return Endpoint(name=name, weight=1, changes_orders=True, pools=(pool,), pool_cost=pool_cost)


class BybitReader:
    """How Bybit answers. Implements `calls.AnswerReader`."""

    clock: Endpoint = SERVER_TIME

    def read(self, answer: Answer, *, changes_orders: bool) -> object:
        """Return the JSON of a good answer, or raise what its code means."""
        return read_answer(answer, changes_orders=changes_orders)

    def server_time(self, body: object, answer: Answer) -> datetime:
        """Read the time every answer carries beside its result."""
        del answer
        return moment(an_object(body), "time")

    def used_weight(self, answer: Answer) -> int | None:
        """Say nothing: headers tell of one user, one endpoint and one second."""
        del answer
        return None

    def pause(self, limit: RateLimited) -> Pause:
        """Stop the user where it asked too often, else the address."""
        return Pause(seconds=limit.retry_after, holder_only=limit.code in TOO_MANY)


def result(body: object) -> Fields:
    """Take what was asked for out of an answer. Raises MalformedMessage."""
    return an_object(an_object(body).get("result"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list."""

    rows: list[Fields]
    requested_at: datetime
    is_last: bool


def pages(
    api: Calls,
    endpoint: Endpoint,
    parameters: Mapping[str, object],
    *,
    deadline: float,
    priority: Priority,
    most: int,
) -> Iterator[Page]:
    """Read a list page by page, `most` of them at most, by `deadline` on the monotonic clock.

    A cursor is URL-encoded as it came, and signed so. The last page may have one all the same:
    then nothing follows it.
    """
    seen = {""}
    asked = dict(parameters)
    for _ in range(most):
        told = api.call(
            endpoint, asked, priority=priority, timeout=max(0.0, deadline - time.monotonic())
        )
        rows, cursor = understood(partial(_page, told.body))
        is_last = not rows or cursor in seen
        yield Page(rows=rows, requested_at=told.requested_at, is_last=is_last)
        if is_last:
            return
        seen.add(cursor)
        asked["cursor"] = cursor


def _page(body: object) -> tuple[list[Fields], str]:
    found = result(body)
    rows = [an_object(row) for row in a_list(found.get("list"))]
    return rows, optional_text(found, "nextPageCursor")
