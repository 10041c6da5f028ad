"""
Reading Binance's lists of trades to their end.

Policy: `fromId` excludes times and times are limited to windows of seven days, so a query starts
by time only until it has seen one trade, and goes on by id.

Source: USD-M "Account Trade List".

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from exchanges import binance_answers as answers
from exchanges.binance_calls import TRADES
from exchanges.errors import MalformedMessage, TransientError
from exchanges.wire import a_list, milliseconds

if TYPE_CHECKING:
    from exchanges.calls import Calls
    from exchanges.governor import Priority
    from exchanges.messages import ExecutionReport, MarketType
    from exchanges.questions import TradeCursor

PAGE: Final = 1000
#: Where some trades are awaited, a page leaves room for so many that nobody told us of.
UNTOLD: Final = 50
#: covers the thirteen windows of an account that rests, and a long list besides
PAGES: Final = 20
_WINDOW: Final = timedelta(days=7)
#: Binance keeps three months; a day less stays clear of the edge.
_LOOK_BACK: Final = timedelta(days=89)


@dataclass(slots=True, kw_only=True)
class _Place:
    """Where the query goes on."""

    from_id: int | None
    window: datetime | None
    limit: int = PAGE
    until_id: int | None = None

    def parameters(self) -> dict[str, str]:
        if self.from_id is not None:
            return {"fromId": str(self.from_id)}
        if self.window is not None:
            last = self.window + _WINDOW - timedelta(milliseconds=1)
            return {
                "startTime": str(milliseconds(self.window)),
                "endTime": str(milliseconds(last)),
            }
        return {}

    def advance(self, page: list[ExecutionReport], now: datetime) -> bool:
        """Move behind `page`; returns False at the end of the list."""
        if page:
            self.from_id = max(int(trade.exchange_trade_id) for trade in page) + 1
            # a short page by id is the last one; one of a window only if no later window is left
            is_last = self.window is None or self.window + _WINDOW > now
            self.window = None
            return len(page) == self.limit or not is_last
        if self.from_id is None and self.window is not None:
            self.window += _WINDOW
            return self.window < now
        return False

    @property
    def is_enough(self) -> bool:
        """Whether the trade that was awaited lies behind."""
        if self.until_id is None or self.from_id is None:
            return False
        return self.until_id < self.from_id


def fetch_trades(
    api: Calls,
    symbol_id: str,
    cursor: TradeCursor,
    *,
    market_type: MarketType,
    exchange_order_id: str | None,
    timeout: float,
    priority: Priority,
) -> tuple[tuple[ExecutionReport, ...], bool]:
    """Return the fills after `cursor`, oldest first, and whether that is all there are.

    It is not known to be all when the cursor says that less is enough.
    """
    deadline = time.monotonic() + timeout
    found: list[ExecutionReport] = []
    place = _start(cursor, datetime.now(UTC))
    fixed = {"symbol": symbol_id, "limit": str(place.limit)}
    if exchange_order_id is not None:
        fixed["orderId"] = exchange_order_id
    for _ in range(PAGES):
        told = api.call(
            TRADES,
            fixed | place.parameters(),
            priority=priority,
            timeout=max(0.0, deadline - time.monotonic()),
        )
        page = _read(told.body, market_type)
        found += page
        if not place.advance(page, told.requested_at):
            return _in_order(found), True
        if place.is_enough:
            break
    return _in_order(found), False


def _start(cursor: TradeCursor, now: datetime) -> _Place:
    place = _Place(from_id=None, window=None)
    if cursor.until_trade_id is not None:
        place.until_id = int(cursor.until_trade_id)
        place.limit = min(PAGE, cursor.awaited + UNTOLD)
    if cursor.after_trade_id is not None:
        place.from_id = int(cursor.after_trade_id) + 1
    elif cursor.since is not None:
        place.window = max(cursor.since, now - _LOOK_BACK)
    return place


def _read(body: object, market_type: MarketType) -> list[ExecutionReport]:
    try:
        return [answers.execution(row, market_type=market_type) for row in a_list(body)]
    except MalformedMessage as error:
        msg = f"unreadable answer: {error}"
        raise TransientError(msg) from None


def _in_order(found: list[ExecutionReport]) -> tuple[ExecutionReport, ...]:
    """Sort by id. A trade with oneself comes as two rows of one id, one for each order."""
    return tuple(sorted(found, key=lambda trade: int(trade.exchange_trade_id)))
