"""What a strategy wants, brought to what the market takes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from exchanges.messages import OrderType, PositionSide, Side, TimeInForce
from tracking.services.payloads import plain

if TYPE_CHECKING:
    from exchanges.questions import Market


class InvalidOrderError(Exception):
    """The order cannot be sent as it is: a quantity or price the market does not take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """
    What a strategy wants, in its account's market.

    Amounts are rounded down to the market's steps, prices to the next.
    """

    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    position_side: PositionSide = PositionSide.NET
    reduce_only: bool = False

    def body(self) -> dict[str, str | bool | None]:
        """Write the intent as JSON, amounts as plain strings."""
        return {
            name: plain(value) if isinstance(value, Decimal) else value
            for name, value in asdict(self).items()
        }


def checked_quantity(intent: OrderIntent, market: Market) -> Decimal:
    r"""Round a quantity down to the market\'s step. Raises InvalidOrderError below its minimum."""
    quantity = _to_step(intent.quantity, market.quantity_step, ROUND_DOWN)
    if quantity <= 0 or quantity < market.minimum_quantity:
        message = f"quantity {intent.quantity:f} is below {market.minimum_quantity:f}"
        raise InvalidOrderError(message)
    return quantity


def checked_price(intent: OrderIntent, market: Market) -> Decimal | None:
    r"""Round a price to the market\'s step; None for MARKET. Raises InvalidOrderError."""
    if intent.order_type is OrderType.MARKET:
        return None
    if intent.order_type is not OrderType.LIMIT or intent.price is None or intent.price <= 0:
        message = "expected a MARKET order, or a LIMIT order with a price"
        raise InvalidOrderError(message)
    return _to_step(intent.price, market.price_step_at(intent.price), ROUND_HALF_EVEN)


def _to_step(amount: Decimal, step: Decimal, rounding: str) -> Decimal:
    return (amount / step).quantize(Decimal(1), rounding=rounding) * step
