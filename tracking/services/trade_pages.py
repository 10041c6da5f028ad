"""
Lists of trades, page by page to their end, wherever their exchange counts places.

Where trade ids are numbers a page begins after the cursor. Where they are not, places are times,
other fills may share the last one, and a page begins *at* the cursor: it shows again what is known.
A list ends with the first page that shows nothing new.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from exchanges.questions import TradeCursor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from decimal import Decimal

    from exchanges.adapter import Placed
    from exchanges.messages import ExecutionReport

#: `Adapter.place_of`
PlaceOf = Callable[["Placed"], int]


class AskedForTrades(Protocol):
    """A question for one page of fills, that lacks only where it begins."""

    def __call__(self, cursor: TradeCursor, /) -> Sequence[ExecutionReport]:
        """Ask it."""


class _Told(NamedTuple):
    """What tells a fill from others of its place."""

    exchange_order_id: str
    exchange_trade_id: str
    side: str
    price: Decimal
    quantity: Decimal


class Pages:
    """One reading of a list; remembers how far it came."""

    def __init__(self, ask: AskedForTrades, place_of: PlaceOf) -> None:
        self._ask, self._place_of = ask, place_of
        #: place of the last fill, as a cursor keeps it
        self.cursor: str | None = None

    def read(self, begin: TradeCursor) -> Iterator[ExecutionReport]:
        """Give each fill from `begin` on, once. Raises what asking raises."""
        self.cursor, cursor, known = begin.after_trade_id, begin, frozenset[_Told]()
        while page := self._ask(cursor):
            fresh = [fill for fill in page if _told(fill) not in known]
            yield from fresh
            last = max(map(self._place_of, page))
            if not fresh:
                return
            # only fills of the last place can come again
            known = frozenset(_told(fill) for fill in page if self._place_of(fill) == last)
            self.cursor = str(last)
            cursor = TradeCursor(after_trade_id=self.cursor)


def _told(fill: ExecutionReport) -> _Told:
    return _Told(
        fill.exchange_order_id,
        fill.exchange_trade_id,
        fill.side.value,
        fill.execution_price,
        fill.execution_quantity,
    )


def before(cursor: TradeCursor, fills: Iterable[Placed], place_of: PlaceOf) -> TradeCursor:
    """Take a cursor back so far that a query shows these fills, whichever way places are counted.

    One that has no place yet shows all there is.
    """
    places = [place_of(fill) for fill in fills]
    if cursor.after_trade_id is None or not places:
        return cursor
    return TradeCursor(after_trade_id=str(min(int(cursor.after_trade_id), min(places) - 1)))
