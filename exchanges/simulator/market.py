"""
One symbol: its price process, its id counters, its book.

Ids start at the same numbers in every symbol, so they collide across symbols on purpose: an order
id is unique per symbol only. Prices are a seeded random walk on the tick.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exchanges.simulator.book import Book, Offer, draw_offers
from exchanges.simulator.candles import Candles

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from exchanges.simulator.config import SymbolRules

OPPOSITE = {"BUY": "SELL", "SELL": "BUY"}


@dataclass(slots=True, kw_only=True)
class Market:
    """The mutable state of one symbol."""

    rules: SymbolRules
    seed: int
    next_order_id: int
    next_trade_id: int
    price: Decimal
    clock: Callable[[], int]
    candles: Candles
    walk: random.Random
    #: how much of a reached order fills, and by how many counterparties
    fills: random.Random
    book: Book = field(default_factory=Book)
    moves: int = 0
    offers: dict[str, list[Offer]] = field(default_factory=dict)
    #: share of its prices at which the house offers nothing at all (a fault)
    thinness: float = 0.0
    #: nobody may name it any more
    is_delisted: bool = False

    @classmethod
    def opened(
        cls,
        rules: SymbolRules,
        seed: int,
        *,
        first_order_id: int,
        first_trade_id: int,
        clock: Callable[[], int],
    ) -> Market:
        """A market at its start price."""
        return cls(
            rules=rules,
            seed=seed,
            next_order_id=first_order_id,
            next_trade_id=first_trade_id,
            price=rules.start_price,
            clock=clock,
            candles=Candles(rules.start_price, clock()),
            walk=random.Random(f"{seed}:price:{rules.symbol}"),
            fills=random.Random(f"{seed}:fills:{rules.symbol}"),
        )

    def begin_anew(self, first_order_id: int, first_trade_id: int) -> None:
        """Forget every order; ids start again, the price stays."""
        self.next_order_id, self.next_trade_id = first_order_id, first_trade_id
        self.book = Book()

    def take_order_id(self) -> int:
        """The next order id of this symbol."""
        self.next_order_id += 1
        return self.next_order_id - 1

    def take_trade_id(self) -> int:
        """The next trade id of this symbol."""
        self.next_trade_id += 1
        return self.next_trade_id - 1

    def step(self, volatility: float) -> None:
        """Move the price once, at random, on the tick, and never to nothing."""
        tick = self.rules.price_tick
        ticks = round(self.walk.gauss(0.0, volatility) * int(self.price / tick))
        self.move_to(max(self.price + ticks * tick, tick * 1000))

    def move_to(self, price: Decimal) -> None:
        """Set the price; everybody else's offers are drawn anew."""
        self.price = price
        self.candles.note(price, self.clock())
        self.moves += 1
        self.offers.clear()

    def offers_for(self, taker_side: str) -> list[Offer]:
        """What a taker of this side finds of the house's offers, best first; consumed in place."""
        if self.thinness and self._is_thin():
            return []
        found = self.offers.get(taker_side)
        if found is None:
            sign = 1 if taker_side == "BUY" else -1
            seed = f"{self.seed}:offers:{self.rules.symbol}:{self.moves}:{taker_side}"
            found = self.offers[taker_side] = draw_offers(self.rules, self.price, sign, seed)
        return found

    def _is_thin(self) -> bool:
        return random.Random(f"{self.seed}:thin:{self.rules.symbol}:{self.moves}").random() < (
            self.thinness
        )

    def touch(self, side: str) -> Decimal:
        """The best price of one side of the book (`BUY`: the best bid)."""
        offers = self.offers_for(OPPOSITE[side])
        house = offers[0].price if offers else self.price
        order = self.book.best(side)
        if order is None:
            return house
        return max(house, order.price) if side == "BUY" else min(house, order.price)
