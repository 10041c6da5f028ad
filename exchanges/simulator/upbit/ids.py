"""
Upbit's ids: UUIDs of orders and of fills, which say nothing of when or in which market.

They are hashes of the engine's numbers, so a run can be repeated; who has made one remembers what
it stands for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid5

if TYPE_CHECKING:
    from exchanges.simulator.orders import Execution, Order

#: the market and the engine's number
Key = tuple[str, int]


class Ids:
    """The ids that were given."""

    def __init__(self, seed: int) -> None:
        """Other seeds make other ids."""
        self._seed = seed
        self._of_order: dict[Key, str] = {}
        self._orders: dict[str, Key] = {}

    def of_order(self, order: Order) -> str:
        """The id of an order, always the same."""
        key = (order.symbol, order.order_id)
        found = self._of_order.get(key)
        if found is None:
            found = self._of_order[key] = self._hash("order", *key)
            self._orders[found] = key
        return found

    def of_fill(self, fill: Execution) -> str:
        """The id of a fill."""
        return self._hash("trade", fill.order.symbol, fill.trade_id)

    def order(self, text: str) -> Key | None:
        """What an id of an order stands for."""
        return self._orders.get(text)

    def _hash(self, kind: str, symbol: str, number: int) -> str:
        return str(uuid5(NAMESPACE_OID, f"upbit:{self._seed}:{kind}:{symbol}:{number}"))
