"""What spot tells of an order beyond what the engine knows of it, and in which words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from exchanges.simulator.orders import Order

#: no order list
NO_LIST: Final = -1


@dataclass(slots=True, kw_only=True)
class Remark:
    """Notes on one order."""

    #: the client id of the request that cancelled it
    cancel_id: str = ""
    #: its client id before it was amended
    former_id: str = ""
    #: since when it could trade, if it had to wait for its price
    working_since: int | None = None
    amendments: list[dict[str, Any]] = field(default_factory=list)


#: of orders of which there is nothing to say
NOTHING: Final = Remark()


class Remarks:
    """The notes on all orders of a house."""

    def __init__(self) -> None:
        """Nothing is noted."""
        self._notes: dict[Order, Remark] = {}

    def of(self, order: Order) -> Remark:
        """What is noted of an order; not to be written to."""
        return self._notes.get(order, NOTHING)

    def note(self, order: Order) -> Remark:
        """The note of an order, to be written to."""
        return self._notes.setdefault(order, Remark())

    def working_time(self, order: Order) -> int:
        """Since when an order can trade; -1 while it waits for its price."""
        if order.is_waiting:
            return -1
        return self.of(order).working_since or order.created


def shown_type(order: Order) -> str:
    """The type of an order: the engine knows LIMIT and MARKET, triggers and post-only."""
    terms = order.terms
    if not terms.trigger_price:
        return "LIMIT_MAKER" if terms.time_in_force == "GTX" else terms.type
    is_stop = (terms.side == "BUY") == terms.trigger_rises
    kind = "STOP_LOSS" if is_stop else "TAKE_PROFIT"
    return f"{kind}_LIMIT" if terms.type == "LIMIT" else kind


def shown_time_in_force(order: Order) -> str:
    """How long it stays; post-only is a type here."""
    given = order.terms.time_in_force
    return "GTC" if given == "GTX" else given


def places(order: Order) -> int:
    """Decimal places of amounts: eight, and more where a price times a quantity needs them."""
    return max(8, order.rules.price_places + order.rules.quantity_places)
