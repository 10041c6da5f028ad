"""
What is asked of one Bybit account within one time: its lists, its trades, its cancels.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from exchanges import bybit_calls as calls
from exchanges import bybit_requests as requests
from exchanges import bybit_trades
from exchanges import bybit_vocabulary as words
from exchanges.bybit_lists import Lists
from exchanges.errors import OrderNotFound

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.messages import ExecutionReport
    from exchanges.questions import Amendment, OrderRef, TradeCursor


class Within(Lists):
    """The lists and the trades, within one time. Implements `bybit_verification.Asking`."""

    __slots__ = ()

    def trades(
        self, symbol_id: str, cursor: TradeCursor, exchange_order_id: str | None
    ) -> tuple[tuple[ExecutionReport, ...], bool]:
        """Ask for fills, and whether those are all."""
        return bybit_trades.fetch_trades(
            self.api,
            symbol_id,
            cursor,
            market_type=self.market_type,
            exchange_order_id=exchange_order_id,
            timeout=max(0.0, self.deadline - time.monotonic()),
            priority=self.priority,
        )

    def cancel(self, ref: OrderRef, *, kind: str = "") -> None:
        """Ask for an order's cancellation. Raises OrderNotFound."""
        self.api.call(
            calls.cancelling(self.market_type),
            requests.naming(ref) | ({"orderFilter": kind} if kind else {}),
            priority=self.priority,
            timeout=max(0.0, self.deadline - time.monotonic()),
        )

    def amend(self, changed: Amendment) -> None:
        """Ask for an order's change. Raises OrderNotFound, OrderRefused."""
        self.api.call(
            calls.AMEND,
            requests.amendment(changed),
            priority=self.priority,
            timeout=max(0.0, self.deadline - time.monotonic()),
        )

    def conditional_kind(self, ref: OrderRef) -> str:
        """Say what kind of conditional order this is. Raises OrderNotFound if it is none."""
        kind = words.conditional_kind(self.order(ref))
        if not kind:
            msg = "no conditional order that waits"
            raise OrderNotFound(msg)
        return kind

    def now(self) -> datetime:
        """Say what time it is by the exchange's clock."""
        return bybit_trades.exchange_now(self.api)
