"""
How one exchange words what happened: the only thing its simulations do not share.

The engine knows orders and fills; a dialect turns them into that exchange's frames and ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.algo import AlgoOrder
    from exchanges.simulator.channel import Frame
    from exchanges.simulator.orders import Execution, Order


class Dialect(Protocol):
    """One exchange's words. Pure but for chance; called for every change, so it must be quick."""

    def order_id(self, order: Order) -> str:
        """The id the exchange shows for an order; the ledger shows the same."""

    def number_of(self, order_id: str) -> int | None:
        """The engine's number of the order with this id; None for what is no id of ours."""

    def trade_id(self, execution: Execution) -> str:
        """The id the exchange shows for a fill; the ledger shows the same."""

    def order_frames(
        self, order: Order, kind: str, fill: Execution | None, wants: Callable[[str], bool]
    ) -> Iterable[Frame]:
        """The frames of a change of an order.

        `kind` is NEW, TRIGGERED, TRADE, CANCELED, EXPIRED, AMENDMENT or CALCULATED. `wants` tells
        whether anybody listens for an event: nothing need be encoded that nobody wants.
        """

    def holdings_frames(
        self, account: Account, position: Position | None, reason: str, change: Decimal, at: int
    ) -> Iterable[Frame]:
        """The frames of a change of balances or position; `change` moved without a fill.

        Without a position, `account.touched` names the assets that moved or were locked.
        """

    def algo_frames(self, algo: AlgoOrder) -> Iterable[Frame]:
        """The frames of a change of a conditional order that has not triggered."""

    def without_trade_id(self, frame: Frame, fill: Execution) -> Frame:
        """The frame of a fill as if its trade had no id yet (a fault)."""
