"""
Binance spot by REST: balances, and orders without positions.

Policy: a conditional order of spot is an ordinary one that is not on the book yet, and listed with
the others. No endpoint of the trading host lists what moved without an order: whoever compares
balances finds it.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges import binance_spot_answers as answers
from exchanges.binance_rest import BinanceRest
from exchanges.errors import OrderRefused
from exchanges.governor import Priority
from exchanges.messages import PositionSide
from exchanges.questions import Activity
from exchanges.rest import TIMEOUT
from exchanges.understanding import understood

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.messages import HoldingReport, OrderSnapshot
    from exchanges.questions import NewOrder


class BinanceSpotRest(BinanceRest):
    """One spot account. Implements `rest.RestClient`."""

    def fetch_open_algo_orders(
        self,
        symbol_id: str | None = None,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[OrderSnapshot, ...]:
        """Know none: they are listed with the others."""
        del symbol_id, timeout, priority
        return ()

    def fetch_holdings(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> tuple[HoldingReport, ...]:
        """Ask for the balances. An asset that is not mentioned is held at zero."""
        told = self._api.call(
            self._speech.endpoints.holdings,
            {"omitZeroBalances": "true"},
            priority=priority,
            timeout=timeout,
        )
        return understood(lambda: answers.holdings(told.body))

    def fetch_activity(
        self,
        since: datetime,
        *,
        only_funding: bool = False,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> Activity:
        """Know nothing: there is no such list."""
        del since, only_funding, timeout, priority
        return Activity()

    def is_hedge_mode(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> bool:
        """Know that it is not: there are no positions."""
        del timeout, priority
        return False

    def place_order(self, order: NewOrder, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Send an order, once. Raises OrderRefused, OutcomeUnknown, or that nothing was sent."""
        if order.reduce_only or order.position_side is not PositionSide.NET:
            msg = "spot has no positions to reduce"
            raise OrderRefused(msg)
        return super().place_order(order, timeout=timeout)
