"""
Several orders where an exchange has no request for more than one.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from exchanges.errors import ExchangeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exchanges.messages import OrderSnapshot
    from exchanges.questions import NewOrder


class PlacesOne(Protocol):
    """Sends one order, as `rest.RestClient.place_order` does."""

    def __call__(self, order: NewOrder, *, timeout: float) -> OrderSnapshot:
        """Send it, once."""


def one_after_another(
    place: PlacesOne, orders: Sequence[NewOrder], *, timeout: float
) -> tuple[OrderSnapshot | ExchangeError, ...]:
    """Send orders one after the other, within one time; what became of each, in order."""
    deadline = time.monotonic() + timeout
    return tuple(_one(place, order, deadline) for order in orders)


def _one(place: PlacesOne, order: NewOrder, deadline: float) -> OrderSnapshot | ExchangeError:
    try:
        return place(order, timeout=max(0.0, deadline - time.monotonic()))
    except ExchangeError as error:
        return error
