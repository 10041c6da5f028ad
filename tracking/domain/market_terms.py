"""
What a market's contract means: in which asset it settles, and what a move in price is worth.

The unified symbol says it: `BTC/USDT` is spot, `BTC/USDT:USDT` settles in the quote asset (linear),
`BTC/USD:BTC` in the base asset (inverse); a date may follow (`BTC/USDT:USDT-261225`). Only the size
of one contract has to be told.

Note [Inverse averages]
~~~~~~~~~~~~~~~~~~~~~~~
A contract of an inverse market is worth `size / price` of the base asset. Profits add up only if
the average entry does in those worths: it is the harmonic mean of the prices, weighted by
quantity, where a linear market has the arithmetic one.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

ONE = Decimal(1)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One market's contract. `settle` is what profits are counted in; on spot the quote asset."""

    base: str
    quote: str
    settle: str
    is_spot: bool = False
    contract_size: Decimal = ONE

    @property
    def is_inverse(self) -> bool:
        """Whether profits are counted in the base asset."""
        return not self.is_spot and self.settle == self.base

    def worth(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Give what so many contracts are worth at a price, in the settlement asset.

        At no price at all nothing is worth anything, inverse contracts included.
        """
        if not self.is_inverse:
            return quantity * self.contract_size * price
        return quantity * self.contract_size / price if price else ZERO

    def average(self, held: Decimal, at: Decimal, added: Decimal, price: Decimal) -> Decimal:
        """Give the average entry of two holdings of one sign. See Note [Inverse averages]."""
        worth = self.worth(held, at) + self.worth(added, price)
        total = (held + added) * self.contract_size
        if not self.is_inverse:
            return worth / total
        return total / worth if worth else ZERO

    def profit(self, closed: Decimal, entry: Decimal, price: Decimal) -> Decimal:
        """Give what closing so much brings; `closed` is signed as the holding was."""
        gained = self.worth(closed, price) - self.worth(closed, entry)
        return -gained if self.is_inverse else gained


def terms_of(symbol: str, contract_size: Decimal = ONE) -> Terms:
    """Read a unified symbol. One that is none of ours counts as a linear market of its own."""
    pair, _, settle_and_date = symbol.partition(":")
    base, _, quote = pair.partition("/")
    settle = settle_and_date.partition("-")[0]
    return Terms(
        base=base,
        quote=quote,
        settle=settle or quote,
        is_spot=bool(quote) and not settle,
        contract_size=contract_size,
    )
