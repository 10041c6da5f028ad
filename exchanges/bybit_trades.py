"""
Reading Bybit's lists of what happened to their end: executions, and movements of the wallet.

Policy: ids of executions are no numbers, so a place in the list is a time, and a query begins *at*
it. Bybit answers in windows of seven days, each newest first by pages; only a window that was read
whole may be told, or a cursor would step over what lies behind. A window with too much in it is
made shorter. Funding is in the list of executions and is told apart.

Source: v5 "Get Trade History", "Get Transaction Log" (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from exchanges import bybit_answers as answers
from exchanges import bybit_calls as calls
from exchanges import bybit_requests as requests
from exchanges import bybit_vocabulary as words
from exchanges.errors import TransientError
from exchanges.understanding import understood
from exchanges.wire import milliseconds, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from exchanges.calls import Calls, Endpoint
    from exchanges.governor import Priority
    from exchanges.messages import ExecutionReport, MarketType
    from exchanges.questions import TradeCursor
    from exchanges.wire import Fields

log = structlog.get_logger(__name__)

PAGE: Final = 100
#: pages of one window, and of one query, beyond which no other window is begun
WINDOW_PAGES: Final = 20
PAGES: Final = 60
_WEEK: Final = 7 * 86_400_000
_SHORTEST: Final = 1000
_ANY: Final = 10_000
#: our idea of the exchange's clock may be off
_SLACK: Final = timedelta(minutes=1)
#: Bybit keeps two years; a day less stays clear of the edge.
LOOK_BACK: Final = timedelta(days=729)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListKind:
    """One list of what happened: how many rows a page has, what names a row, what dates it."""

    endpoint: Endpoint
    page: int
    names: tuple[str, ...]
    time: str


EXECUTIONS: Final = ListKind(
    endpoint=calls.EXECUTIONS, page=PAGE, names=("execId", "orderId"), time="execTime"
)


@dataclass(slots=True, kw_only=True)
class ListReader:
    """Reads one list within a time, and about a number of pages."""

    kind: ListKind = EXECUTIONS
    api: Calls
    fixed: Mapping[str, object]
    deadline: float
    priority: Priority
    #: which rows whoever asked will hear of
    is_told: Callable[[Fields], bool] = bool
    pages_left: int = PAGES
    found: dict[tuple[str, ...], Fields] = field(default_factory=dict)

    def read_from(self, start: datetime) -> bool:
        """Read from a time on, oldest first; tells whether that was all."""
        now = exchange_now(self.api)
        begin = milliseconds(min(max(start, now - LOOK_BACK), now))
        length = min(_WEEK, milliseconds(now + 2 * _SLACK) - begin)
        # asked anew each time: the first answer may have put the clock right
        while begin < milliseconds(exchange_now(self.api) + _SLACK):
            if self.pages_left <= 0 and self._may_break_off:
                return False
            try:
                rows, is_all = self._window(begin, begin + length - 1)
            except TransientError:
                if not self._may_break_off:
                    raise
                return False
            if is_all:
                self._keep(rows)
                begin += length
                length = min(_WEEK, 2 * length) if len(rows) <= self.kind.page else length
            else:
                length = _shorter(length, begin + length - self._place(rows[-1]))
        return True

    @property
    def _may_break_off(self) -> bool:
        """Whether there is something to tell: nothing would mean that there is nothing more."""
        return any(map(self.is_told, self.found.values()))

    def read_all(self) -> bool:
        """Read a list that is not asked for by time; tells whether that was all."""
        rows, is_all = self._pages({}, WINDOW_PAGES)
        self._keep(rows)
        return is_all

    def rows(self) -> list[Fields]:
        """Give what was read, oldest first. Raises MalformedMessage."""
        return sorted(self.found.values(), key=self.dated)

    def dated(self, row: Fields) -> datetime:
        """Say when a row happened. Raises MalformedMessage."""
        return words.moment(row, self.kind.time)

    def _place(self, row: Fields) -> int:
        return understood(lambda: milliseconds(self.dated(row)))

    def _window(self, begin: int, last: int) -> tuple[list[Fields], bool]:
        """Read a window; tells whether it was read whole, or held too much."""
        # what is this short is read, however much it holds
        most = _ANY if last - begin < _SHORTEST else WINDOW_PAGES
        return self._pages({"startTime": str(begin), "endTime": str(last)}, most)

    def _pages(self, window: Mapping[str, object], most: int) -> tuple[list[Fields], bool]:
        """Read so many pages at most; tells whether those were all."""
        rows: list[Fields] = []
        pages = calls.pages(
            self.api,
            self.kind.endpoint,
            {**self.fixed, "limit": str(self.kind.page), **window},
            deadline=self.deadline,
            priority=self.priority,
            most=most,
        )
        is_last = False
        for page in pages:
            self.pages_left -= 1
            rows += page.rows
            is_last = page.is_last
        return rows, is_last

    def _keep(self, rows: list[Fields]) -> None:
        """Keep what was read newest first, each row once."""
        names = self.kind.names
        told = understood(lambda: [tuple(text(row, name) for name in names) for row in rows])
        for key, row in zip(reversed(told), reversed(rows), strict=True):
            self.found.setdefault(key, row)


def _shorter(length: int, was_read: int) -> int:
    """Give the length of a window that may be read whole: what was read of this one, and half."""
    return max(_SHORTEST, min(length, was_read) // 2)


def exchange_now(api: Calls) -> datetime:
    """Say what time it is by the exchange's clock, as far as it was measured."""
    return datetime.now(UTC) - timedelta(milliseconds=api.clock_offset_ms)


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
    """Return the fills from `cursor` on, oldest first, and whether that is all there are.

    Those of one order are asked for by its id, which no time narrows. Without any start the last
    seven days are read.
    """
    fixed = requests.of_symbol(market_type, symbol_id)
    reader = ListReader(
        api=api,
        fixed=fixed,
        deadline=time.monotonic() + timeout,
        priority=priority,
        is_told=lambda row: row.get("execType") != words.FUNDING,
    )
    if exchange_order_id is not None:
        reader.fixed = fixed | {"orderId": exchange_order_id}
        is_all = reader.read_all()
    else:
        is_all = reader.read_from(_start(cursor, exchange_now(api)))
    fills = understood(lambda: tuple(_fills(reader.rows(), market_type)))
    return fills, is_all


def _start(cursor: TradeCursor, now: datetime) -> datetime:
    if cursor.after_trade_id is not None:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(cursor.after_trade_id))
    return cursor.since or now - timedelta(milliseconds=_WEEK)


def _fills(rows: Iterable[Fields], market_type: MarketType) -> Iterable[ExecutionReport]:
    for row in rows:
        if words.fill_kind(row) is not None:
            yield answers.execution(row, market_type=market_type)
        elif text(row, "execType") != words.FUNDING:
            # what it moved shows as a holding that differs, and the stream has told it
            log.warning("trades.unknown_kind_left_out", kind=text(row, "execType"))
