"""Several orders of one account, an exchange that says things late, twice, out of turn or never.

Merge and fold together, on spot, one-way and hedge markets: at every moment the positions are what
their executions make of them from zero, and after one fresh look they are the exchange's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from exchanges.messages import OrderStatus, PositionSide, Side, Source
from tests.unit.tracking.domain.builders import a_fill, a_report, a_snapshot, at, seen
from tests.unit.tracking.domain.naive_books import KeptPosition, assert_same, naive
from tracking.domain import positions
from tracking.domain.market_terms import terms_of
from tracking.domain.orders import merge
from tracking.domain.positions import Fill, PositionState, fold, fold_key
from tracking.domain.states import is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.messages import ExecutionReport
    from tracking.domain.evidence import Evidence, OrderState, Transition
    from tracking.domain.executions import ExecutionState

QUANTITY = Decimal(12)
ENDS = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)
MARKETS = {
    "spot": (terms_of("BTC/USDT"), (PositionSide.NET,)),
    "one-way": (terms_of("BTC/USDT:USDT"), (PositionSide.NET,)),
    "hedge": (terms_of("BTC/USDT:USDT"), (PositionSide.LONG, PositionSide.SHORT)),
    "inverse": (terms_of("BTC/USD:BTC", Decimal(100)), (PositionSide.NET,)),
}


@pytest.fixture(autouse=True, scope="module")
def _small_checkpoints() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(positions, "CHECKPOINT_SPACING", 3)
        yield


@dataclass
class ModelOrder:
    """An order at the exchange, with each moment of its life: (status, how many fills)."""

    number: int
    side: Side
    position_side: PositionSide
    fills: list[ExecutionReport] = field(default_factory=list)
    moments: list[tuple[OrderStatus, int]] = field(default_factory=lambda: [(OrderStatus.NEW, 0)])

    @property
    def is_over(self) -> bool:
        return is_terminal(self.moments[-1][0])

    def filled(self, count: int) -> Decimal:
        return sum((f.execution_quantity for f in self.fills[:count]), Decimal(0))

    def quote(self, count: int) -> Decimal:
        parts = (f.execution_quantity * f.execution_price for f in self.fills[:count])
        return sum(parts, Decimal(0))

    def terms(self, count: int, second: int) -> dict[str, object]:
        """What every statement about this order says, when so many fills had happened."""
        return {
            "exchange_order_id": str(self.number),
            "side": self.side,
            "position_side": self.position_side,
            "quantity": QUANTITY,
            "second": second,
            "filled_quote": self.quote(count),
        }

    def frame(self, index: int) -> Evidence:
        """What the stream said when the order came to this moment."""
        status, count = self.moments[index]
        known = self.moments[index - 1][1] if index else 0
        report = a_report(status, str(self.filled(count)), **self.terms(count, index))  # type: ignore[arg-type]
        return seen(report, fills=tuple(self.fills[known:count]))

    def answer(self, index: int, listed: int | None) -> Evidence:
        """What REST says: the order as of a moment, and maybe the trades as of another."""
        status, count = self.moments[index]
        snapshot = a_snapshot(status, str(self.filled(count)), **self.terms(count, index))  # type: ignore[arg-type]
        if listed is None:
            return seen(snapshot)
        shown = self.fills[: self.moments[listed][1]]
        trades = tuple(replace(fill, source=Source.REST_TRADES) for fill in shown)
        return seen(snapshot, fills=trades, complete=True)


class BooksLife(RuleBasedStateMachine):
    """Our books beside the exchange's."""

    orders: list[ModelOrder]

    @initialize(market=st.sampled_from(sorted(MARKETS)))
    def begin(self, market: str) -> None:
        self.terms, self.sides = MARKETS[market]
        self.orders, self.clock = [], 0
        self.states: dict[int, OrderState] = {}
        self.books = {side: KeptPosition(self.terms) for side in self.sides}

    # -- at the exchange

    @precondition(lambda self: len(self.orders) < 4)
    @rule(side=st.sampled_from(Side), data=st.data())
    def an_order_is_placed(self, side: Side, data: st.DataObject) -> None:
        position_side = data.draw(st.sampled_from(self.sides))
        self.orders.append(ModelOrder(len(self.orders) + 1, side, position_side))

    @precondition(lambda self: any(not order.is_over for order in self.orders))
    @rule(part=st.integers(1, 7), price=st.integers(90, 110), data=st.data())
    def an_order_fills(self, part: int, price: int, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from([o for o in self.orders if not o.is_over]))
        count = len(order.fills)
        quantity = min(Decimal(part), QUANTITY - order.filled(count))
        self.clock += data.draw(st.integers(0, 1))
        asset = data.draw(st.sampled_from([self.terms.settle, self.terms.base]))
        order.fills.append(
            a_fill(
                str(count + 1),
                str(quantity),
                str(price),
                exchange_order_id=str(order.number),
                side=order.side,
                position_side=order.position_side,
                executed_at=at(self.clock),
                commission=Decimal("0.01"),
                commission_asset=asset if self.terms.is_spot else self.terms.settle,
            )
        )
        is_last = order.filled(count + 1) == QUANTITY
        status = OrderStatus.FILLED if is_last else OrderStatus.PARTIALLY_FILLED
        order.moments.append((status, count + 1))

    @precondition(lambda self: any(not order.is_over for order in self.orders))
    @rule(status=st.sampled_from(ENDS), data=st.data())
    def an_order_ends(self, status: OrderStatus, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from([o for o in self.orders if not o.is_over]))
        order.moments.append((status, len(order.fills)))

    # -- what reaches us

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def a_frame_arrives(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.orders))
        self.take(order, order.frame(any_moment(order, data)))

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), with_trades=st.booleans())
    def rest_answers(self, data: st.DataObject, *, with_trades: bool) -> None:
        order = data.draw(st.sampled_from(self.orders))
        listed = any_moment(order, data) if with_trades else None
        self.take(order, order.answer(any_moment(order, data), listed))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def a_fill_comes_before_its_fee_is_known(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.orders))
        if order.fills:
            fill = data.draw(st.sampled_from(order.fills))
            bare = replace(fill, commission=None, commission_asset=None, realized_pnl=None)
            self.take(order, seen(fills=(bare,)))

    # -- our books

    def take(self, order: ModelOrder, evidence: Evidence) -> None:
        transition = merge(self.states.get(order.number), evidence)
        self.states[order.number] = transition.after
        self.book(order, transition)

    def book(self, order: ModelOrder, transition: Transition) -> None:
        """As the write path does: new and changed fills are put, voided ones taken away."""
        touched = {e.key: e for e in (*transition.added, *transition.updated)}.values()
        live = [fill_of(order, e) for e in touched if not e.voided]
        position = self.books[order.position_side]
        gone = {fill_of(order, e).key for e in touched if e.voided}
        known = position.entries
        news = [fill for fill in live if known.get(fill.key) != fill]
        position.put(news, gone & known.keys())

    @invariant()
    def positions_are_what_their_executions_make_of_them(self) -> None:
        for side, position in self.books.items():
            entries = [
                fill_of(order, e)
                for order in self.orders
                if order.position_side is side
                for e in getattr(self.states.get(order.number), "executions", ())
                if not e.voided
            ]
            assert position.state == fold(PositionState(), entries, self.terms)
            assert sum(position.closed.values()) == position.state.realized_pnl

    def teardown(self) -> None:
        """One fresh and complete look at each order, and we hold what the exchange holds."""
        for order in self.orders:
            last = len(order.moments) - 1
            self.take(order, order.answer(last, last))
        for side, position in self.books.items():
            facts = [
                fill_of_report(fill)
                for order in self.orders
                if order.position_side is side
                for fill in order.fills
            ]
            assert position.state.execution_count == len(facts)
            assert_same(position.state, naive(facts, self.terms))


def any_moment(order: ModelOrder, data: st.DataObject) -> int:
    return data.draw(st.integers(0, len(order.moments) - 1))


def fill_of(order: ModelOrder, execution: ExecutionState) -> Fill:
    return Fill(
        key=fold_key(
            execution.executed_at,
            str(order.number),
            execution.exchange_trade_id,
            execution.side.value,
            execution.sequence,
        ),
        side=execution.side,
        quantity=execution.execution_quantity,
        price=execution.execution_price,
        commission=execution.commission,
        commission_asset=execution.commission_asset,
    )


def fill_of_report(report: ExecutionReport) -> Fill:
    return Fill(
        key=fold_key(
            report.executed_at,
            report.exchange_order_id,
            report.exchange_trade_id,
            report.side.value,
            0,
        ),
        side=report.side,
        quantity=report.execution_quantity,
        price=report.execution_price,
        commission=report.commission,
        commission_asset=report.commission_asset,
    )


TestBooksLife = BooksLife.TestCase
TestBooksLife.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
