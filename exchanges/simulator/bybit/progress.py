"""How far an order has come, or had come at a moment that stale answers show."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exchanges.simulator import orders as states
from exchanges.simulator.amounts import EXACT, ZERO, rounded, trimmed
from exchanges.simulator.bybit import words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from exchanges.simulator.orders import Execution, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """An order as it is seen: some or all of its fills, and the state that fits them."""

    order: Order
    fills: Sequence[Execution]
    status: str
    updated: int

    @property
    def is_open(self) -> bool:
        """Whether it may still fill, as far as is seen."""
        return self.status in states.OPEN_STATUSES

    @property
    def executed(self) -> Decimal:
        """What has filled."""
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def value(self) -> Decimal:
        """What the fills were worth: in the quote asset, of inverse contracts in the coin."""
        return sum((fill_value(fill) for fill in self.fills), ZERO)

    @property
    def fees(self) -> dict[str, str]:
        """Commissions by asset."""
        paid: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for fill in self.fills:
            paid[fill.commission_asset] += fill.commission
        return {asset: trimmed(amount) for asset, amount in paid.items()}

    @property
    def realized(self) -> Decimal:
        """What its fills have realised."""
        return sum((fill.realized_pnl for fill in self.fills), ZERO)

    def word(self, *, is_spot: bool) -> str:
        """Its orderStatus."""
        has_fills = bool(self.fills)
        return words.status_word(self.order, self.status, has_fills=has_fills, is_spot=is_spot)


def progress(order: Order) -> Progress:
    """An order as it is now."""
    return Progress(order=order, fills=order.executions, status=order.status, updated=order.updated)


def progress_at(order: Order, cutoff: int) -> Progress | None:
    """An order as it was at `cutoff`; None if it was not there yet."""
    if order.updated <= cutoff:
        return progress(order)
    if order.created > cutoff:
        return None
    fills = [fill for fill in order.executions if fill.time <= cutoff]
    return Progress(
        order=order,
        fills=fills,
        status=states.PARTIALLY_FILLED if fills else states.NEW,
        updated=fills[-1].time if fills else order.created,
    )


def fill_value(fill: Execution) -> Decimal:
    """What a fill was worth, to eight places where it had to be divided."""
    value = worth(fill.quantity, fill.price, fill.order.rules.contract_size)
    return value if fill.order.rules.contract_size is None else rounded(value)


def worth(quantity: Decimal, price: Decimal, contract_size: Decimal | None) -> Decimal:
    """What a quantity is worth at a price: in the quote asset, of inverse contracts in the coin."""
    if contract_size is None or not price:
        return quantity * price
    return EXACT.divide(quantity * contract_size, price)


def average(seen: Progress) -> Decimal | None:
    """The average price of its fills; inverse contracts average by the coins they are worth."""
    size, value, executed = seen.order.rules.contract_size, seen.value, seen.executed
    if not executed or not value:
        return None
    if size is None:
        return rounded(EXACT.divide(value, executed))
    return rounded(EXACT.divide(executed * size, value))
