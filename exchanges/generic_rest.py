"""
Any exchange by REST, as `rest.RestClient` promises it, in ccxt's unified calls.

Policy: what ccxt cannot do at an exchange is said (`PermanentError`) or answered by what it can;
nothing is guessed. Conditional orders are not asked for apart: ccxt lists them among the others
where an exchange does, and their parameters differ everywhere.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from exchanges import generic_answers as answers
from exchanges import generic_envelope as envelope
from exchanges import generic_orders as orders
from exchanges import generic_placing as placing
from exchanges.generic_activity import fetch_activity
from exchanges.generic_markets import type_of
from exchanges.generic_settles import of_all
from exchanges.generic_trades import fetch_trades
from exchanges.generic_verification import verify
from exchanges.governor import Priority
from exchanges.messages import MarketType
from exchanges.questions import KeyPermissions
from exchanges.rest import TIMEOUT
from exchanges.several import one_after_another
from exchanges.understanding import understood
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from exchanges.errors import ExchangeError
    from exchanges.generic_calls import GenericCalls
    from exchanges.governor import Governor
    from exchanges.markets import Markets
    from exchanges.messages import ExecutionReport, HoldingReport, OrderSnapshot
    from exchanges.questions import (
        Activity,
        Amendment,
        NewOrder,
        OrderRef,
        TradeCursor,
        Verification,
    )

_MINUTE: Final = timedelta(minutes=1)
_CLOSE: Final = 4  # ccxt's candles: time, open, high, low, close, volume


class GenericRest:
    """One account's questions and orders. Implements `rest.RestClient`."""

    def __init__(self, api: GenericCalls) -> None:
        """`api` is also what the account's stream is made of."""
        self.api = api

    @property
    def governor(self) -> Governor:
        """The budget this client spends from."""
        return self.api.governor

    @property
    def markets(self) -> Markets:
        """The table of markets, shared by all clients of the process."""
        return self.api.source.markets

    @property
    def clock_offset_ms(self) -> int:
        """How far our clock is ahead of the exchange's, as far as it was measured."""
        return self.api.clock.offset_ms

    def fetch_order(
        self, ref: OrderRef, *, timeout: float = TIMEOUT, priority: Priority = Priority.VERIFY
    ) -> OrderSnapshot:
        """Ask for one order. Raises OrderNotFound, which by itself proves nothing."""
        return orders.fetch_one(self.api, ref, timeout=timeout, priority=priority)

    def fetch_open_orders(
        self,
        symbol_id: str | None = None,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[OrderSnapshot, ...]:
        """Ask for the orders that are alive; without a symbol for all of them."""
        return orders.fetch_open(self.api, symbol_id, timeout=timeout, priority=priority)

    def fetch_open_algo_orders(
        self,
        symbol_id: str | None = None,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[OrderSnapshot, ...]:
        """Return nothing: no other numbering of orders is known here."""
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
        """Ask for fills from `cursor` on, oldest first; a bounded number of pages."""
        return fetch_trades(
            self.api,
            symbol_id,
            cursor,
            exchange_order_id=exchange_order_id,
            timeout=timeout,
            priority=priority,
        ).fills

    def fetch_holdings(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> tuple[HoldingReport, ...]:
        """Ask what is held: balances in spot, positions elsewhere."""
        if self.api.market_type is MarketType.SPOT:
            self.api.require("fetchBalance")
            said = self.api.ask(
                lambda ccxt: ccxt.fetch_balance(), priority=priority, timeout=timeout
            )
            return understood(lambda: answers.balances(said.value))
        self.api.require("fetchPositions")
        said = self.api.ask(self._positions, priority=priority, timeout=timeout)
        return understood(
            lambda: tuple(
                answers.position(row, market_type=self.api.market_type) for row in said.value
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
        """Ask what was traded since then, and what funding moved."""
        return fetch_activity(
            self.api, since, only_funding=only_funding, timeout=timeout, priority=priority
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
        self.api.require("fetchOHLCV")
        symbol = self.markets.symbol_of(self.api.market_type, symbol_id)
        minute = milliseconds(at) // 60_000 * 60_000
        said = self.api.ask(
            lambda ccxt: ccxt.fetch_ohlcv(symbol, "1m", minute, 2),
            priority=priority,
            timeout=timeout,
        )
        candles = {row[0]: row[_CLOSE] for row in said.value}
        return understood(lambda: answers.exact({"close": candles.get(minute)}, "close"))

    def fetch_server_time(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> datetime:
        """Ask for the exchange's clock; the difference to ours is kept for signing."""
        return self.api.measure_clock(priority=priority, timeout=timeout)

    def is_hedge_mode(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> bool:
        """Ask whether long and short positions are kept apart; not where nobody can tell."""
        spot = self.api.market_type is MarketType.SPOT
        if spot or not self.api.can("fetchPositionMode"):
            return False
        said = self.api.ask(
            lambda ccxt: ccxt.fetch_position_mode(), priority=priority, timeout=timeout
        )
        return said.value.get("hedged") is True

    def fetch_last_price(
        self, symbol_id: str, *, timeout: float = TIMEOUT, priority: Priority = Priority.ORDER
    ) -> Decimal | None:
        """Ask for the price of the market's last trade; None if it never had one."""
        return placing.last_price(self.api, symbol_id, timeout=timeout, priority=priority)

    def fetch_available(
        self, asset: str, *, timeout: float = TIMEOUT, priority: Priority = Priority.ORDER
    ) -> Decimal:
        """Ask how much of an asset is free, as ccxt tells it."""
        return placing.available(self.api, asset, timeout=timeout, priority=priority)

    def fetch_key_permissions(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.BACKFILL
    ) -> KeyPermissions:
        """Say that nothing is known: ccxt has no word for what a key may do."""
        del timeout, priority
        return KeyPermissions()

    def place_order(self, order: NewOrder, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Send an order, once. Raises OrderRefused, OutcomeUnknown, or that nothing was sent."""
        return placing.place(self.api, order, timeout=timeout)

    def place_orders(
        self, orders: Sequence[NewOrder], *, timeout: float = TIMEOUT
    ) -> tuple[OrderSnapshot | ExchangeError, ...]:
        """Send orders one after the other; what became of each, in order."""
        return one_after_another(self.place_order, orders, timeout=timeout)

    def amend_order(self, amendment: Amendment, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Change an order in place. Raises OrderRefused where the exchange cannot."""
        return placing.amend(self.api, amendment, timeout=timeout)

    def cancel_order(self, ref: OrderRef, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Cancel an order. Raises OrderNotFound, which says only that it is not open."""
        return orders.cancel(self.api, ref, timeout=timeout)

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
        """Ask about some orders of one symbol in few calls."""
        return verify(
            self.api,
            refs,
            cursor=cursor,
            want_trades=want_trades,
            told_terminal=told_terminal,
            timeout=timeout,
            priority=priority,
        )

    def _positions(self, ccxt: Any) -> list[dict[str, object]]:
        told = of_all(ccxt, self.api.market_type, ccxt.fetch_positions)
        rows = ((row, ccxt.markets.get(row["symbol"])) for row in told)
        return [
            envelope.of_position(row, market["id"])
            for row, market in rows
            if market is not None and type_of(market) is self.api.market_type
        ]
