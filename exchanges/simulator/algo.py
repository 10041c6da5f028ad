"""
Conditional orders: kept by a service of their own, until the price triggers an ordinary order.

Life: NEW, then at the trigger TRIGGERING, TRIGGERED (the child has its own order id), and FINISHED
when the child has ended, filled or not. They are not in any list of ordinary orders.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator.amounts import ZERO, plain
from exchanges.simulator.frames import average
from exchanges.simulator.orders import NEW, OrderTerms

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.engine import Engine
    from exchanges.simulator.market import Market
    from exchanges.simulator.orders import Order

TRIGGERING: Final = "TRIGGERING"
TRIGGERED: Final = "TRIGGERED"
FINISHED: Final = "FINISHED"
CANCELED: Final = "CANCELED"
REJECTED: Final = "REJECTED"
FIRST_ALGO_ID: Final = 1_000_000_033_225_453
#: what each conditional type becomes, and whether it is a stop (waits for a worse price)
BECOMES: Final = {
    "STOP": ("LIMIT", True),
    "STOP_MARKET": ("MARKET", True),
    "TAKE_PROFIT": ("LIMIT", False),
    "TAKE_PROFIT_MARKET": ("MARKET", False),
}


@dataclass(slots=True, kw_only=True, eq=False)
class AlgoOrder:
    """One conditional order; `terms` are those of the child."""

    account: Account
    algo_id: int
    order_type: str
    terms: OrderTerms
    trigger_price: Decimal
    created: int
    updated: int
    status: str = NEW
    triggered: int = 0
    child: Order | None = None
    failure: str = ""

    @property
    def is_waiting(self) -> bool:
        """Whether it still waits for its price."""
        return self.status == NEW

    def is_due(self, price: Decimal) -> bool:
        """Whether the price has come to its trigger."""
        return is_reached(self.order_type, self.terms.side, self.trigger_price, price)


def is_reached(order_type: str, side: str, trigger_price: Decimal, price: Decimal) -> bool:
    """Whether a price triggers: stops wait for it to run away, profits for it to come."""
    is_rising = (side == "BUY") == BECOMES[order_type][1]
    return price >= trigger_price if is_rising else price <= trigger_price


class AlgoDesk:
    """All conditional orders."""

    def __init__(self, engine: Engine, changed: Callable[[AlgoOrder], None]) -> None:
        """`changed` tells the streams."""
        self._engine = engine
        self._changed = changed
        self._next_id = FIRST_ALGO_ID
        self.orders: dict[int, AlgoOrder] = {}
        engine.watchers.append(self.look)

    def place(
        self, account: Account, order_type: str, terms: OrderTerms, trigger_price: Decimal
    ) -> AlgoOrder:
        """Keep a conditional order."""
        now = self._engine.clock()
        algo = AlgoOrder(
            account=account,
            algo_id=self._next_id,
            order_type=order_type,
            terms=terms,
            trigger_price=trigger_price,
            created=now,
            updated=now,
        )
        self._next_id += 1
        self.orders[algo.algo_id] = algo
        self._changed(algo)
        return algo

    def cancel(self, algo: AlgoOrder) -> None:
        """End a waiting order."""
        self._move(algo, CANCELED)

    def of(self, account: Account) -> list[AlgoOrder]:
        """The conditional orders of an account, oldest first."""
        return [algo for algo in self.orders.values() if algo.account is account]

    def look(self, market: Market) -> None:
        """After a move of the price: trigger what is due, finish what has ended."""
        for algo in list(self.orders.values()):
            if algo.terms.symbol != market.rules.symbol:
                continue
            if algo.is_waiting and algo.is_due(market.price):
                self._trigger(algo)
            if algo.status == TRIGGERED and algo.child and not algo.child.is_open:
                self._move(algo, FINISHED)

    def _trigger(self, algo: AlgoOrder) -> None:
        algo.triggered = self._engine.clock()
        self._move(algo, TRIGGERING)
        position = algo.account.position(algo.terms.symbol, algo.terms.position_side)
        sign = 1 if algo.terms.side == "BUY" else -1
        if algo.terms.reduce_only and position.quantity * sign >= 0:
            algo.failure = "ReduceOnly Order is rejected."
            self._move(algo, REJECTED)
            return
        algo.child = self._engine.place(algo.account, replace(algo.terms))
        self._move(algo, TRIGGERED)

    def _move(self, algo: AlgoOrder, status: str) -> None:
        algo.status, algo.updated = status, self._engine.clock()
        self._changed(algo)


def algo_update(algo: AlgoOrder) -> dict[str, Any]:
    """ALGO_UPDATE."""
    terms, child = algo.terms, algo.child
    failure = {"rm": algo.failure} if algo.failure else {}
    order = {
        "caid": terms.client_id,
        "aid": algo.algo_id,
        "at": "CONDITIONAL",
        "o": algo.order_type,
        "s": terms.symbol,
        "S": terms.side,
        "ps": terms.position_side,
        "f": terms.time_in_force,
        "q": plain(terms.quantity),
        "X": algo.status,
        "ai": str(child.order_id) if child else "",
        "ap": average(child) if child else "0",
        "aq": plain(child.executed if child else ZERO),
        "act": terms.type if child else "",
        "tp": plain(algo.trigger_price),
        "p": plain(terms.price),
        "V": "EXPIRE_MAKER",
        "wt": "CONTRACT_PRICE",
        "pm": "NONE",
        "cp": False,
        "pP": False,
        "R": terms.reduce_only,
        "tt": algo.triggered,
        "gtd": 0,
        **failure,
    }
    return {"e": "ALGO_UPDATE", "T": algo.updated, "E": algo.updated, "o": order}
