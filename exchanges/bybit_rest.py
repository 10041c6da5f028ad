"""
Bybit by REST: each question and each order, as `rest.RestClient` promises them.

Policy: an answer is believed only if it is about what was asked. Orders are taken and carried out
later, so placing one claims no more than that it was taken, and after a cancel or an amendment the
order is asked for: only it says what became of it.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from exchanges import bybit_answers as answers
from exchanges import bybit_calls as calls
from exchanges import bybit_requests as requests
from exchanges.bybit_activity import fetch_activity
from exchanges.bybit_keys import permissions
from exchanges.bybit_placing import Placing
from exchanges.bybit_verification import verify
from exchanges.bybit_within import Within
from exchanges.errors import OrderNotFound, OutcomeUnknown, PermanentError, TransientError
from exchanges.governor import Priority
from exchanges.messages import MarketType
from exchanges.rest import TIMEOUT
from exchanges.understanding import understood

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from exchanges.calls import Calls
    from exchanges.errors import ExchangeError
    from exchanges.governor import Governor
    from exchanges.markets import Markets
    from exchanges.messages import ExecutionReport, HoldingReport, OrderSnapshot
    from exchanges.questions import (
        Activity,
        Amendment,
        KeyPermissions,
        NewOrder,
        OrderRef,
        TradeCursor,
        Verification,
    )

#: traded as long as its category
_WELL_KNOWN: Final = {MarketType.FUTURES: "BTCUSDT", MarketType.COIN_FUTURES: "BTCUSD"}


class BybitRest:
    """One Bybit account's questions and orders, of one market type. Implements `RestClient`."""

    def __init__(
        self, *, api: Calls, governor: Governor, markets: Markets, market_type: MarketType
    ) -> None:
        self.governor, self.markets = governor, markets
        self._api, self._market_type = api, market_type

    @property
    def clock_offset_ms(self) -> int:
        """How far our clock is ahead of the exchange's, as far as it was measured."""
        return self._api.clock_offset_ms

    def _lists(self, timeout: float, priority: Priority) -> Within:
        return Within(
            api=self._api,
            market_type=self._market_type,
            markets=self.markets,
            deadline=time.monotonic() + timeout,
            priority=priority,
        )

    def fetch_order(
        self, ref: OrderRef, *, timeout: float = TIMEOUT, priority: Priority = Priority.VERIFY
    ) -> OrderSnapshot:
        """Ask for one order. Raises OrderNotFound, which by itself proves nothing."""
        return self._lists(timeout, priority).order(ref)

    def fetch_open_orders(
        self,
        symbol_id: str | None = None,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[OrderSnapshot, ...]:
        """Ask for the orders that are alive, conditional ones included; 50 a request."""
        return self._lists(timeout, priority).opened(symbol_id)

    def fetch_open_algo_orders(
        self,
        symbol_id: str | None = None,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[OrderSnapshot, ...]:
        """Return nothing: conditional orders are listed with all others."""
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
        """Ask for fills from `cursor` on, oldest first; a bounded number of pages.

        Bybit keeps them for two years; without a cursor the last seven days are read.
        """
        return self._lists(timeout, priority).trades(symbol_id, cursor, exchange_order_id)[0]

    def fetch_holdings(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> tuple[HoldingReport, ...]:
        """Ask what is held. What is not mentioned is held at zero."""
        return self._lists(timeout, priority).held()

    def fetch_activity(
        self,
        since: datetime,
        *,
        only_funding: bool = False,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> Activity:
        """Ask what was traded since then, by hand included, and what funding moved."""
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
        minute = at.replace(second=0, microsecond=0)
        parameters = requests.of_minute(self._market_type, symbol_id, minute)
        told = self._api.call(calls.CANDLES, parameters, priority=priority, timeout=timeout)
        return understood(lambda: answers.closing_price(told.body, minute))

    def fetch_server_time(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> datetime:
        """Ask for the exchange's clock; the difference to ours is kept for signing."""
        return understood(lambda: self._api.measure_clock(priority=priority, timeout=timeout))

    def is_hedge_mode(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> bool:
        """Ask whether long and short positions are kept apart: of the best known symbol.

        The mode is one for all contracts settled in a coin, unless a symbol was switched alone.
        """
        symbol_id = _WELL_KNOWN.get(self._market_type)
        return symbol_id is not None and self._lists(timeout, priority).has_two_sides(symbol_id)

    def fetch_last_price(
        self, symbol_id: str, *, timeout: float = TIMEOUT, priority: Priority = Priority.ORDER
    ) -> Decimal | None:
        """Ask for the price of the market's last trade; None if it never had one."""
        return self._placing(timeout).last_price(symbol_id, priority)

    def fetch_available(
        self, asset: str, *, timeout: float = TIMEOUT, priority: Priority = Priority.ORDER
    ) -> Decimal:
        """Ask how much of a coin of the unified wallet a new order may use.

        `bybit_holdings.available` names the fields; the collateral of other coins is not counted.
        """
        return self._lists(timeout, priority).available(asset)

    def fetch_key_permissions(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.BACKFILL
    ) -> KeyPermissions:
        """Ask what the API key may do in this market type."""
        told = self._api.call(calls.API_KEY, {}, priority=priority, timeout=timeout)
        return understood(lambda: permissions(told.body, self._market_type))

    def place_order(self, order: NewOrder, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Send an order, once. Raises OrderRefused, OutcomeUnknown, or that nothing was sent.

        What is returned says that it was taken; it may yet be rejected.
        """
        return self._placing(timeout).one(order)

    def place_orders(
        self, orders: Sequence[NewOrder], *, timeout: float = TIMEOUT
    ) -> tuple[OrderSnapshot | ExchangeError, ...]:
        """Send several orders in one request; what became of each, as `place_order` tells it."""
        return self._placing(timeout).together(orders)

    def _placing(self, timeout: float) -> Placing:
        return Placing(
            api=self._api, market_type=self._market_type, deadline=time.monotonic() + timeout
        )

    def amend_order(self, amendment: Amendment, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Ask for an order's change, then for the order, which may still be as it was.

        Raises OrderNotFound, which says only that it is not open.
        """
        within = self._lists(timeout, Priority.ORDER)
        within.amend(amendment)
        return _seen(within, amendment.ref, "amendment")

    def cancel_order(self, ref: OrderRef, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Ask for an order's cancellation, then for the order, which may still be alive.

        A conditional order of spot is cancelled only if its kind is named: what is not found is
        looked up. Raises OrderNotFound, which says only that it is not open.
        """
        within = self._lists(timeout, Priority.ORDER)
        try:
            within.cancel(ref)
        except OrderNotFound:
            if self._market_type is not MarketType.SPOT:
                raise
            within.cancel(ref, kind=within.conditional_kind(ref))
        return _seen(within, ref, "cancel")

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
        """Ask about some orders of one symbol in as few requests as will do.

        `told_terminal`: exchange order ids the stream already reported as ended; where many are
        asked for, their trades tell the rest.
        """
        return verify(
            self._lists(timeout, priority),
            refs,
            cursor=cursor,
            want_trades=want_trades,
            told_terminal=told_terminal,
        )


def _seen(within: Within, ref: OrderRef, what: str) -> OrderSnapshot:
    """Ask for an order of which something was taken. Raises OutcomeUnknown if it is not seen."""
    try:
        return within.order(ref)
    except (TransientError, PermanentError) as error:
        msg = f"the {what} was taken, its order not seen: {error}"
        raise OutcomeUnknown(msg) from None
