"""
Upbit by REST: each question and each order, as `rest.RestClient` promises them.

Policy: an answer is believed only if it is about what was asked. Upbit has one kind of market,
spot, no list of trades (`upbit_history`) and no endpoint that tells its time (`upbit_calls`).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges import upbit_answers as answers
from exchanges import upbit_calls as endpoints
from exchanges import upbit_history as history
from exchanges import upbit_requests as requests
from exchanges.errors import not_offered
from exchanges.governor import Priority
from exchanges.messages import Source
from exchanges.questions import Activity
from exchanges.rest import TIMEOUT
from exchanges.several import one_after_another
from exchanges.understanding import changed, outcome, understood
from exchanges.upbit_orders import Asking
from exchanges.upbit_verification import verify
from exchanges.wire import a_list

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from exchanges.calls import Calls, Told
    from exchanges.errors import ExchangeError
    from exchanges.governor import Governor
    from exchanges.markets import Markets
    from exchanges.messages import ExecutionReport, HoldingReport, MarketType, OrderSnapshot
    from exchanges.questions import (
        Amendment,
        KeyPermissions,
        NewOrder,
        OrderRef,
        TradeCursor,
        Verification,
    )


class UpbitRest:
    """One Upbit account's questions and orders. Implements `rest.RestClient`."""

    def __init__(
        self,
        *,
        api: Calls,
        governor: Governor,
        markets: Markets,
        market_type: MarketType,
        api_key: str,
    ) -> None:
        """`api_key` is looked for among the account's keys; it signs nothing here."""
        self.governor, self.markets = governor, markets
        self._api_key = api_key
        self._api, self._market_type = api, market_type
        self._ended = history.EndedOrders()

    def _asking(self, timeout: float, priority: Priority) -> Asking:
        return Asking.within(self._api, self._market_type, timeout=timeout, priority=priority)

    def fetch_order(
        self, ref: OrderRef, *, timeout: float = TIMEOUT, priority: Priority = Priority.VERIFY
    ) -> OrderSnapshot:
        """Ask for one order. Raises OrderNotFound, which by itself proves nothing."""
        return self._asking(timeout, priority).one(ref).snapshot

    def fetch_open_orders(
        self,
        symbol_id: str | None = None,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[OrderSnapshot, ...]:
        """Ask for the orders that are alive, reserved ones included; a hundred a request."""
        return self._asking(timeout, priority).opened(symbol_id)

    def fetch_open_algo_orders(
        self,
        symbol_id: str | None = None,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[OrderSnapshot, ...]:
        """Return nothing: reserved orders are listed with all others."""
        del symbol_id, timeout, priority
        return ()

    def fetch_executions(
        self,
        symbol_id: str,
        cursor: TradeCursor,
        *,
        exchange_order_id: str | None = None,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[ExecutionReport, ...]:
        """Ask for fills from the second of `cursor` on, oldest first; a bounded number of orders.

        See `upbit_history` for what that finds.
        """
        asking = self._asking(timeout, priority)
        if exchange_order_id is not None:
            return history.fills_of(asking, symbol_id, cursor, exchange_order_id)
        return history.fills_after(asking, symbol_id, cursor, self._ended)[0]

    def fetch_holdings(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> tuple[HoldingReport, ...]:
        """Ask what is held. An asset that is not mentioned is held at zero."""
        told = self._api.call(endpoints.ACCOUNTS, {}, priority=priority, timeout=timeout)
        return understood(
            lambda: tuple(
                answers.holding(row, market_type=self._market_type) for row in a_list(told.body)
            )
        )

    def fetch_activity(
        self,
        since: datetime,
        *,
        only_funding: bool = False,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> Activity:
        """Ask in which markets orders that are over have filled, whoever placed them.

        Spot has no funding; deposits and withdrawals show in the holdings.
        """
        if only_funding:
            return Activity()
        return history.activity_since(self._asking(timeout, priority), since)

    def fetch_price_at(
        self,
        symbol_id: str,
        at: datetime,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.BACKFILL,
    ) -> Decimal | None:
        """Ask for the price at which the minute of `at` closed, or the last one traded before."""
        parameters = requests.of_minute(symbol_id, at)
        told = self._api.call(endpoints.CANDLES, parameters, priority=priority, timeout=timeout)
        return understood(lambda: answers.closing_price(told.body))

    def fetch_server_time(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> datetime:
        """Ask for the exchange's clock, which its answers tell to the second."""
        return understood(lambda: self._api.measure_clock(priority=priority, timeout=timeout))

    def is_hedge_mode(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> bool:
        """Say no: spot has no positions."""
        del timeout, priority
        return False

    def fetch_last_price(
        self, symbol_id: str, *, timeout: float = TIMEOUT, priority: Priority = Priority.ORDER
    ) -> Decimal | None:
        """Ask for the price of the market's last trade; None if it never had one."""
        told = self._api.call(
            endpoints.TICKER, {"markets": symbol_id}, priority=priority, timeout=timeout
        )
        return understood(lambda: answers.last_price(told.body))

    def fetch_available(
        self, asset: str, *, timeout: float = TIMEOUT, priority: Priority = Priority.ORDER
    ) -> Decimal:
        """Ask how much of an asset no order has locked (`balance`)."""
        told = self._api.call(endpoints.ACCOUNTS, {}, priority=priority, timeout=timeout)
        return understood(lambda: answers.available(told.body, asset))

    def fetch_key_permissions(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.BACKFILL
    ) -> KeyPermissions:
        """Ask when the API key ends; what else it may do Upbit does not tell."""
        told = self._api.call(endpoints.API_KEYS, {}, priority=priority, timeout=timeout)
        return understood(lambda: answers.permissions(told.body, self._api_key))

    def place_order(self, order: NewOrder, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Send an order, once. Raises OrderRefused, OutcomeUnknown, or that nothing was sent.

        A market buy of a quantity spends what that is worth at the last price.
        """
        asking = self._asking(timeout, Priority.ORDER)
        price = None
        if requests.needs_price(order):
            price = self.fetch_last_price(order.symbol_id, timeout=asking.left)
        told = asking.call(endpoints.PLACE, requests.terms(order, price))
        return outcome(lambda: answers.answering(order, self._read(told)))

    def place_orders(
        self, orders: Sequence[NewOrder], *, timeout: float = TIMEOUT
    ) -> tuple[OrderSnapshot | ExchangeError, ...]:
        """Send orders one after the other: Upbit has no request for several."""
        return one_after_another(self.place_order, orders, timeout=timeout)

    def amend_order(self, amendment: Amendment, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Refuse: Upbit replaces an order by another one, with another id."""
        del amendment, timeout
        not_offered("orders on Upbit cannot be amended")

    def cancel_order(self, ref: OrderRef, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Cancel an order. Raises OrderNotFound, which says only that it is not open.

        The answer says that the cancellation was accepted, not that the order has ended.
        """
        asking = self._asking(timeout, Priority.ORDER)
        told = asking.call(endpoints.CANCEL, requests.naming(ref))
        return outcome(lambda: changed(ref, self._read(told)))

    def _read(self, told: Told) -> OrderSnapshot:
        return answers.order(
            told.body,
            market_type=self._market_type,
            requested_at=told.requested_at,
            source=Source.SUBMIT,
        )

    def verify_orders(
        self,
        refs: Sequence[OrderRef],
        *,
        cursor: TradeCursor | None = None,
        want_trades: bool = False,
        told_terminal: frozenset[str] = frozenset(),
        timeout: float = TIMEOUT,
        priority: Priority = Priority.VERIFY,
    ) -> Verification:
        """Ask about some orders of one market in as few requests as will do.

        Fills come with their orders, so no cursor moves and none is needed.
        """
        del cursor, told_terminal
        return verify(self._asking(timeout, priority), refs, want_trades=want_trades)
