"""
A request brought to what its market takes, before anything is attempted.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from tracking.services.order_intents import InvalidOrderError, OrderIntent

if TYPE_CHECKING:
    from exchanges.questions import Market


def checked_quantity(intent: OrderIntent, market: Market) -> Decimal:
    """Round a quantity down to the market's step. Raises InvalidOrderError below its minimum."""
    asked = intent.quantity or Decimal(0)
    quantity = _to_step(asked, market.quantity_step, ROUND_DOWN)
    if quantity <= 0 or quantity < market.minimum_quantity:
        message = f"quantity {asked:f} is below {market.minimum_quantity:f}"
        raise InvalidOrderError(message)
    return quantity


def checked_price(intent: OrderIntent, market: Market) -> Decimal | None:
    """Round a price to the market's step; None for an order without a price."""
    if intent.price is None:
        return None
    return _to_step(intent.price, market.price_step_at(intent.price), ROUND_HALF_EVEN)


def _to_step(amount: Decimal, step: Decimal, rounding: str) -> Decimal:
    return (amount / step).quantize(Decimal(1), rounding=rounding) * step
