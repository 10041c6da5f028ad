"""
Executions are a set.

Identity inside an order is (exchange_trade_id, side, sequence). The same id with the same content
is a repeat and can only add what was not known (fee, maker, the REST verdict); the same id with
other content is another fill that the exchange numbered badly: it gets the next `sequence`
(hummingbot #5037, nautilus #3081). Whatever the exchange says of its order's totals beyond the
real executions is covered by at most one *inferred* execution, recomputed at every merge. What
staff disclaims stays as a voided mark and is neither counted nor covered by a guess.

Note [Inverse sums]
~~~~~~~~~~~~~~~~~~~
The average price of an order is what its fills come to, price times quantity, for its quantity.
Contracts of an inverse market are worth `size / price` of a coin each: what adds up there are
coins, and the average is the contracts for those (a harmonic mean). So the "quote" of an inverse
fill is quantity / price, the coins for a contract size of 1, rounded to 36 places, half up as
databases do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING

from exchanges.messages import ExecutionKind, ExecutionReport, MarketType, Side, Source

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

ZERO = Decimal(0)
#: what numeric(38,18) keeps
PLACES = Decimal(1).scaleb(-18)
INFERRED_ID = "inferred"

#: what numeric(76,36) keeps
QUOTE_PLACES = Decimal(1).scaleb(-36)
#: enough for any quotient to be rounded once only
_DIVIDING = Context(prec=100)

ExecutionKey = tuple[str, str, int]


def quantised(amount: Decimal) -> Decimal:
    """Round to what the database keeps: 18 places, half even."""
    return amount.quantize(PLACES, rounding=ROUND_HALF_EVEN)


def quote_of(price: Decimal, quantity: Decimal, *, is_inverse: bool) -> Decimal:
    """Give what a fill adds to its order's quote. See Note [Inverse sums]."""
    if not is_inverse:
        return price * quantity
    if not price:
        return ZERO
    return _DIVIDING.divide(quantity, price).quantize(QUOTE_PLACES, ROUND_HALF_UP, _DIVIDING)


def average_of(quote: Decimal, quantity: Decimal, *, is_inverse: bool) -> Decimal:
    """Give the average price of a quantity that came to so much; 0 if it came to nothing."""
    whole, parts = (quantity, quote) if is_inverse else (quote, quantity)
    return whole / parts if parts else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionState:
    """One fill as we hold it."""

    exchange_trade_id: str
    side: Side
    execution_price: Decimal
    execution_quantity: Decimal
    executed_at: datetime
    source: Source
    sequence: int = 0
    kind: ExecutionKind = ExecutionKind.TRADE
    is_maker: bool | None = None
    commission: Decimal | None = None
    commission_asset: str | None = None
    realized_pnl: Decimal | None = None
    verified: bool = False
    voided: bool = False
    #: staff said it did not happen: voided for good, and no guess stands for it
    disclaimed: bool = False
    #: of an inverse market. See Note [Inverse sums]
    is_inverse: bool = False

    @property
    def key(self) -> ExecutionKey:
        """Identity inside the order."""
        return self.exchange_trade_id, self.side.value, self.sequence

    @property
    def quote(self) -> Decimal:
        """What it adds to its order's quote: exact price times quantity."""
        return quote_of(self.execution_price, self.execution_quantity, is_inverse=self.is_inverse)

    @property
    def is_inferred(self) -> bool:
        """Whether this stands for fills not yet seen."""
        return self.source is Source.INFERRED


def is_fill(report: ExecutionReport) -> bool:
    """Say whether a report tells a fill; else only the order's own totals may.

    An exchange that matched nothing says so by a trade id of "" or -1 (Binance on trade prevention)
    or a quantity of zero; a frame may come before its price is known.
    """
    is_named = report.exchange_trade_id not in {"", "-1"}
    is_priced = report.execution_price > ZERO or report.source is Source.REST_TRADES
    return is_named and is_priced and report.execution_quantity > ZERO


def from_report(report: ExecutionReport) -> ExecutionState:
    """Take a report's content; one read from the trades list is verified by that.

    A fee of no asset is not told: Binance's spot names none beside a fee of zero.
    """
    return ExecutionState(
        exchange_trade_id=report.exchange_trade_id,
        side=report.side,
        execution_price=report.execution_price,
        execution_quantity=report.execution_quantity,
        executed_at=report.executed_at,
        source=report.source,
        kind=report.kind,
        is_maker=report.is_maker,
        commission=report.commission if report.commission_asset else None,
        commission_asset=report.commission_asset,
        realized_pnl=report.realized_pnl,
        verified=report.source is Source.REST_TRADES,
        is_inverse=report.market_type is MarketType.COIN_FUTURES,
    )


@dataclass(slots=True)
class ExecutionSet:
    """The executions of one order while evidence is merged into them."""

    known: dict[ExecutionKey, ExecutionState]
    added: dict[ExecutionKey, ExecutionState]
    updated: dict[ExecutionKey, ExecutionState]
    #: trade ids that came with different content
    clashes: list[str]

    @classmethod
    def of(cls, executions: Iterable[ExecutionState]) -> ExecutionSet:
        """Start from what is stored."""
        return cls({e.key: e for e in executions}, {}, {}, [])

    def live(self) -> list[ExecutionState]:
        """Real executions that count: neither inferred nor voided."""
        return [e for e in self.known.values() if not e.voided and not e.is_inferred]

    def counted(self) -> list[ExecutionState]:
        """Give what the order's sums count: real executions and the guess that stands."""
        return [e for e in self.known.values() if not e.voided]

    def disclaimed(self) -> list[ExecutionState]:
        """Real executions that did not happen, as staff says."""
        return [e for e in self.known.values() if e.disclaimed and not e.is_inferred]

    def inferred(self) -> ExecutionState | None:
        """Give the order's inferred execution, live or retired."""
        return next((e for e in self.known.values() if e.is_inferred), None)

    def put(self, execution: ExecutionState) -> None:
        """Store a new or changed execution and remember which it was."""
        key = execution.key
        if key not in self.known or key in self.added:
            self.added[key] = execution
        elif self.known[key] != execution:
            self.updated[key] = execution
        self.known[key] = execution

    def absorb(self, seen: ExecutionState) -> None:
        """Add one fill, or what it tells about a fill already known."""
        sequence = 0
        while held := self.known.get((seen.exchange_trade_id, seen.side.value, sequence)):
            if _same_fill(held, seen):
                self.put(_enriched(held, seen))
                return
            sequence += 1
        if sequence:
            self.clashes.append(seen.exchange_trade_id)
        self.put(replace(seen, sequence=sequence))

    def disclaim(self, keys: Iterable[ExecutionKey]) -> None:
        """Void these for good: no repeat brings one back."""
        for key in keys:
            if held := self.known.get(key):
                self.put(replace(held, voided=True, disclaimed=True))

    def verify_all(self) -> None:
        """Mark real executions as confirmed by REST; a fee not told yet only its trades tell."""
        for execution in self.live():
            if not execution.verified and execution.commission is not None:
                self.put(replace(execution, verified=True))

    def retire_inferred(self) -> None:
        """Void the inferred execution: real ones explain everything."""
        held = self.inferred()
        if held and not held.voided:
            self.put(replace(held, voided=True))

    def cover(
        self, gap: Decimal, gap_quote: Decimal, at: datetime, side: Side, *, is_inverse: bool
    ) -> None:
        """Let one inferred execution stand for a positive `gap`; a disclaimed one stays voided."""
        held = self.inferred()
        price = quantised(average_of(max(gap_quote, ZERO), gap, is_inverse=is_inverse))
        if held is not None:
            is_voided = held.disclaimed
            guess = replace(held, execution_price=price, execution_quantity=gap, voided=is_voided)
        else:
            guess = ExecutionState(
                exchange_trade_id=INFERRED_ID,
                side=side,
                execution_price=price,
                execution_quantity=gap,
                executed_at=at,
                source=Source.INFERRED,
                is_inverse=is_inverse,
            )
        self.put(guess)


def _same_fill(held: ExecutionState, seen: ExecutionState) -> bool:
    return (
        held.execution_price == seen.execution_price
        and held.execution_quantity == seen.execution_quantity
    )


def _enriched(held: ExecutionState, seen: ExecutionState) -> ExecutionState:
    """Add what was not known. The trades list corrects the fee, a stream frame never does."""
    told = held
    if seen.commission is not None and (held.commission is None or _corrects(held, seen)):
        told = replace(told, commission=seen.commission, commission_asset=seen.commission_asset)
    if held.realized_pnl is None or (_corrects(held, seen) and seen.realized_pnl is not None):
        told = replace(told, realized_pnl=seen.realized_pnl)
    if held.is_maker is None and seen.is_maker is not None:
        told = replace(told, is_maker=seen.is_maker)
    if held.kind is ExecutionKind.TRADE:
        # the trades list cannot say why; the stream can
        told = replace(told, kind=seen.kind)
    if seen.verified and not held.verified:
        told = replace(told, verified=True)
    return told


def _corrects(held: ExecutionState, seen: ExecutionState) -> bool:
    return seen.source is Source.REST_TRADES and (
        held.commission != seen.commission
        or held.commission_asset != seen.commission_asset
        or held.realized_pnl != seen.realized_pnl
    )


def total_quantity(executions: Iterable[ExecutionState]) -> Decimal:
    """Sum the quantities."""
    return sum((e.execution_quantity for e in executions), ZERO)


def total_quote(executions: Iterable[ExecutionState]) -> Decimal:
    """Sum what fills come to, exactly. See Note [Inverse sums]."""
    return sum((e.quote for e in executions), ZERO)
