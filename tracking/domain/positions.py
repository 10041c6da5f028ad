"""
Positions are a fold of executions and postings, in one order that everyone agrees on.

Note [The fold]
~~~~~~~~~~~~~~~
The order of fills is (executed_at, exchange_order_id, exchange_trade_id, side, sequence); ids of
digits compare as numbers. A posting comes after the fills of its millisecond, by its own key. An
entry after the last folded one extends the fold; any other makes us fold again from a checkpoint
before it, or from zero. A checkpoint is the fold's own earlier value, so starting there gives the
same bytes as starting from zero. Amounts are rounded to 18 places, half even, at each step, so
that a rebuild cannot differ by a last digit.

Note [What a fill moves]
~~~~~~~~~~~~~~~~~~~~~~~~
What is bought and what is sold, in contracts; on spot also the commission, where it is taken in the
base asset itself: who buys 1 and pays 0.001 of it holds 0.999. Crossing zero is split there: one
part closes, the rest opens at the fill's price. A fill that goes beyond what is held where nothing
can be (spot, one side of hedge mode) is folded all the same: it stays with its owner, the holding
goes beyond zero, and `is_oversold` tells it.

Note [The other leg]
~~~~~~~~~~~~~~~~~~~~
On spot what is paid and received in the quote asset is one's own as well: `quote_change` is the
exact sum, commissions apart, from which `domain.balances` tells what is held of each asset.

Note [Fees]
~~~~~~~~~~~
`realized_pnl` is gross. `fees` are the commissions in the settlement asset: as they are, at the
fill's price (base asset on spot), or at the rate stored with the fill (any third asset). What has
no rate waits in `unvalued`, and while something does there is no `net_pnl`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from exchanges.messages import PositionSide, Side
from tracking.domain.executions import ZERO, quantised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from decimal import Decimal

    from tracking.domain.market_terms import Terms

#: How many executions a checkpoint trails behind the head, at least and twice that at most.
CHECKPOINT_SPACING = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """An execution as a position sees it. `key` orders entries; see `fold_key`."""

    key: str
    side: Side
    quantity: Decimal
    price: Decimal
    commission: Decimal | None = None
    commission_asset: str | None = None
    #: what one unit of the commission's asset was worth in the settlement asset, if known
    commission_rate: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A posting as a position sees it. `key` orders entries; see `posting_key`."""

    key: str
    #: signed change of what is held
    quantity: Decimal = ZERO
    #: at which it came or went; None: at the average held, so that nothing is realised
    price: Decimal | None = None
    #: received (positive) or paid for holding
    funding: Decimal = ZERO
    #: any other charge; negative is a credit
    fee: Decimal = ZERO
    #: of `funding` and `fee`
    asset: str = ""


Entry = Fill | Movement


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionState:
    """Net holding in one market: positive is long, negative is short."""

    quantity: Decimal = ZERO
    average_price: Decimal = ZERO
    #: gross, in the settlement asset. See Note [Fees]
    realized_pnl: Decimal = ZERO
    commissions: Mapping[str, Decimal] = field(default_factory=dict)
    fees: Decimal = ZERO
    unvalued: Mapping[str, Decimal] = field(default_factory=dict)
    funding: Decimal = ZERO
    #: signed, exact; on spot only. See Note [The other leg]
    quote_change: Decimal = ZERO
    execution_count: int = 0
    folded_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """Two earlier values of the fold; the older one is safe to start from again."""

    base: PositionState = PositionState()
    candidate: PositionState = PositionState()


def fold_key(
    executed_at: datetime, exchange_order_id: str, exchange_trade_id: str, side: str, sequence: int
) -> str:
    """Write the fold order as a string: comparing keys compares fills."""
    order, trade = _natural(exchange_order_id), _natural(exchange_trade_id)
    return f"{_instant(executed_at)}|{order}|{trade}|{side}|{sequence:05d}"


def posting_key(posted_at: datetime, key: str) -> str:
    """Write a posting's place in the fold order: after the fills of its millisecond."""
    return f"{_instant(posted_at)}|~{key}"


def _instant(at: datetime) -> str:
    return f"{round(at.timestamp() * 1000):015d}"


def _natural(identifier: str) -> str:
    """Prefix the length, so that 9 comes before 10."""
    return f"{len(identifier):03d}{identifier}"


def change_of(entry: Entry, terms: Terms) -> Decimal:
    """Give the signed change of what is held. See Note [What a fill moves]."""
    if isinstance(entry, Movement):
        return entry.quantity
    signed = entry.quantity if entry.side is Side.BUY else -entry.quantity
    if terms.is_spot and entry.commission_asset == terms.base and entry.commission is not None:
        return signed - entry.commission
    return signed


def quote_change_of(entry: Entry, terms: Terms) -> Decimal:
    """Give the signed change of the quote asset. See Note [The other leg]."""
    if isinstance(entry, Movement) or not terms.is_spot:
        return ZERO
    paid = entry.quantity * entry.price
    return -paid if entry.side is Side.BUY else paid


def apply(position: PositionState, entry: Entry, terms: Terms) -> PositionState:
    """Fold one entry in. See Note [The fold]."""
    quantity, average, realized = _moved(position, change_of(entry, terms), entry.price, terms)
    costs = _Costs(position.fees, position.funding, position.commissions, position.unvalued)
    if isinstance(entry, Fill):
        costs = _paid(costs, entry, terms)
    else:
        costs = _moved_money(costs, entry, terms)
    return PositionState(
        quantity=quantity,
        average_price=average,
        realized_pnl=realized,
        commissions=costs.commissions,
        fees=costs.fees,
        unvalued=costs.unvalued,
        funding=costs.funding,
        quote_change=position.quote_change + quote_change_of(entry, terms),
        execution_count=position.execution_count + isinstance(entry, Fill),
        folded_key=entry.key,
    )


def _moved(
    position: PositionState, change: Decimal, price: Decimal | None, terms: Terms
) -> tuple[Decimal, Decimal, Decimal]:
    """Opening moves the average, closing realises PnL, crossing zero does both."""
    held, average, pnl = position.quantity, position.average_price, position.realized_pnl
    total = held + change
    at = average if price is None else price
    if not change:
        return held, average, pnl
    if held * change >= ZERO:
        average = quantised(terms.average(held, average, change, at))
    else:
        closed = min(abs(held), abs(change)).copy_sign(held)
        pnl = quantised(pnl + terms.profit(closed, average, at))
        average = at if held * total < ZERO else (average if total else ZERO)
    return total, average, pnl


class _Costs(NamedTuple):
    """What holding and trading has cost and brought besides profits."""

    fees: Decimal
    funding: Decimal
    commissions: Mapping[str, Decimal]
    unvalued: Mapping[str, Decimal]


def _paid(costs: _Costs, fill: Fill, terms: Terms) -> _Costs:
    """Count what was paid, and its worth. See Note [Fees]."""
    asset, paid = fill.commission_asset, fill.commission
    if paid is None or asset is None:
        return costs
    commissions = _added(costs.commissions, asset, paid)
    if asset == terms.settle:
        worth = paid
    elif terms.is_spot and asset == terms.base:
        worth = paid * fill.price
    elif fill.commission_rate is not None:
        worth = paid * fill.commission_rate
    else:
        unvalued = _added(costs.unvalued, asset, paid)
        return costs._replace(commissions=commissions, unvalued=unvalued)
    return costs._replace(fees=quantised(costs.fees + worth), commissions=commissions)


def _moved_money(costs: _Costs, movement: Movement, terms: Terms) -> _Costs:
    """Count funding and charges; in an asset that is not the settlement's they have no worth."""
    cost = movement.fee - movement.funding
    if movement.asset not in {"", terms.settle} and cost:
        return costs._replace(unvalued=_added(costs.unvalued, movement.asset, cost))
    return costs._replace(
        fees=quantised(costs.fees + movement.fee),
        funding=quantised(costs.funding + movement.funding),
    )


def _added(sums: Mapping[str, Decimal], asset: str, amount: Decimal) -> Mapping[str, Decimal]:
    return {**sums, asset: sums.get(asset, ZERO) + amount}


def net_pnl(
    realized_pnl: Decimal, fees: Decimal, funding: Decimal, *, unvalued: bool
) -> Decimal | None:
    """Give profit after fees and funding; None while a commission's worth is not known."""
    return None if unvalued else realized_pnl - fees + funding


def is_oversold(quantity: Decimal, position_side: PositionSide, terms: Terms) -> bool:
    """Say whether a holding is beyond zero where nothing can be held."""
    if position_side is PositionSide.SHORT:
        return quantity > ZERO
    return quantity < ZERO and (terms.is_spot or position_side is PositionSide.LONG)


def steps(
    position: PositionState, entries: Iterable[Entry], terms: Terms
) -> Iterator[tuple[Entry, PositionState]]:
    """Fold entries in, in fold order whatever order they come in; give the fold after each."""
    for entry in sorted(entries, key=lambda e: e.key):
        position = apply(position, entry, terms)
        yield entry, position


def fold(position: PositionState, entries: Iterable[Entry], terms: Terms) -> PositionState:
    """Fold entries in and give the end of it."""
    end = position
    for _, end in steps(position, entries, terms):  # noqa: B007 - the last one counts
        pass
    return end


def can_extend(position: PositionState, entries: Iterable[Entry]) -> bool:
    """Say whether all entries come after everything already folded."""
    return all(entry.key > position.folded_key for entry in entries)


def advance(checkpoints: Checkpoints, after: PositionState) -> Checkpoints:
    """Move the checkpoints along, after each entry that was folded."""
    if after.execution_count - checkpoints.candidate.execution_count < CHECKPOINT_SPACING:
        return checkpoints
    return Checkpoints(base=checkpoints.candidate, candidate=after)


def rewound(checkpoints: Checkpoints, start: PositionState) -> Checkpoints:
    """Drop the checkpoints that are made wrong by folding again from `start`."""
    if not start.folded_key:
        return Checkpoints()
    if checkpoints.candidate.folded_key <= start.folded_key:
        return checkpoints
    return Checkpoints(base=start, candidate=start)


def restart_from(
    checkpoints: Checkpoints, earliest_key: str, opening: PositionState
) -> PositionState:
    """Give the latest earlier fold that an entry at `earliest_key` does not invalidate."""
    for point in (checkpoints.candidate, checkpoints.base):
        if point.folded_key and point.folded_key < earliest_key:
            return point
    return opening
