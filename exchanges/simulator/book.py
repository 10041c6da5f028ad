"""
The book of one symbol: accounts' resting orders, and the seeded liquidity of everybody else.

Resting orders stand in price-time priority. The house's offers are drawn anew after every move of
the price, from a generator seeded by (seed, symbol, move), so that asking for them or not changes
nothing that is drawn later.
"""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.simulator.amounts import down_to_step

if TYPE_CHECKING:
    from exchanges.simulator.config import SymbolRules
    from exchanges.simulator.orders import Order

LEVELS = 10
#: what one offer of the house is worth, in about dollars
OFFER_NOTIONAL = (100, 2_000)
#: the last offer: deep enough that a market order seldom runs out
DEEP_NOTIONAL = 5_000_000

#: (price towards the taker, arrival): the first is the best
Rank = tuple[Decimal, int]


class Book:
    """Resting orders of both sides in price-time priority."""

    def __init__(self) -> None:
        """An empty book."""
        self._ranks: dict[str, list[Rank]] = {"BUY": [], "SELL": []}
        self._orders: dict[Rank, Order] = {}
        self._rank_of: dict[int, Rank] = {}
        self._arrivals = 0

    def add(self, order: Order) -> None:
        """Put an order behind all others of its price."""
        self._arrivals += 1
        rank = (-order.price * order.sign, self._arrivals)
        insort(self._ranks[order.terms.side], rank)
        self._orders[rank] = order
        self._rank_of[order.order_id] = rank

    def remove(self, order: Order) -> None:
        """Take an order out, if it is in."""
        rank = self._rank_of.pop(order.order_id, None)
        if rank is None:
            return
        ranks = self._ranks[order.terms.side]
        del ranks[bisect_left(ranks, rank)]
        del self._orders[rank]

    def best(self, side: str) -> Order | None:
        """The order of this side that trades first."""
        ranks = self._ranks[side]
        return self._orders[ranks[0]] if ranks else None

    def reached(self, side: str, price: Decimal) -> list[Order]:
        """The orders of this side that the market's price has reached, best first."""
        limit = -price if side == "BUY" else price
        return [self._orders[rank] for rank in self._ranks[side] if rank[0] <= limit]

    def on_side(self, side: str) -> list[Order]:
        """Every order of this side, best first."""
        return [self._orders[rank] for rank in self._ranks[side]]


@dataclass(slots=True, kw_only=True)
class Offer:
    """What one counterparty of the house would trade."""

    price: Decimal
    quantity: Decimal


def draw_offers(rules: SymbolRules, price: Decimal, sign: int, seed: str) -> list[Offer]:
    """The house's offers above (sign 1) or below (-1) a price, best first."""
    chance = random.Random(seed)
    offers = [
        _offer(
            rules, price + sign * (level + 1) * rules.price_tick, chance.randint(*OFFER_NOTIONAL)
        )
        for level in range(LEVELS)
        for _ in range(chance.randint(1, 3))
    ]
    deepest = price + sign * (LEVELS + 1) * rules.price_tick
    return [*offers, _offer(rules, deepest, DEEP_NOTIONAL)]


def _offer(rules: SymbolRules, price: Decimal, notional: int) -> Offer:
    step = rules.quantity_step
    worth = notional * rules.quote_unit
    quantity = max(down_to_step(worth / (rules.contract_size or price), step), step)
    return Offer(price=price, quantity=quantity)
