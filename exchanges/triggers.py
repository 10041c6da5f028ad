"""
Which way the price has to go for a conditional order to trigger. Pure.

A stop follows the price that runs away: it buys above the market and sells below. A take-profit
waits for a better price.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.errors import OrderRefused
from exchanges.messages import OrderType, Side
from exchanges.refusals import RefusalKind

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.questions import NewOrder

STOPS: Final = frozenset({OrderType.STOP, OrderType.STOP_MARKET})
TAKES: Final = frozenset({OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_MARKET})


def rises(order: NewOrder) -> bool:
    """Tell whether the price has to rise."""
    return (order.order_type in STOPS) is (order.side is Side.BUY)


def refuse_what_would_trigger(order: NewOrder, last: Decimal | None) -> None:
    """Raise OrderRefused for an order that would not wait, the price being where it is."""
    if order.stop_price is None or last is None:
        return
    if order.stop_price <= last if rises(order) else order.stop_price >= last:
        msg = f"the price is {last:f}: it would trigger at once"
        raise OrderRefused(msg, kind=RefusalKind.WOULD_TRIGGER)
