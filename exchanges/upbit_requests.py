"""
How Upbit wants to be asked: the parameters of questions and orders. Pure.

Policy: an order says what it says. What Upbit cannot be told (a stop, a reduce-only order in a
market without positions) is refused here. A market buy names funds on Upbit, so where a quantity
is wanted it is turned into funds at the market's last price.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Final

from exchanges.errors import OrderRefused, not_offered
from exchanges.messages import OrderType, Side, TimeInForce
from exchanges.refusals import RefusalKind
from exchanges.upbit_markets import FINEST, stepped
from exchanges.upbit_vocabulary import SIDE_NAMES, TIME_IN_FORCE_NAMES, quote_of
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from exchanges.questions import NewOrder, OrderRef

#: the longest span of time the list of closed orders covers
WINDOW: Final = timedelta(days=7)
#: the most rows of one page: of closed orders, of open ones, and of orders named by their ids
CLOSED_PAGE: Final = 1000
OPEN_PAGE: Final = 100
MOST_IDS: Final = 100
_OPEN: Final = ("wait", "watch")
_KRW_STEP: Final = Decimal(1)
_MINUTE: Final = timedelta(minutes=1)


class Repeatable(str):
    """The name of a parameter that may be given more than once: `uuids[]=a&uuids[]=b`.

    Two of them are different keys of one mapping, though they are spelled alike.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Only itself."""
        return self is other

    def __ne__(self, other: object) -> bool:
        """Whatever is spelled alike."""
        return self is not other

    def __hash__(self) -> int:
        """By what it is, not by how it is spelled."""
        return id(self)


def repeated(name: str, values: Iterable[str]) -> dict[str, str]:
    """Give a parameter several values."""
    return {Repeatable(name): value for value in values}


def naming(ref: OrderRef) -> dict[str, str]:
    """Name an order by its id if we know it, else by its client order id."""
    if ref.exchange_order_id is not None:
        return {"uuid": ref.exchange_order_id}
    return {"identifier": ref.client_order_id or ""}


def of_market(symbol_id: str | None) -> dict[str, str]:
    """Ask about one market, or about all."""
    return {"market": symbol_id} if symbol_id else {}


def open_page(symbol_id: str | None, page: int) -> dict[str, str]:
    """Ask for a page of the orders that are alive, reserved ones included."""
    return (
        of_market(symbol_id)
        | repeated("states[]", _OPEN)
        | {"page": str(page), "limit": str(OPEN_PAGE), "order_by": "asc"}
    )


def closed_page(symbol_id: str | None, since: datetime) -> dict[str, str]:
    """Ask for orders that have ended, made from `since` on, the oldest first."""
    last = since + WINDOW - timedelta(milliseconds=1)
    return of_market(symbol_id) | {
        "start_time": str(milliseconds(since)),
        "end_time": str(milliseconds(last)),
        "limit": str(CLOSED_PAGE),
        "order_by": "asc",
    }


def of_minute(symbol_id: str, at: datetime) -> dict[str, str]:
    """Ask for the newest candle that began no later than the minute of `at`."""
    end = at.replace(second=0, microsecond=0) + _MINUTE
    return of_market(symbol_id) | {"to": f"{end:%Y-%m-%dT%H:%M:%SZ}", "count": "1"}


def needs_price(order: NewOrder) -> bool:
    """Tell whether the market's price is needed to write the order down."""
    is_market_buy = order.order_type is OrderType.MARKET and order.side is Side.BUY
    return is_market_buy and order.quote_quantity is None


def terms(order: NewOrder, last_price: Decimal | None) -> dict[str, str]:
    """Write an order down. Raises OrderRefused for what Upbit cannot be told."""
    if order.reduce_only:
        not_offered("orders of a spot market cannot be reduce-only")
    written = of_market(order.symbol_id) | {"side": SIDE_NAMES[order.side]}
    if order.client_order_id:
        written["identifier"] = order.client_order_id
    if order.order_type is OrderType.LIMIT and order.price is not None:
        return written | _limit(order, order.price)
    if order.order_type is not OrderType.MARKET:
        not_offered(f"{order.order_type} orders are not sent to Upbit")
    return written | _market(order, last_price)


def _market(order: NewOrder, last_price: Decimal | None) -> dict[str, str]:
    """Name the funds of a buy, the volume of a sell: it is the only way either is known."""
    if order.side is Side.SELL:
        if order.quote_quantity is not None:
            not_offered("a market sell on Upbit names a quantity")
        return {"ord_type": "market", "volume": _plain(order.quantity)}
    if order.quote_quantity is not None:
        return {"ord_type": "price", "price": _plain(order.quote_quantity)}
    if last_price is None:
        msg = "a market buy needs the price of its market"
        raise OrderRefused(msg, kind=RefusalKind.MARKET_CLOSED)
    return {"ord_type": "price", "price": _plain(_funds(order, last_price))}


def _limit(order: NewOrder, price: Decimal) -> dict[str, str]:
    found = {
        "ord_type": "limit",
        "volume": _plain(order.quantity),
        "price": _plain(stepped(order.symbol_id, order.side, price)),
    }
    if order.time_in_force is TimeInForce.GTC:
        return found
    name = TIME_IN_FORCE_NAMES.get(order.time_in_force)
    if name is None:
        not_offered(f"{order.time_in_force} orders are not sent to Upbit")
    return found | {"time_in_force": name}


def _funds(order: NewOrder, last_price: Decimal) -> Decimal:
    step = _KRW_STEP if quote_of(order.symbol_id) == "KRW" else FINEST
    worth = order.quantity * last_price
    return (worth / step).to_integral_value(rounding=ROUND_CEILING) * step


def _plain(value: Decimal) -> str:
    return format(value, "f")
