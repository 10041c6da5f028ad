"""
Upbit's endpoints with what they count against, and how it answers.

Prices and markets are counted by address, ten a second of each kind; what is signed is counted by
pocket, and an account here is one API key, hence one pocket. Upbit has no endpoint that tells its
time: every answer carries it in its `Date`, to the second. Nothing is signed with a time, so no
request is ever refused for a wrong clock.

Source: docs.upbit.com, "Rate limits" (2026-10-07), changelog "order rate limit" (2026-08-21).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from exchanges.adapter import Limits, Pool, Rate
from exchanges.calls import Endpoint, Pause
from exchanges.errors import MalformedMessage
from exchanges.upbit_errors import is_by_address, read_answer

if TYPE_CHECKING:
    from exchanges.errors import RateLimited
    from exchanges.http_session import Answer

_ORDERS: Final = "order"
_DEFAULT: Final = "default"
_SECOND: Final = timedelta(milliseconds=999)
LIMITS: Final = Limits(
    address=Rate(limit=10, period=1),
    pools=(
        Pool(name=_ORDERS, rate=Rate(limit=12, period=1)),
        Pool(name=_DEFAULT, rate=Rate(limit=30, period=1)),
    ),
)

ORDER = Endpoint(name="privateGetOrder", weight=0, pools=(_DEFAULT,))
ORDERS = Endpoint(name="privateGetOrdersUuids", weight=0, pools=(_DEFAULT,))
OPEN_ORDERS = Endpoint(name="privateGetOrdersOpen", weight=0, pools=(_DEFAULT,))
CLOSED_ORDERS = Endpoint(name="privateGetOrdersClosed", weight=0, pools=(_DEFAULT,))
ACCOUNTS = Endpoint(name="privateGetAccounts", weight=0, pools=(_DEFAULT,))
API_KEYS = Endpoint(name="privateGetApiKeys", weight=0, pools=(_DEFAULT,))
PLACE = Endpoint(name="privatePostOrders", weight=0, changes_orders=True, pools=(_ORDERS,))
CANCEL = Endpoint(name="privateDeleteOrder", weight=0, changes_orders=True, pools=(_DEFAULT,))
MARKETS = Endpoint(name="publicGetMarketAll", weight=1, is_signed=False)
CANDLES = Endpoint(name="publicGetCandlesMinutes1", weight=1, is_signed=False)
TICKER = Endpoint(name="publicGetTicker", weight=1, is_signed=False)


class UpbitReader:
    """How Upbit answers. Implements `calls.AnswerReader`."""

    clock: Endpoint = MARKETS

    def read(self, answer: Answer, *, changes_orders: bool) -> object:
        """Return the JSON of a good answer, or raise what its name means."""
        return read_answer(answer, changes_orders=changes_orders)

    def server_time(self, body: object, answer: Answer) -> datetime:
        """Read the answer's `Date`: the exchange's second, and our clock's place within it.

        A clock of ours that is in that second is as right as can be told; any other is moved to
        the nearest moment of it.
        """
        del body
        try:
            second = parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
        except (ValueError, OverflowError):
            msg = "Date: expected a time"
            raise MalformedMessage(msg) from None
        ours = answer.requested_at + (answer.received_at - answer.requested_at) / 2
        return min(max(ours, second), second + _SECOND)

    def used_weight(self, answer: Answer) -> int | None:
        """Say nothing: `Remaining-Req` tells of one second and one group."""
        del answer
        return None

    def pause(self, limit: RateLimited) -> Pause:
        """Stop the pocket, or the address where prices were asked for."""
        return Pause(seconds=limit.retry_after, holder_only=not is_by_address(limit))
