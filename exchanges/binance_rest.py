"""
Binance USD-M by REST: each question and each order, as `rest.RestClient` promises them.

Policy: an answer is believed only if it is about what was asked; one about something else (an
empty body, another order) is transient, as if none had come.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges import binance_answers as answers
from exchanges import binance_calls as calls
from exchanges import binance_orders as orders
from exchanges import binance_requests as requests
from exchanges.binance_errors import understood
from exchanges.binance_incomes import fetch_activity
from exchanges.binance_trades import fetch_trades
from exchanges.binance_verification import verify
from exchanges.errors import OrderRefused, OutcomeUnknown, PermanentError, TransientError
from exchanges.governor import Priority
from exchanges.messages import IdSpace, OrderType
from exchanges.rest import TIMEOUT
from exchanges.wire import a_list, an_object, flag, optional_text, text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from exchanges.calls import Calls, Endpoint, Told
    from exchanges.governor import Governor
    from exchanges.markets import Markets
    from exchanges.messages import ExecutionReport, HoldingReport, MarketType, OrderSnapshot
    from exchanges.questions import Activity, NewOrder, OrderRef, TradeCursor, Verification


class BinanceRest:
    """One USD-M account's questions and orders. Implements `rest.RestClient`."""

    def __init__(
        self,
        *,
        api: Calls,
        governor: Governor,
        markets: Markets,
        market_type: MarketType,
    ) -> None:
        self.governor, self.markets = governor, markets
        self._api, self._market_type = api, market_type

    def fetch_order(
        self, ref: OrderRef, *, timeout: float = TIMEOUT, priority: Priority = Priority.VERIFY
    ) -> OrderSnapshot:
        """Ask for one order. Raises OrderNotFound, which by itself proves nothing."""
        endpoint = calls.ALGO_ORDER if ref.id_space is IdSpace.ALGO else calls.ORDER
        told = self._api.call(endpoint, requests.naming(ref), priority=priority, timeout=timeout)
        return requests.about(ref, orders.one(told, self._market_type, ref.id_space))

    def fetch_open_orders(
        self,
        symbol_id: str | None = None,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[OrderSnapshot, ...]:
        """Ask for the orders that are alive; without a symbol for all of them (weight 40)."""
        endpoint = calls.OPEN_ORDERS if symbol_id else calls.ALL_OPEN_ORDERS
        told = self._api.call(
            endpoint, requests.of_symbol(symbol_id), priority=priority, timeout=timeout
        )
        return orders.many(told, self._market_type, IdSpace.ORDER)

    def fetch_open_algo_orders(
        self,
        symbol_id: str | None = None,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[OrderSnapshot, ...]:
        """Ask for the conditional orders that have not triggered yet."""
        endpoint = calls.OPEN_ALGO_ORDERS if symbol_id else calls.ALL_OPEN_ALGO_ORDERS
        told = self._api.call(
            endpoint, requests.of_symbol(symbol_id), priority=priority, timeout=timeout
        )
        return orders.many(told, self._market_type, IdSpace.ALGO)

    def fetch_orders_from(
        self, symbol_id: str, exchange_order_id: str, *, timeout: float, priority: Priority
    ) -> tuple[OrderSnapshot, ...]:
        """Ask for up to 1,000 orders of any status, from this id on."""
        parameters = {"symbol": symbol_id, "orderId": exchange_order_id, "limit": "1000"}
        told = self._api.call(calls.ORDERS, parameters, priority=priority, timeout=timeout)
        return orders.many(told, self._market_type, IdSpace.ORDER)

    def fetch_executions(
        self,
        symbol_id: str,
        cursor: TradeCursor,
        *,
        exchange_order_id: str | None = None,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[ExecutionReport, ...]:
        """Ask for fills after `cursor`, oldest first; a bounded number of pages.

        Binance keeps them for three months and, without a cursor, shows the last seven days.
        """
        return self.fetch_trades(
            symbol_id,
            cursor,
            exchange_order_id=exchange_order_id,
            timeout=timeout,
            priority=priority,
        )[0]

    def fetch_trades(
        self,
        symbol_id: str,
        cursor: TradeCursor,
        *,
        exchange_order_id: str | None,
        timeout: float,
        priority: Priority,
    ) -> tuple[tuple[ExecutionReport, ...], bool]:
        """As `fetch_executions`; also tells whether the list was read to its end."""
        return fetch_trades(
            self._api,
            symbol_id,
            cursor,
            market_type=self._market_type,
            exchange_order_id=exchange_order_id,
            timeout=timeout,
            priority=priority,
        )

    def fetch_holdings(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> tuple[HoldingReport, ...]:
        """Ask what is held. A market that is not mentioned is held at zero."""
        told = self._api.call(calls.POSITIONS, {}, priority=priority, timeout=timeout)
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
        """Ask what was traded since then, by what it cost and earned, and what moved without.

        Finds round trips made by hand in symbols nobody watches, and funding (weight 30).
        """
        return fetch_activity(
            self._api,
            since,
            market_type=self._market_type,
            only_funding=only_funding,
            timeout=timeout,
            priority=priority,
        )

    def fetch_price_at(
        self,
        symbol_id: str,
        at: datetime,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.BACKFILL,
    ) -> Decimal | None:
        """Ask for the price at which the minute of `at` closed; None if the market had none."""
        parameters = requests.of_minute(symbol_id, at)
        told = self._api.call(calls.CANDLES, parameters, priority=priority, timeout=timeout)
        return understood(lambda: answers.closing_price(told.body, parameters["startTime"]))

    def fetch_server_time(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> datetime:
        """Ask for the exchange's clock; the difference to ours is kept for signing."""
        return understood(lambda: self._api.measure_clock(priority=priority, timeout=timeout))

    def is_hedge_mode(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> bool:
        """Ask whether long and short positions are kept apart (weight 30)."""
        told = self._api.call(calls.POSITION_MODE, {}, priority=priority, timeout=timeout)
        return understood(lambda: flag(an_object(told.body), "dualSidePosition"))

    def place_order(self, order: NewOrder, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Send an order, once. Raises OrderRefused, OutcomeUnknown, or that nothing was sent."""
        if order.order_type not in (OrderType.LIMIT, OrderType.MARKET):
            # conditional orders have an endpoint, ids and a life of their own (-4120)
            msg = f"{order.order_type} orders are not sent"
            raise OrderRefused(msg)
        told = self._api.call(
            calls.PLACE, requests.terms(order), priority=Priority.ORDER, timeout=timeout
        )
        return orders.done(told, self._market_type)

    def cancel_order(self, ref: OrderRef, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Cancel an order. Raises OrderNotFound, which says only that it is not open."""
        if ref.id_space is IdSpace.ALGO:
            return self._cancel_algo(ref, timeout)
        told = self._api.call(
            calls.CANCEL, requests.naming(ref), priority=Priority.ORDER, timeout=timeout
        )
        return orders.done(told, self._market_type)

    def _cancel_algo(self, ref: OrderRef, timeout: float) -> OrderSnapshot:
        """Cancel a conditional order; the answer does not tell its terms, so they are asked for."""
        parameters = requests.naming(ref)
        self._api.call(calls.CANCEL_ALGO, parameters, priority=Priority.ORDER, timeout=timeout)
        try:
            return self.fetch_order(ref, timeout=timeout, priority=Priority.ORDER)
        except (TransientError, PermanentError) as error:
            msg = f"cancelled, but not seen so: {error}"
            raise OutcomeUnknown(msg) from None

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
        """Ask about some orders of one symbol with as little weight as will do.

        `told_terminal`: exchange order ids the stream already reported as ended; in a bulk
        question they are not looked up one by one, their trades tell the rest.
        """
        return verify(
            self,
            refs,
            cursor=cursor,
            want_trades=want_trades,
            told_terminal=told_terminal,
            timeout=timeout,
            priority=priority,
        )

    def create_listen_key(self, *, timeout: float = TIMEOUT) -> str:
        """Obtain the key of the private stream (the same one while it lives)."""
        told = self._listen_key(calls.CREATE_LISTEN_KEY, timeout)
        return understood(lambda: text(an_object(told.body), "listenKey"))

    def extend_listen_key(self, *, timeout: float = TIMEOUT) -> str:
        """Give the key another hour; returns it, or "" if the exchange does not name it.

        Raises ListenKeyGone when there is none any more.
        """
        # older answers are empty: the key that lives was extended
        told = self._listen_key(calls.EXTEND_LISTEN_KEY, timeout)
        return understood(lambda: optional_text(an_object(told.body), "listenKey"))

    def _listen_key(self, endpoint: Endpoint, timeout: float) -> Told:
        return self._api.call(endpoint, {}, priority=Priority.VERIFY, timeout=timeout)
