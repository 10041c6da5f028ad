"""
Reading an exchange's lists of trades to their end, whichever end it begins at.

Policy: a cursor is a time. Some exchanges show the oldest trades after it first, others the newest,
and ccxt sorts both alike, so a full page proves nothing about either side of it: what lies before
it and what lies after it is asked for in turn, until a page shows nothing new. A page is full by
what the exchange listed: some list all markets, of which ccxt leaves one over (Kraken). What is
oldest is read first, so that a list too long for one reading is told up to where it is whole. Where
a page cannot be bounded above, or all of a full page happened in one millisecond, the list is not
known to be complete.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from exchanges import generic_answers as answers
from exchanges import generic_envelope as envelope
from exchanges.generic_facts import features_of, place_of
from exchanges.generic_names import WITHOUT_UNTIL
from exchanges.generic_speaker import described
from exchanges.understanding import understood
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from exchanges.generic_calls import GenericCalls
    from exchanges.generic_speaker import Listing
    from exchanges.governor import Priority
    from exchanges.messages import ExecutionReport
    from exchanges.questions import TradeCursor

#: so many requests in one reading, unless they told nothing
PAGES: Final = 20
#: where an exchange does not say how long its pages are: none is shorter when it is full
_SHORT: Final = 20
_DAY: Final = 86_400_000
#: by then a trade is on the list, in milliseconds
_LISTED_AFTER: Final = 3_600_000


class Listed(NamedTuple):
    """What a list told."""

    #: oldest first
    fills: tuple[ExecutionReport, ...]
    #: whether these are all
    is_whole: bool
    #: place of the last fill before which nothing is missing; None if that is not known
    cursor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Habits:
    """What ccxt declares of an exchange's list."""

    limit: int | None
    window: int | None
    look_back: int | None
    has_until: bool

    @property
    def full(self) -> int:
        return self.limit or _SHORT


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One list while it is being read."""

    api: GenericCalls
    symbol_id: str
    #: None: of all markets, of which only what was listed is kept
    symbol: str | None
    habits: _Habits
    priority: Priority
    deadline: float
    found: dict[tuple[str, str, str], ExecutionReport] = field(default_factory=dict)
    #: what was listed, of other markets too
    seen: set[Listing] = field(default_factory=set)
    pages: int = 0
    is_whole: bool = True
    stretches: list[tuple[int | None, int | None]] = field(default_factory=list)

    def read(self, begin: int | None) -> None:
        """Read every stretch; what one page does not show becomes stretches of its own."""
        self.stretches = self._windows(begin)
        while self.stretches and not (self.pages >= PAGES and self._has_news(begin)):
            # the oldest first
            since, until = self.stretches.pop(
                min(range(len(self.stretches)), key=lambda at: self.stretches[at][0] or 0)
            )
            self.pages += 1
            self._take(*self._page(since, until), since, until)
            self._note_silence(begin, since)

    @property
    def unread_from(self) -> int | None:
        """From when on there is more to be read; None if there is not."""
        return min((since or 0 for since, _ in self.stretches), default=None)

    def _has_news(self, begin: int | None) -> bool:
        """Tell whether a reading that begins where this one ends gets any further."""
        unread = self.unread_from
        if self.symbol is None:
            places = [place for place, *_ in self.seen]
        else:
            places = [place_of(fill) for fill in self.found.values()]
        return unread is not None and any((begin or 0) < place <= unread for place in places)

    def _note_silence(self, begin: int | None, since: int | None) -> None:
        """Remember that up to here nothing happened, so as not to ask for it again."""
        if begin is not None and since is not None and not self.seen and self.is_whole:
            read_for_good = time.time_ns() // 1_000_000 - _LISTED_AFTER
            self.api.silences[self.symbol_id] = begin, max(begin, min(since, read_for_good))

    def _windows(self, begin: int | None) -> list[tuple[int | None, int | None]]:
        now = time.time_ns() // 1_000_000
        if begin is None:
            return [(None, None)]
        if self.habits.look_back is not None:
            begin = max(begin, now - self.habits.look_back)
        known_from, silent_until = self.api.silences.get(self.symbol_id, (begin, begin))
        if known_from <= begin:
            begin = max(begin, silent_until)
        window = self.habits.window
        if window is None or now - begin <= window:
            return [(begin, None)]
        starts = range(begin, now, window)
        # without an end, the exchange's own: as long after the beginning as it shows at once
        has_until = self.habits.has_until
        return [
            (start, start + window if has_until and start + window < now else None)
            for start in starts
        ]

    def _page(
        self, since: int | None, until: int | None
    ) -> tuple[list[ExecutionReport], frozenset[Listing]]:
        parameters = {} if until is None else {"until": until}
        said = self.api.ask(
            lambda ccxt: (
                ccxt.fetch_my_trades(self.symbol, since, self.habits.limit, parameters),
                ccxt.listed,
            ),
            priority=self.priority,
            timeout=max(0.0, self.deadline - time.monotonic()),
        )
        rows, listed = said.value
        if self.symbol is None:
            return [], listed
        return read(rows, self.symbol_id, self.symbol, self.api), listed

    def _take(
        self,
        page: list[ExecutionReport],
        listed: frozenset[Listing],
        since: int | None,
        until: int | None,
    ) -> None:
        is_news = not listed <= self.seen
        self.seen |= listed
        self.found |= {_key(trade): trade for trade in page}
        places = [place for place, *_ in listed]
        if until is not None and any(place > until for place in places):
            # it does not heed the end of a stretch: nothing can be said of what lies between
            self.is_whole = False
        elif len(listed) >= self.habits.full and is_news:
            self._look_around(min(places), max(places), since, until)

    def _look_around(self, first: int, last: int, since: int | None, until: int | None) -> None:
        if since is None or first == last:
            self.is_whole = False
            return
        if first > since and self.habits.has_until:
            # read backwards for long: rather find a stretch that one page shows
            middle = first if self.pages < PAGES // 2 else (since + first) // 2
            self.stretches.append((since, middle))
            self.stretches += [(middle, first)] if middle < first else []
        elif first > since:
            self.is_whole = False
        if until is None or last < until:
            self.stretches.append((last, until))


def fetch_trades(
    api: GenericCalls,
    symbol_id: str,
    cursor: TradeCursor,
    *,
    exchange_order_id: str | None,
    timeout: float,
    priority: Priority,
) -> Listed:
    """Return the fills from `cursor` on, and whether that is all there are."""
    symbol = api.source.markets.symbol_of(api.market_type, symbol_id)
    if exchange_order_id is not None and api.can("fetchOrderTrades"):
        said = api.ask(
            lambda ccxt: ccxt.fetch_order_trades(exchange_order_id, symbol),
            priority=priority,
            timeout=timeout,
        )
        page = read(said.value, symbol_id, symbol, api)
        return Listed(_in_order(page), is_whole=True)
    if not api.can("fetchMyTrades"):
        return Listed((), is_whole=False)
    reading = _Reading(
        api=api,
        symbol_id=symbol_id,
        symbol=symbol,
        habits=_habits(api),
        priority=priority,
        deadline=time.monotonic() + timeout,
    )
    reading.read(_begin(cursor))
    unread = reading.unread_from
    found = _in_order(
        [
            trade
            for trade in reading.found.values()
            if exchange_order_id in (None, trade.exchange_order_id)
            and (unread is None or place_of(trade) <= unread)
        ]
    )
    return Listed(
        found,
        is_whole=reading.is_whole and unread is None,
        cursor=place_of(found[-1]) if found and reading.is_whole else None,
    )


def traded_symbols(
    api: GenericCalls, begin: int, *, timeout: float, priority: Priority
) -> tuple[frozenset[str], int | None]:
    """Return in which of ccxt's markets there were fills from `begin` on, and where to read on."""
    reading = _Reading(
        api=api,
        symbol_id="",
        symbol=None,
        habits=_habits(api),
        priority=priority,
        deadline=time.monotonic() + timeout,
    )
    reading.read(begin)
    return frozenset(symbol for _, symbol, *_ in reading.seen), reading.unread_from


def read(rows: Any, symbol_id: str, symbol: str, api: GenericCalls) -> list[ExecutionReport]:
    """Read a list of fills of one market. Raises TransientError."""
    return understood(
        lambda: [
            answers.read_execution(envelope.of_trade(row, symbol_id), market_type=api.market_type)
            for row in rows
            if row.get("symbol") in (None, symbol)
        ]
    )


def _habits(api: GenericCalls) -> _Habits:
    told = features_of(described(api.exchange), api.market_type, "fetchMyTrades")
    limit, window, look_back = (told.get(key) for key in ("limit", "untilDays", "daysBack"))
    return _Habits(
        limit=int(limit) if limit else None,
        window=int(float(window) * _DAY) if window else None,
        look_back=int(float(look_back) * _DAY) if look_back else None,
        has_until=api.exchange.upper() not in WITHOUT_UNTIL,
    )


def _begin(cursor: TradeCursor) -> int | None:
    if cursor.after_trade_id is not None:
        return int(cursor.after_trade_id)
    return None if cursor.since is None else milliseconds(cursor.since)


def _key(trade: ExecutionReport) -> tuple[str, str, str]:
    """A trade with oneself comes as two rows of one id, one for each order."""
    return trade.exchange_order_id, trade.exchange_trade_id, trade.side.value


def _in_order(found: list[ExecutionReport]) -> tuple[ExecutionReport, ...]:
    return tuple(sorted(found, key=lambda trade: (place_of(trade), trade.exchange_trade_id)))
