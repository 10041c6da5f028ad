"""A position kept the simple way: exact fractions, one entry after the other, no checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from exchanges.messages import Side
from tracking.domain.positions import (
    Checkpoints,
    Fill,
    Movement,
    PositionState,
    advance,
    can_extend,
    restart_from,
    rewound,
    steps,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from tracking.domain.market_terms import Terms
    from tracking.domain.positions import Entry


@dataclass
class NaivePosition:
    """What is held, what it was worth when it came, and what came out of it."""

    terms: Terms
    held: Fraction = Fraction(0)
    entry_worth: Fraction = Fraction(0)
    realised: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    funding: Fraction = Fraction(0)
    quote_change: Fraction = Fraction(0)

    def worth(self, quantity: Fraction, price: Fraction) -> Fraction:
        size = Fraction(self.terms.contract_size)
        if self.terms.settle == self.terms.base:
            return quantity * size / price if price else Fraction(0)
        return quantity * size * price

    @property
    def average(self) -> Fraction:
        if not self.held or not self.entry_worth:
            return Fraction(0)
        size = Fraction(self.terms.contract_size)
        worth = self.entry_worth / self.held
        return size / worth if self.terms.settle == self.terms.base else worth / size

    def move(self, quantity: Fraction, price: Fraction) -> None:
        sign = -1 if self.terms.settle == self.terms.base else 1
        closed = Fraction(0)
        if self.held * quantity < 0:
            closed = -min(abs(self.held), abs(quantity)) * (1 if self.held < 0 else -1)
            released = self.entry_worth * closed / self.held
            self.realised += sign * (self.worth(closed, price) - released)
            self.entry_worth -= released
            self.held -= closed
        opened = quantity + closed
        self.entry_worth += self.worth(opened, price) if opened else 0
        self.held += opened

    def take(self, entry: Entry) -> None:
        if isinstance(entry, Movement):
            price = self.average if entry.price is None else Fraction(entry.price)
            if entry.quantity:
                self.move(Fraction(entry.quantity), price)
            self.funding += Fraction(entry.funding)
            self.fees += Fraction(entry.fee)
            return
        quantity, price = Fraction(entry.quantity), Fraction(entry.price)
        paid = Fraction(entry.commission or 0)
        quantity = quantity if entry.side is Side.BUY else -quantity
        if self.terms.is_spot:
            self.quote_change -= quantity * price
        if entry.commission_asset == self.terms.settle:
            self.fees += paid
        elif entry.commission_asset == self.terms.base:
            self.fees += paid * price
            quantity -= paid
        self.move(quantity, price)


def naive(entries: Iterable[Entry], terms: Terms) -> NaivePosition:
    """Fold entries the simple way, in their order."""
    position = NaivePosition(terms)
    for entry in sorted(entries, key=lambda e: e.key):
        position.take(entry)
    return position


def differs(told: Decimal, exact: Fraction) -> Fraction:
    return abs(Fraction(told) - exact)


def assert_same(state: PositionState, position: NaivePosition) -> None:
    """Compare a fold, which rounds at each step, with the exact reading."""
    close = Fraction(1, 10**9)
    assert Fraction(state.quantity) == position.held
    assert Fraction(state.quote_change) == position.quote_change
    assert differs(state.average_price, position.average) < close
    assert differs(state.realized_pnl, position.realised) < close
    assert differs(state.fees, position.fees) < close
    assert differs(state.funding, position.funding) < close


@dataclass
class KeptPosition:
    """A position as the books keep it: a batch at a time, from checkpoints where one comes late."""

    terms: Terms
    entries: dict[str, Entry] = field(default_factory=dict)
    state: PositionState = field(default_factory=PositionState)
    points: Checkpoints = field(default_factory=Checkpoints)
    closed: dict[str, Decimal] = field(default_factory=dict)

    def put(self, batch: Iterable[Entry], gone: Iterable[str] = ()) -> None:
        """Add entries, change those that are known, and take some away."""
        batch, gone = list(batch), set(gone)
        touched = {entry.key for entry in batch} | gone
        changed = touched & self.entries.keys()
        self.entries = {k: e for k, e in self.entries.items() if k not in gone}
        self.entries |= {entry.key: entry for entry in batch}
        self.closed = {k: c for k, c in self.closed.items() if k in self.entries}
        if not touched:
            return
        if changed or not can_extend(self.state, batch):
            start = restart_from(self.points, min(touched), PositionState())
            self.points, self.state = rewound(self.points, start), start
            batch = [e for e in self.entries.values() if e.key > start.folded_key]
        for entry, after in steps(self.state, batch, self.terms):
            self.closed[entry.key] = after.realized_pnl - self.state.realized_pnl
            self.points, self.state = advance(self.points, after), after


def changed_fee(fill: Fill, commission: Decimal) -> Fill:
    """Give the fill as a later statement has it."""
    return replace(fill, commission=commission)
