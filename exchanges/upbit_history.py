"""
What was traded, put together from orders: Upbit has no list of an account's trades.

Policy: orders that have ended are listed by when they were *made*, and an order brings its fills
only when it is asked for alone. So the fills after a cursor are those of the orders that are open
and partly filled, and of those made since a while before the cursor. That while only has to cover
orders nobody has told us of, made before the cursor and filled after it: whatever was open when
the open orders were last compared is known and asked for by id. The fills of an ended order never
change, so what is known to lie before the cursor is not asked for again.

REST dates a fill to the second, the stream to the millisecond: a query begins with the whole
second of its cursor.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from exchanges.errors import OrderNotFound, TransientError
from exchanges.messages import MarketType, OrderStatus
from exchanges.questions import Activity, OrderRef
from exchanges.upbit_requests import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exchanges.messages import ExecutionReport, OrderSnapshot
    from exchanges.questions import TradeCursor
    from exchanges.upbit_orders import Asking, Order

#: how long before the cursor an order may have been made without our knowing of it
UNKNOWN_FOR: Final = timedelta(hours=1)
#: as much for the question which markets were traded in at all, which is asked all the time
UNNOTICED_FOR: Final = timedelta(minutes=10)
#: so many orders are asked for their fills in one go
MOST_ORDERS: Final = 40
#: of so many ended orders it is remembered when they filled last, of so many all fills
_REMEMBERED: Final = 20_000
_REMEMBERED_WHOLE: Final = 1_000
_ENDED: Final = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED})


class EndedOrders:
    """Orders whose fills are all known and cannot change. Safe to share between threads.

    So a list that could not be read to its end is not read from its beginning the next time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: OrderedDict[str, Order] = OrderedDict()
        self._last_fills: OrderedDict[str, datetime] = OrderedDict()

    def note(self, order: Order) -> None:
        """Remember an order that has ended and shows all its fills."""
        if order.snapshot.status not in _ENDED or not order.executions or not order.is_whole:
            return
        name = order.snapshot.exchange_order_id
        with self._lock:
            self._orders[name] = order
            self._last_fills[name] = order.executions[-1].executed_at
            _shorten(self._orders, _REMEMBERED_WHOLE)
            _shorten(self._last_fills, _REMEMBERED)

    def find(self, order: OrderSnapshot) -> Order | None:
        """Give what is remembered of an order, if that is all of it."""
        with self._lock:
            found = self._orders.get(order.exchange_order_id)
        is_same = found is not None and found.snapshot.filled_quantity == order.filled_quantity
        return found if is_same else None

    def is_before(self, order: OrderSnapshot, begin: datetime) -> bool:
        """Tell whether nothing of this order can have filled from `begin` on."""
        with self._lock:
            last = self._last_fills.get(order.exchange_order_id)
        return last is not None and last < begin


def begins_at(cursor: TradeCursor) -> datetime:
    """Say from when on a cursor wants to know; a week back where it does not say."""
    if cursor.after_trade_id is not None:
        at = datetime.fromtimestamp(int(cursor.after_trade_id) // 1000, UTC)
    else:
        at = cursor.since or datetime.now(UTC) - WINDOW
    return at.replace(microsecond=0)


def fills_after(
    asking: Asking, symbol_id: str, cursor: TradeCursor, memory: EndedOrders
) -> tuple[tuple[ExecutionReport, ...], bool]:
    """Return the fills from the second of `cursor` on, oldest first, and whether that is all."""
    begin = begins_at(cursor)
    # the open ones first: what ends meanwhile is among the ended ones
    alive = [order for order in asking.opened(symbol_id) if order.filled_quantity]
    ended, more_from = asking.closed(symbol_id, begin - UNKNOWN_FOR, _end())
    chosen = {order.exchange_order_id: order for order in (*alive, *ended)}
    candidates = [
        order
        for order in sorted(chosen.values(), key=lambda order: order.exchange_updated_at)
        if order.filled_quantity and not memory.is_before(order, begin)
    ]
    found, complete_until = _gathered(asking, candidates, begin, memory)
    limit = min(complete_until or datetime.max.replace(tzinfo=UTC), more_from or _end())
    is_all = complete_until is None and more_from is None
    return _sorted(fill for fill in found if is_all or fill.executed_at < limit), is_all


def fills_of(
    asking: Asking, symbol_id: str, cursor: TradeCursor, exchange_order_id: str
) -> tuple[ExecutionReport, ...]:
    """Return the fills of one order after a cursor, if it has a place."""
    ref = OrderRef(
        market_type=asking.market_type, symbol_id=symbol_id, exchange_order_id=exchange_order_id
    )
    fills = asking.one(ref).executions
    if cursor.after_trade_id is None and cursor.since is None:
        return fills
    begin = begins_at(cursor)
    return tuple(fill for fill in fills if fill.executed_at >= begin)


def _gathered(
    asking: Asking, candidates: Sequence[OrderSnapshot], begin: datetime, memory: EndedOrders
) -> tuple[list[ExecutionReport], datetime | None]:
    """Ask orders for their fills; also say until when these are complete, if not to the end.

    What was not asked cannot have filled before it was made. Enough is only what tells more than
    the first second, or whoever goes on from there would be told the same again.
    """
    found: list[ExecutionReport] = []
    news = begin + timedelta(seconds=1)
    for count, candidate in enumerate(candidates):
        made_at = candidate.exchange_updated_at
        if count >= MOST_ORDERS and any(news <= fill.executed_at < made_at for fill in found):
            return found, made_at
        order = memory.find(candidate) or _asked(asking, candidate)
        memory.note(order)
        found += (fill for fill in order.executions if fill.executed_at >= begin)
    return found, None


def _asked(asking: Asking, listed: OrderSnapshot) -> Order:
    """Ask for a listed order. One that is listed and not found is as if nobody had answered."""
    try:
        return asking.one(_ref(listed))
    except OrderNotFound as error:
        msg = f"listed, but not found: {error}"
        raise TransientError(msg) from None


def activity_since(asking: Asking, since: datetime) -> Activity:
    """Say in which markets orders ended with fills, made since a little before `since`."""
    ended, more_from = asking.closed(None, since - UNNOTICED_FOR, _end())
    return Activity(
        traded_symbol_ids=frozenset(order.symbol_id for order in ended if order.filled_quantity),
        more_from=None if more_from is None else more_from + UNNOTICED_FOR,
    )


def _ref(order: OrderSnapshot) -> OrderRef:
    return OrderRef(
        market_type=MarketType.SPOT,
        symbol_id=order.symbol_id,
        exchange_order_id=order.exchange_order_id,
    )


def _shorten(remembered: OrderedDict[str, Any], most: int) -> None:
    while len(remembered) > most:
        remembered.popitem(last=False)


def _end() -> datetime:
    """Until when orders may have been made: their clock may be ahead of ours."""
    return datetime.now(UTC) + timedelta(minutes=1)


def _sorted(fills: Iterable[ExecutionReport]) -> tuple[ExecutionReport, ...]:
    return tuple(sorted(fills, key=lambda fill: (fill.executed_at, fill.exchange_trade_id)))
