"""An order as Upbit shows it: what it asked for, and how far it has come or had come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exchanges.simulator import orders as states
from exchanges.simulator.amounts import ZERO

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from exchanges.simulator.config import SimulatorConfig
    from exchanges.simulator.orders import Execution, Order

#: the engine needs a client id of every order; Upbit does not
UNNAMED: Final = "unnamed-"
TIMES_IN_FORCE: Final = {"IOC": "ioc", "FOK": "fok", "GTX": "post_only"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An order with those of its fills that are seen."""

    order: Order
    fills: Sequence[Execution]
    is_open: bool
    config: SimulatorConfig

    @property
    def kind(self) -> str:
        """Its `ord_type`."""
        terms = self.order.terms
        if terms.named:
            return terms.named
        if terms.type == "LIMIT":
            return "limit"
        return "price" if terms.side == "BUY" else "market"

    @property
    def is_of_funds(self) -> bool:
        """Whether it says what to spend instead of what to get."""
        return self.order.sign > 0 and self.order.terms.type != "LIMIT"

    @property
    def state(self) -> str:
        """wait, watch, done or cancel."""
        if self.is_open:
            return "watch" if self.order.is_waiting else "wait"
        return "done" if self.order.status == states.FILLED else "cancel"

    @property
    def price(self) -> Decimal | None:
        """A limit price, or the funds of a market buy."""
        if self.is_of_funds:
            return self.order.terms.quote_quantity or self.order.quote
        return self.order.price if self.kind == "limit" else None

    @property
    def volume(self) -> Decimal | None:
        """What is to be bought or sold, where it says so."""
        return None if self.is_of_funds else self.order.quantity

    @property
    def remaining(self) -> Decimal | None:
        """What of the volume has not traded."""
        return None if self.volume is None else self.volume - self.executed

    @property
    def executed(self) -> Decimal:
        """What has traded."""
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def funds(self) -> Decimal:
        """What that was worth."""
        return sum((fill.price * fill.quantity for fill in self.fills), ZERO)

    @property
    def paid(self) -> Decimal:
        """The commissions."""
        return sum((fill.commission for fill in self.fills), ZERO)

    @property
    def reserved(self) -> Decimal:
        """What was set aside for commissions: only buys do that."""
        if self.order.sign < 0 or self.price is None:
            return ZERO
        worth = self.price if self.is_of_funds else self.price * self.order.quantity
        return worth * self.config.taker_fee

    @property
    def remaining_fee(self) -> Decimal:
        """What is still set aside for commissions."""
        return max(ZERO, self.reserved - self.paid) if self.is_open else ZERO

    @property
    def locked(self) -> Decimal:
        """What the order holds back."""
        return self.order.held if self.is_open else ZERO

    @property
    def identifier(self) -> str | None:
        """The name its owner gave it."""
        name = self.order.terms.client_id
        return None if name.startswith(UNNAMED) else name

    @property
    def time_in_force(self) -> str | None:
        """How long it stays, where that is said."""
        return TIMES_IN_FORCE.get(self.order.terms.time_in_force)


def now(order: Order, config: SimulatorConfig) -> Seen:
    """An order as it is."""
    return Seen(order=order, fills=order.executions, is_open=order.is_open, config=config)


def at(order: Order, cutoff: int, config: SimulatorConfig) -> Seen | None:
    """An order as it was; None if it was not there yet."""
    if order.updated <= cutoff:
        return now(order, config)
    if order.created > cutoff:
        return None
    fills = [fill for fill in order.executions if fill.time <= cutoff]
    return Seen(order=order, fills=fills, is_open=True, config=config)
