"""
What can be asked of any exchange by REST, in our vocabulary.

Policy: a client belongs to one account and may be used by any thread. Every method goes through
the request budget and is bounded by `timeout` seconds, waiting included. A method raises only the
errors of `exchanges.errors`; a read that raises has changed nothing, a write that raises
OutcomeUnknown may have happened and must be asked about, never sent again.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from exchanges.governor import Priority

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

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

TIMEOUT: Final = 10.0


class RestClient(Protocol):
    """One account's questions and orders."""

    @property
    def governor(self) -> Governor:
        """The budget this client spends from."""

    @property
    def markets(self) -> Markets:
        """The table of markets, shared by all clients of the process."""

    def fetch_order(
        self, ref: OrderRef, *, timeout: float = TIMEOUT, priority: Priority = Priority.VERIFY
    ) -> OrderSnapshot:
        """Ask for one order. Raises OrderNotFound, which by itself proves nothing."""

    def fetch_open_orders(
        self,
        symbol_id: str | None = None,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[OrderSnapshot, ...]:
        """Ask for the orders that are alive; without a symbol for all of them (expensive)."""

    def fetch_open_algo_orders(
        self,
        symbol_id: str | None = None,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> tuple[OrderSnapshot, ...]:
        """Ask for the conditional orders that have not triggered yet."""

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

        Whoever wants all asks again from the last id until nothing comes.
        """

    def fetch_holdings(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> tuple[HoldingReport, ...]:
        """Ask what is held. A market that is not mentioned is held at zero."""

    def fetch_activity(
        self,
        since: datetime,
        *,
        only_funding: bool = False,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.SYNC,
    ) -> Activity:
        """Ask what was traded since then, by hand included, and what moved without (expensive)."""

    def fetch_price_at(
        self,
        symbol_id: str,
        at: datetime,
        *,
        timeout: float = TIMEOUT,
        priority: Priority = Priority.BACKFILL,
    ) -> Decimal | None:
        """Ask for the price at which the minute of `at` closed; None if the market had none.

        To be asked once the minute is over: until then its price still moves.
        """

    def fetch_server_time(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> datetime:
        """Ask for the exchange's clock; the difference to ours is kept for signing."""

    def is_hedge_mode(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.SYNC
    ) -> bool:
        """Ask whether long and short positions are kept apart (expensive)."""

    def place_order(self, order: NewOrder, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Send an order, once. Raises OrderRefused, OutcomeUnknown, or that nothing was sent."""

    def cancel_order(self, ref: OrderRef, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Cancel an order. Raises OrderNotFound, which says only that it is not open."""

    def place_orders(
        self, orders: Sequence[NewOrder], *, timeout: float = TIMEOUT
    ) -> tuple[OrderSnapshot | ExchangeError, ...]:
        """Send up to `Adapter.batch_size` orders in one request; what became of each, in order.

        Raises what `place_order` raises, if that is true of all of them.
        """

    def amend_order(self, amendment: Amendment, *, timeout: float = TIMEOUT) -> OrderSnapshot:
        """Change quantity and price of a LIMIT order. Raises as `place_order` does.

        OrderRefused of kind NOT_OFFERED where the exchange cannot (`Adapter.can_amend`).
        """

    def fetch_last_price(
        self, symbol_id: str, *, timeout: float = TIMEOUT, priority: Priority = Priority.ORDER
    ) -> Decimal | None:
        """Ask for the price of the market's last trade; None if it never had one."""

    def fetch_available(
        self, asset: str, *, timeout: float = TIMEOUT, priority: Priority = Priority.ORDER
    ) -> Decimal:
        """Ask how much of an asset a new order may use (free balance, or free margin)."""

    def fetch_key_permissions(
        self, *, timeout: float = TIMEOUT, priority: Priority = Priority.BACKFILL
    ) -> KeyPermissions:
        """Ask what the API key may do. All None where the exchange cannot be asked."""

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
        """Ask about some orders of one symbol with as little weight as will do."""


@runtime_checkable
class KeyedRestClient(Protocol):
    """A client whose private stream is opened with a listen key that has to be extended."""

    def create_listen_key(self, *, timeout: float = TIMEOUT) -> str:
        """Obtain the key of the private stream (the same one while it lives)."""

    def extend_listen_key(self, *, timeout: float = TIMEOUT) -> str:
        """Give the key another hour; returns it, or "" if the exchange does not name it.

        Raises ListenKeyGone when there is none any more.
        """


@runtime_checkable
class ClockedRestClient(Protocol):
    """A client that knows the exchange's clock, for whoever signs a message with a time."""

    @property
    def clock_offset_ms(self) -> int:
        """How far our clock is ahead of the exchange's, as far as it was measured."""
