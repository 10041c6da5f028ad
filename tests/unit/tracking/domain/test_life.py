"""A model exchange and a network that loses, repeats, reorders and delays what it says.

Whatever reaches us, and whenever, our order ends where the exchange's order is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from exchanges.messages import OrderStatus, Source
from tests.unit.tracking.domain.builders import a_fill, a_report, a_snapshot, seen
from tracking.domain.evidence import Evidence, OrderState, Verdict
from tracking.domain.orders import merge
from tracking.domain.states import SUCCESSORS, is_terminal

if TYPE_CHECKING:
    from exchanges.messages import ExecutionReport

QUANTITY = 12
ENDS = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)


@dataclass(frozen=True)
class Moment:
    """The exchange's order after one of its changes."""

    status: OrderStatus
    fills: tuple[ExecutionReport, ...]

    @property
    def filled(self) -> Decimal:
        return sum((f.execution_quantity for f in self.fills), Decimal(0))

    @property
    def quote(self) -> Decimal:
        return sum((f.execution_quantity * f.execution_price for f in self.fills), Decimal(0))


@dataclass
class ModelExchange:
    """One order, every moment of its life, and what it said of each."""

    moments: list[Moment] = field(default_factory=lambda: [Moment(OrderStatus.NEW, ())])

    @property
    def now(self) -> Moment:
        return self.moments[-1]

    @property
    def is_over(self) -> bool:
        return is_terminal(self.now.status)

    def fill(self, part: int, price: int) -> None:
        part = min(part, QUANTITY - int(self.now.filled))
        number = len(self.now.fills) + 1
        fills = (*self.now.fills, a_fill(str(number), str(part), str(price)))
        is_last = Moment(self.now.status, fills).filled == QUANTITY
        status = OrderStatus.FILLED if is_last else OrderStatus.PARTIALLY_FILLED
        self.moments.append(Moment(status, fills))

    def end(self, status: OrderStatus) -> None:
        self.moments.append(Moment(status, self.now.fills))

    def frame(self, index: int) -> Evidence:
        """What the stream said when the order came to this moment."""
        moment = self.moments[index]
        known = self.moments[index - 1].fills if index else ()
        report = a_report(
            moment.status,
            str(moment.filled),
            second=index,
            quantity=Decimal(QUANTITY),
            average_price=moment.quote / moment.filled if moment.filled else None,
        )
        return seen(report, fills=moment.fills[len(known) :])

    def answer(self, index: int, listed: int, *, with_trades: bool) -> Evidence:
        """What REST says: the order as of a moment, and the trade list as of another."""
        moment = self.moments[index]
        snapshot = a_snapshot(
            moment.status,
            str(moment.filled),
            second=index,
            quantity=Decimal(QUANTITY),
            filled_quote=moment.quote,
        )
        if not with_trades:
            return seen(snapshot)
        return seen(snapshot, fills=rest_fills(self.moments[listed]), complete=True)


def rest_fills(moment: Moment) -> tuple[ExecutionReport, ...]:
    filled = range(1, len(moment.fills) + 1)
    return tuple(
        a_fill(
            str(number),
            str(fill.execution_quantity),
            str(fill.execution_price),
            source=Source.REST_TRADES,
        )
        for number, fill in zip(filled, moment.fills, strict=True)
    )


class OrderLife(RuleBasedStateMachine):
    """Our order beside the exchange's."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = ModelExchange()
        self.state: OrderState | None = None

    @initialize(ours=st.booleans())
    def begin(self, *, ours: bool) -> None:
        if ours:
            self.state = OrderState(
                status=OrderStatus.PENDING,
                side=a_report().side,
                quantity=Decimal(QUANTITY),
                client_order_id="mine",
            )

    def take(self, evidence: Evidence) -> None:
        before = self.state
        transition = merge(before, evidence)
        self.state = after = transition.after
        assert not merge(after, evidence).order_changed
        if before is not None:
            assert after.filled_quantity >= before.filled_quantity
            if is_terminal(before.status):
                assert after.status in {before.status, *SUCCESSORS[before.status]}

    @precondition(lambda self: not self.exchange.is_over)
    @rule(part=st.integers(1, 5), price=st.integers(90, 110))
    def fills(self, part: int, price: int) -> None:
        self.exchange.fill(part, price)

    @precondition(lambda self: not self.exchange.is_over)
    @rule(status=st.sampled_from(ENDS))
    def ends(self, status: OrderStatus) -> None:
        self.exchange.end(status)

    @rule(data=st.data())
    def a_frame_arrives(self, data: st.DataObject) -> None:
        """Any frame ever sent: late, again, or before others. One never drawn is lost."""
        self.take(self.exchange.frame(self.any_moment(data)))

    @rule(data=st.data(), with_trades=st.booleans())
    def rest_answers(self, data: st.DataObject, *, with_trades: bool) -> None:
        """An answer as old as may be, its trade list as of any moment: it may lag or lead."""
        index, listed = self.any_moment(data), self.any_moment(data)
        self.take(self.exchange.answer(index, listed, with_trades=with_trades))

    @rule(data=st.data())
    def a_trade_list_shows_the_order(self, data: st.DataObject) -> None:
        """As a bulk question about others does: fills without a word about the order."""
        fills = rest_fills(self.exchange.moments[self.any_moment(data)])
        if fills and self.state is not None:
            self.take(seen(fills=fills))

    @precondition(lambda self: self.state is not None)
    @rule()
    def our_answer_is_lost(self) -> None:
        self.take(Evidence(verdict=Verdict(status=OrderStatus.UNKNOWN, reason="no answer")))

    def any_moment(self, data: st.DataObject) -> int:
        return data.draw(st.integers(0, len(self.exchange.moments) - 1))

    @invariant()
    def nothing_is_booked_that_did_not_happen(self) -> None:
        if self.state is not None:
            assert self.state.filled_quantity <= self.exchange.now.filled
            live = [e for e in self.state.executions if not e.voided]
            assert sum(e.execution_quantity for e in live) <= self.state.filled_quantity

    @invariant()
    def an_end_is_the_exchanges_and_comes_with_its_fills(self) -> None:
        if self.state is not None and is_terminal(self.state.status):
            assert self.state.status is self.exchange.now.status
            live = [e for e in self.state.executions if not e.voided]
            assert sum(e.execution_quantity for e in live) == self.state.filled_quantity
            assert sum(e.is_inferred for e in live) <= 1

    def teardown(self) -> None:
        """One fresh and complete look, and we are where the exchange is."""
        last = len(self.exchange.moments) - 1
        self.take(self.exchange.answer(last, last, with_trades=True))
        assert self.state is not None
        assert self.state.status is self.exchange.now.status
        assert self.state.withheld_status is None
        assert self.state.filled_quantity == self.exchange.now.filled
        assert self.state.filled_quote == self.exchange.now.quote
        booked = [e for e in self.state.executions if not e.voided]
        assert sorted(int(e.exchange_trade_id) for e in booked) == list(
            range(1, len(self.exchange.now.fills) + 1)
        )
        assert all(e.verified for e in booked)


TestOrderLife = OrderLife.TestCase
TestOrderLife.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
