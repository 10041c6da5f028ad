"""
Reading Binance's lists of trades to their end.

Policy: `fromId` excludes times and times are limited to windows (a week, in spot a day), so a query
starts by time only until it has seen one trade, and goes on by id. Spot shows its newest page
first, which mostly reaches back far enough.

Sources: "Account Trade List" of USD-M, COIN-M and spot.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from exchanges.errors import TransientError
from exchanges.understanding import understood
from exchanges.wire import a_list, milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.calls import Calls, Endpoint
    from exchanges.governor import Priority
    from exchanges.messages import ExecutionReport
    from exchanges.questions import TradeCursor

PAGE: Final = 1000
#: Where some trades are awaited, a page leaves room for so many that nobody told us of.
UNTOLD: Final = 50
#: covers the thirteen windows of an account that rests, and a long list besides
PAGES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeList:
    """How one market type lists trades, and how each is read."""

    everyone: Endpoint
    of_order: Endpoint
    read: Callable[[object], ExecutionReport]
    #: the longest span of time one question may cover
    window: timedelta
    #: how long trades are kept; None: for ever
    keeps: timedelta | None
    #: without id and times the newest come, not those of the last window; an order's come all
    newest_first: bool = False


@dataclass(slots=True, kw_only=True)
class _Place:
    """Where the query goes on."""

    span: timedelta
    from_id: int | None = None
    window: datetime | None = None
    limit: int = PAGE
    until_id: int | None = None

    def parameters(self) -> dict[str, str]:
        if self.from_id is not None:
            return {"fromId": str(self.from_id)}
        if self.window is not None:
            last = self.window + self.span - timedelta(milliseconds=1)
            return {
                "startTime": str(milliseconds(self.window)),
                "endTime": str(milliseconds(last)),
            }
        return {}

    def advance(self, page: list[ExecutionReport], now: datetime) -> bool:
        """Move behind `page`; returns False at the end of the list."""
        if page:
            self.from_id = self._behind([int(trade.exchange_trade_id) for trade in page])
            # a short page by id is the last one; one of a window only if no later window is left
            is_last = self.window is None or self.window + self.span > now
            self.window = None
            return len(page) == self.limit or not is_last
        if self.from_id is None and self.window is not None:
            self.window += self.span
            return self.window < now
        return False

    def _behind(self, ids: list[int]) -> int:
        """Say from which id to go on: a full page may have parted two rows of its last one."""
        is_cut = len(ids) == self.limit and min(ids) < max(ids)
        return max(ids) if is_cut else max(ids) + 1

    def before(self, page: list[ExecutionReport]) -> list[ExecutionReport]:
        """Take what lies behind now; the rest comes again."""
        end = self.from_id or 0
        return [trade for trade in page if int(trade.exchange_trade_id) < end]

    @property
    def is_enough(self) -> bool:
        """Whether the trade that was awaited lies behind."""
        if self.until_id is None or self.from_id is None:
            return False
        return self.until_id < self.from_id


def fetch_trades(
    api: Calls,
    trade_list: TradeList,
    symbol_id: str,
    cursor: TradeCursor,
    *,
    exchange_order_id: str | None,
    timeout: float,
    priority: Priority,
) -> tuple[tuple[ExecutionReport, ...], bool]:
    """Return the fills after `cursor`, oldest first, and whether that is all there are.

    It is not known to be all when the cursor says that less is enough.
    """
    place = _start(trade_list, cursor, datetime.now(UTC))
    reading = _Reading(
        api=api,
        trade_list=trade_list,
        fixed={"symbol": symbol_id, "limit": str(place.limit)},
        deadline=time.monotonic() + timeout,
        priority=priority,
    )
    if exchange_order_id is not None:
        reading.fixed["orderId"] = exchange_order_id
        if trade_list.newest_first and place.from_id is None:
            place.from_id, place.window = 0, None
    if trade_list.newest_first and place.from_id is None:
        is_all = reading.newest(place)
        if is_all or place.window is None:
            return _in_order(reading.found), is_all
    is_all = reading.on_from(place)
    return _in_order(reading.found), is_all


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One list while it is being read."""

    api: Calls
    trade_list: TradeList
    fixed: dict[str, str]
    deadline: float
    priority: Priority
    found: list[ExecutionReport] = field(default_factory=list)

    def newest(self, place: _Place) -> bool:
        """Read the newest page; tell whether it reaches back to where the list is wanted from."""
        page, _ = self._page({})
        since = place.window
        self.found = [trade for trade in page if since is None or trade.executed_at >= since]
        is_all = len(page) < place.limit or len(self.found) < len(page)
        if not is_all and since is not None:
            # they come again, behind those that are missing
            self.found = []
        return is_all

    def on_from(self, place: _Place) -> bool:
        """Read on page by page; tell whether the list was read to its end."""
        pages = 0
        while pages < PAGES:
            try:
                page, asked_at = self._page(place.parameters())
            except TransientError:
                if not self._may_break_off:
                    raise
                return False
            goes_on = place.advance(page, asked_at)
            self.found += place.before(page)
            if not goes_on:
                return True
            if place.is_enough:
                return False
            # windows without a trade are passed over as far as time allows: who stopped in the
            # middle would seem to say that there were none
            pages += bool(page)
        return False

    @property
    def _may_break_off(self) -> bool:
        """Whether what was read so far is worth telling: or a long list would never be told."""
        return bool(self.found) and "orderId" not in self.fixed

    def _page(self, where: dict[str, str]) -> tuple[list[ExecutionReport], datetime]:
        is_one = "orderId" in self.fixed
        told = self.api.call(
            self.trade_list.of_order if is_one else self.trade_list.everyone,
            self.fixed | where,
            priority=self.priority,
            timeout=max(0.0, self.deadline - time.monotonic()),
        )
        page = understood(lambda: [self.trade_list.read(row) for row in a_list(told.body)])
        return page, told.requested_at


def _start(trade_list: TradeList, cursor: TradeCursor, now: datetime) -> _Place:
    place = _Place(span=trade_list.window)
    if cursor.until_trade_id is not None:
        place.until_id = int(cursor.until_trade_id)
        place.limit = min(PAGE, cursor.awaited + UNTOLD)
    if cursor.after_trade_id is not None:
        place.from_id = int(cursor.after_trade_id) + 1
    elif cursor.since is not None:
        keeps = trade_list.keeps
        place.window = max(cursor.since, now - keeps) if keeps else cursor.since
    return place


def _in_order(found: list[ExecutionReport]) -> tuple[ExecutionReport, ...]:
    """Sort by id. A trade with oneself comes as two rows of one id, one for each order."""
    return tuple(sorted(found, key=lambda trade: int(trade.exchange_trade_id)))
