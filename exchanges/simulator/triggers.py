"""
Conditional orders that stand among the ordinary ones: same ids, same lists, waiting for a price.

Binance spot's stop orders, Bybit's conditional orders and Upbit's stop-limit orders are such.
(Binance futures keep theirs at a desk of their own: see `algo`.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from exchanges.simulator.market import Market
    from exchanges.simulator.orders import Order


class Triggers:
    """All orders that wait."""

    def __init__(self, wake: Callable[[Order], None]) -> None:
        """`wake` is called with each order whose price has come."""
        self._wake = wake
        self._waiting: dict[str, list[Order]] = {}

    def add(self, order: Order) -> None:
        """Let an order wait."""
        self._waiting.setdefault(order.symbol, []).append(order)

    def look(self, market: Market) -> None:
        """After a move of the price: wake what is due, forget what has ended."""
        waiting = self._waiting.pop(market.rules.symbol, [])
        due = [order for order in waiting if order.is_open and is_due(order, market.price)]
        still = [order for order in waiting if order.is_open and order not in due]
        if still:
            self._waiting[market.rules.symbol] = still
        for order in due:
            order.is_waiting = False
            self._wake(order)

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()


def is_due(order: Order, price: Decimal) -> bool:
    """Whether the price has come to the order's trigger."""
    if order.terms.trigger_rises:
        return price >= order.trigger_price
    return price <= order.trigger_price
