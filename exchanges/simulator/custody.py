"""
How a house keeps what its accounts own: the one thing in which its kinds of market differ.

The engine matches; a custody says what an order holds back while it is open, how much of it may
trade at a price, and what a fill moves. Contracts (`contract_custody`) leave money where it is and
keep positions; spot (`spot_custody`) moves the assets themselves and knows no positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from exchanges.simulator.config import INVERSE, SPOT
from exchanges.simulator.contract_custody import InverseCustody, LinearCustody
from exchanges.simulator.spot_custody import SpotCustody

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.config import SimulatorConfig
    from exchanges.simulator.market import Market
    from exchanges.simulator.orders import Order, OrderTerms

#: commission, its asset, realised result, the position if there is one
Settled: TypeAlias = "tuple[Decimal, str, Decimal, Position | None]"


class Custody(Protocol):
    """One way of keeping. Called for every fill, so it must be quick."""

    def locks(self, order: Order) -> tuple[str, ...]:
        """The assets of which an open order locks something; none if it only wants margin."""

    def hold(self, order: Order) -> None:
        """Make what an open order holds back follow what remains of it."""

    def release(self, order: Order) -> None:
        """Give back what an ended order held."""

    def fillable(self, order: Order, price: Decimal) -> Decimal:
        """How much of an open order may trade at this price."""

    def affords(self, account: Account, terms: OrderTerms) -> bool:
        """Whether the account has what such an order needs."""

    def affords_change(self, order: Order, quantity: Decimal, price: Decimal) -> bool:
        """Whether its account has what the order needs once it is amended."""

    def settle(
        self, order: Order, price: Decimal, quantity: Decimal, cost: Decimal, rate: Decimal
    ) -> Settled:
        """Book what one fill moves, and what its order holds from now on.

        The order counts the fill already; `cost` is price x quantity, `rate` the commission's.
        """


def custody_of(config: SimulatorConfig, markets: Mapping[str, Market]) -> Custody:
    """The custody that a configuration names."""
    if config.custody == SPOT:
        return SpotCustody(config, markets)
    if config.custody == INVERSE:
        return InverseCustody(config, markets)
    return LinearCustody(config, markets)
