"""
Binance spot by REST: balances, and orders without positions.

Policy: a conditional order of spot is an ordinary one that is not on the book yet, and listed with
the others. No endpoint of the trading host lists what moved without an order: whoever compares
balances finds it.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from exchanges import binance_requests as requests
from exchanges import binance_spot_answers as answers
from exchanges.binance_orders import not_offered
from exchanges.binance_rest import BinanceRest
from exchanges.governor import Priority
from exchanges.messages import IdSpace, Source
from exchanges.questions import Activity
from exchanges.rest import TIMEOUT
from exchanges.understanding import changed, outcome, understood

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from exchanges.messages import HoldingReport, OrderSnapshot
    from exchanges.questions import Amendment


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

    def fetch_available(
        self, asset: str, *, timeout: float = TIMEOUT, priority: Priority = Priority.ORDER
    ) -> Decimal:
        """Ask how much of an asset no order has locked."""
        told = self._api.call(
            self._speech.endpoints.holdings,
            {"omitZeroBalances": "true"},
            priority=priority,
            timeout=timeout,
        )
        return understood(lambda: answers.available(told.body, asset))

    def amend_order(self, amendment: Amendment, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Lower the quantity; the price is looked up first, for it cannot be changed.

        Raises OrderRefused of kind NOT_OFFERED for another price or a greater quantity, else as
        `place_order` does.
        """
        deadline = time.monotonic() + timeout
        now = self.fetch_order(amendment.ref, timeout=timeout, priority=Priority.ORDER)
        if now.price != amendment.price or amendment.quantity > now.quantity:
            msg = "only a smaller quantity at the same price"
            raise not_offered(msg)
        told = self._api.call(
            self._speech.endpoints.amend,
            requests.spot_amendment_terms(amendment, now.client_order_id or ""),
            priority=Priority.ORDER,
            timeout=max(0.0, deadline - time.monotonic()),
        )
        return outcome(
            lambda: changed(
                amendment.ref,
                self._order(answers.amended(told.body), told, IdSpace.ORDER, Source.SUBMIT),
            )
        )
