"""
Binance by REST: what all its market types are asked alike, as `rest.RestClient` promises it.

Policy: an answer is believed only if it is about what was asked; one about something else (an
empty body, another order) is transient, as if none had come. What differs between market types
are endpoints, weights and readers: a `Speech`, which is data.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from exchanges import binance_filters as filters
from exchanges import binance_requests as requests
from exchanges.binance_answers import read_order
from exchanges.binance_calls import KEY_PERMISSIONS
from exchanges.binance_orders import answers_to, offered
from exchanges.binance_permissions import permissions
from exchanges.binance_trades import TradeList, fetch_trades
from exchanges.binance_verification import Costs, verify
from exchanges.errors import ExchangeError, TransientError
from exchanges.governor import Priority
from exchanges.messages import IdSpace, Source
from exchanges.questions import KeyPermissions
from exchanges.rest import TIMEOUT
from exchanges.understanding import about, changed, outcome, understood
from exchanges.wire import a_list

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from decimal import Decimal

    from exchanges.binance_calls import Endpoints
    from exchanges.calls import Calls, Endpoint, Told
    from exchanges.governor import Governor
    from exchanges.markets import Markets
    from exchanges.messages import ExecutionReport, MarketType, OrderSnapshot
    from exchanges.questions import NewOrder, OrderRef, TradeCursor, Verification


_SUBMIT: Final = Source.SUBMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """How one market type is asked, and in what its answers differ."""

    endpoints: Endpoints
    trades: TradeList
    costs: Costs
    write: Callable[[NewOrder], dict[str, str]]


class BinanceRest:
    """One account's questions and orders. The market types' own are in its two children."""

    def __init__(
        self,
        *,
        api: Calls,
        governor: Governor,
        markets: Markets,
        market_type: MarketType,
        speech: Speech,
        wallet: Calls,
    ) -> None:
        """`wallet` asks the host that knows what keys may do."""
        self.governor, self.markets = governor, markets
        self._api, self._market_type, self._speech = api, market_type, speech
        self._wallet_api = wallet

    @property
    def clock_offset_ms(self) -> int:
        """How far our clock is ahead of the exchange's, as far as it was measured."""
        return self._api.clock_offset_ms

    def fetch_order(
        self, ref: OrderRef, *, timeout: float = TIMEOUT, priority: Priority = Priority.VERIFY
    ) -> OrderSnapshot:
        """Ask for one order. Raises OrderNotFound, which by itself proves nothing."""
        return self._one(self._speech.endpoints.order, ref, timeout, priority)

    def fetch_open_orders(
        self,
        symbol_id: str | None = None,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[OrderSnapshot, ...]:
        """Ask for the orders that are alive; without a symbol for all of them (expensive)."""
        endpoints = self._speech.endpoints
        endpoint = endpoints.open_orders if symbol_id else endpoints.all_open_orders
        parameters = requests.of_symbol(symbol_id)
        return self._many(endpoint, parameters, IdSpace.ORDER, timeout, priority)

    def fetch_orders_from(
        self, symbol_id: str, exchange_order_id: str, *, timeout: float, priority: Priority
    ) -> tuple[OrderSnapshot, ...]:
        """Ask for a page of orders of any status, from this id on."""
        limit = str(self._speech.costs.page)
        parameters = {"symbol": symbol_id, "orderId": exchange_order_id, "limit": limit}
        endpoint = self._speech.endpoints.orders
        return self._many(endpoint, parameters, IdSpace.ORDER, timeout, priority)

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

        Futures keep them for three months and show the last seven days without a cursor; spot
        keeps them for ever and shows the newest.
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
            self._speech.trades,
            symbol_id,
            cursor,
            exchange_order_id=exchange_order_id,
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
        endpoint = self._speech.endpoints.candles
        told = self._api.call(endpoint, parameters, priority=priority, timeout=timeout)
        return understood(lambda: filters.closing_price(told.body, parameters["startTime"]))

    def fetch_server_time(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> datetime:
        """Ask for the exchange's clock; the difference to ours is kept for signing."""
        return understood(lambda: self._api.measure_clock(priority=priority, timeout=timeout))

    def fetch_last_price(
        self, symbol_id: str, *, timeout: float = TIMEOUT, priority: Priority = Priority.ORDER
    ) -> Decimal | None:
        """Ask for the price of the market's last trade; None if it never had one."""
        told = self._api.call(
            self._speech.endpoints.last_price,
            requests.of_symbol(symbol_id),
            priority=priority,
            timeout=timeout,
        )
        return understood(lambda: filters.last_price(told.body, symbol_id))

    def fetch_key_permissions(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.BACKFILL
    ) -> KeyPermissions:
        """Ask what the API key may do in markets of this type; a test site does not tell."""
        try:
            told = self._wallet_api.call(KEY_PERMISSIONS, {}, priority=priority, timeout=timeout)
        except TransientError as error:
            if error.http_status == HTTPStatus.NOT_FOUND:
                return KeyPermissions()
            raise
        return understood(lambda: permissions(told.body, self._market_type))

    def place_order(self, order: NewOrder, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Send an order, once. Raises OrderRefused, OutcomeUnknown, or that nothing was sent."""
        offered(order)
        return self._send(
            self._speech.endpoints.place, self._speech.write(order), order, timeout=timeout
        )

    def place_orders(
        self, orders: Sequence[NewOrder], *, timeout: float = TIMEOUT
    ) -> tuple[OrderSnapshot | ExchangeError, ...]:
        """Send orders one after the other, for there is no request for several."""
        deadline = time.monotonic() + timeout
        return tuple(self._one_of_several(order, deadline) for order in orders)

    def cancel_order(self, ref: OrderRef, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Cancel an order. Raises OrderNotFound, which says only that it is not open."""
        told = self._api.call(
            self._speech.endpoints.cancel,
            requests.naming(ref),
            priority=Priority.ORDER,
            timeout=timeout,
        )
        return self._done(ref, told)

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
            self._speech.costs,
            refs,
            cursor=cursor,
            want_trades=want_trades,
            told_terminal=told_terminal,
            timeout=timeout,
            priority=priority,
        )

    def _one(
        self, endpoint: Endpoint, ref: OrderRef, timeout: float, priority: Priority
    ) -> OrderSnapshot:
        told = self._api.call(endpoint, requests.naming(ref), priority=priority, timeout=timeout)
        return about(ref, understood(lambda: self._order(told.body, told, ref.id_space)))

    def _many(
        self,
        endpoint: Endpoint,
        parameters: dict[str, str],
        id_space: IdSpace,
        timeout: float,
        priority: Priority,
    ) -> tuple[OrderSnapshot, ...]:
        told = self._api.call(endpoint, parameters, priority=priority, timeout=timeout)
        return understood(
            lambda: tuple(self._order(row, told, id_space) for row in a_list(told.body))
        )

    def _one_of_several(self, order: NewOrder, deadline: float) -> OrderSnapshot | ExchangeError:
        try:
            return self.place_order(order, timeout=max(0.0, deadline - time.monotonic()))
        except ExchangeError as error:
            return error

    def _send(
        self,
        endpoint: Endpoint,
        terms: dict[str, str],
        order: NewOrder,
        *,
        timeout: float,
        id_space: IdSpace = IdSpace.ORDER,
    ) -> OrderSnapshot:
        """Send a new order; an answer that is not about it says nothing of what became of it."""
        told = self._api.call(endpoint, terms, priority=Priority.ORDER, timeout=timeout)
        return outcome(lambda: answers_to(order, self._order(told.body, told, id_space, _SUBMIT)))

    def _done(self, ref: OrderRef, told: Told) -> OrderSnapshot:
        """Read the answer to a change of an order: unreadable means the outcome is not known."""
        return outcome(lambda: changed(ref, self._order(told.body, told, IdSpace.ORDER, _SUBMIT)))

    def _order(
        self, body: object, told: Told, id_space: IdSpace, source: Source = Source.REST_ORDER
    ) -> OrderSnapshot:
        return read_order(
            body,
            market_type=self._market_type,
            id_space=id_space,
            requested_at=told.requested_at,
            source=source,
        )
