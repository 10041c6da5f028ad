"""A model exchange, and a network that loses, repeats, reorders and delays what it says.

Our processes crash and read their inbox again, our searches find nothing, and staff denies fills.
Whatever reaches us, and whenever, our order ends where the exchange's order is.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from exchanges.messages import OrderStatus
from tests.unit.tracking.domain.builders import a_fill, judged, kinds, ours, seen
from tests.unit.tracking.domain.model_exchange import FEE, QUANTITY, ModelExchange
from tracking.domain.evidence import Evidence, OrderState
from tracking.domain.executions import ExecutionState, total_quantity
from tracking.domain.findings import AnomalyKind
from tracking.domain.orders import merge
from tracking.domain.states import IN_FLIGHT, SUCCESSORS, is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchanges.messages import ExecutionReport

ENDS = (OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED)
Content = tuple[str, Decimal, Decimal]


def contents(fills: Iterable[ExecutionState | ExecutionReport]) -> Counter[Content]:
    """Which fills these are, whatever sequence they were given."""
    return Counter((f.exchange_trade_id, f.execution_price, f.execution_quantity) for f in fills)


def live(state: OrderState) -> list[ExecutionState]:
    return [e for e in state.executions if not e.voided]


class OrderLife(RuleBasedStateMachine):
    """Our order beside the exchange's."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = ModelExchange()
        self.state: OrderState | None = None
        #: what was committed, one after the other, and the frames received until then
        self.commits: list[tuple[OrderState | None, int]] = []
        self.inbox: list[Evidence] = []

    @initialize(is_ours=st.booleans(), is_of_funds=st.booleans())
    def begin(self, *, is_ours: bool, is_of_funds: bool) -> None:
        # we place none without a quantity, but others may
        self.exchange.is_of_funds = is_of_funds and not is_ours
        if is_ours:
            self.state = ours(OrderStatus.PENDING, quantity=QUANTITY)

    def take(self, evidence: Evidence) -> None:
        before = self.state
        transition = merge(before, evidence)
        self.commits.append((before, len(self.inbox)))
        self.state = after = transition.after
        if self.exchange.is_of_funds:
            assert AnomalyKind.OVERFILL not in kinds(transition)
        again = merge(after, evidence)
        assert not again.order_changed
        assert not again.updated
        assert not again.added
        if before is not None:
            assert after.filled_quantity >= before.filled_quantity
            if is_terminal(before.status) and not before.resolved_by_absence:
                assert after.status in {before.status, *SUCCESSORS[before.status]}

    # --------------------------------------------------------------------- the exchange ----

    @precondition(lambda self: self.exchange.may_still_fill)
    @rule(
        part=st.integers(1, 5),
        price=st.integers(90, 110),
        is_id_used_again=st.booleans(),
        fee=st.sampled_from([None, FEE, Decimal("0.01"), Decimal("-0.01")]),
    )
    def fills(self, part: int, price: int, *, is_id_used_again: bool, fee: Decimal | None) -> None:
        self.exchange.fill(part, price, is_id_used_again=is_id_used_again, streamed_fee=fee)

    @precondition(lambda self: not self.exchange.is_over)
    @rule(status=st.sampled_from(ENDS))
    def ends(self, status: OrderStatus) -> None:
        self.exchange.end(status)

    @precondition(lambda self: not self.exchange.is_over and not self.exchange.is_of_funds)
    @rule(quantity=st.integers(1, 20), in_same_moment=st.booleans())
    def is_amended(self, quantity: int, *, in_same_moment: bool) -> None:
        self.exchange.amend(Decimal(quantity), in_same_moment=in_same_moment)

    # --------------------------------------------------------------- what reaches us of it ----

    @rule(data=st.data())
    def a_frame_arrives(self, data: st.DataObject) -> None:
        """Any frame ever sent: late, again, or before others. One never drawn is lost."""
        frame = self.exchange.frame(self.any_moment(data))
        self.inbox.append(frame)
        self.take(frame)

    @rule(data=st.data(), with_trades=st.booleans())
    def rest_answers(self, data: st.DataObject, *, with_trades: bool) -> None:
        """An answer as old as may be, its trade list as of any moment: it may lag or lead."""
        index, listed = self.any_moment(data), self.any_moment(data)
        self.take(self.exchange.answer(index, listed, with_trades=with_trades))

    @rule(data=st.data())
    def a_trade_list_shows_the_order(self, data: st.DataObject) -> None:
        """As a bulk question about others does: fills without a word about the order."""
        fills = self.exchange.listed_fills(self.any_moment(data))
        if fills:
            self.take(seen(fills=fills))

    @precondition(lambda self: self.state is not None)
    @rule(trade_id=st.sampled_from(["", "-1"]))
    def a_match_was_prevented(self, trade_id: str) -> None:
        self.take(seen(fills=(a_fill(trade_id, "5"),)))

    def any_moment(self, data: st.DataObject) -> int:
        return data.draw(st.integers(0, len(self.exchange.moments) - 1))

    # ------------------------------------------------------------------- what befalls us ----

    @precondition(lambda self: self.state is not None)
    @rule()
    def our_answer_is_lost(self) -> None:
        self.take(judged(OrderStatus.UNKNOWN, "no answer"))

    @precondition(lambda self: self.state is not None)
    @rule()
    def nobody_finds_the_order(self) -> None:
        """Three times not found, and yet it may be there."""
        assert self.state is not None
        was_accepted = self.state.status not in IN_FLIGHT
        verdict = OrderStatus.CANCELLED if was_accepted else OrderStatus.FAILED
        self.take(judged(verdict, "not found", by_absence=True))

    @precondition(lambda self: self.state is not None and bool(live(self.state)))
    @rule(data=st.data())
    def staff_denies_a_fill(self, data: st.DataObject) -> None:
        assert self.state is not None
        denied = data.draw(st.sampled_from(live(self.state)))
        self.take(Evidence(disclaimed=(denied.key,)))

    @precondition(lambda self: self.commits)
    @rule(data=st.data())
    def we_crash(self, data: st.DataObject) -> None:
        """The last transactions were never committed; the inbox is read again, and then some."""
        lost = data.draw(st.integers(1, min(3, len(self.commits))))
        self.state, received = self.commits[-lost]
        del self.commits[-lost:]
        for frame in self.inbox[max(0, received - 2) :]:
            self.take(frame)

    # --------------------------------------------------------------------- what is true ----

    @invariant()
    def nothing_is_booked_that_did_not_happen(self) -> None:
        if self.state is not None:
            assert self.state.filled_quantity <= self.exchange.now.filled
            assert total_quantity(live(self.state)) <= self.state.filled_quantity
            assert sum(e.is_inferred for e in live(self.state)) <= 1
            real = [e for e in self.state.executions if not e.is_inferred]
            assert contents(real) <= contents(self.exchange.now.fills)
            assert not any(e.disclaimed and not e.voided for e in self.state.executions)

    @invariant()
    def an_end_is_the_exchanges_and_comes_with_its_fills(self) -> None:
        if self.state is None or not is_terminal(self.state.status):
            return
        if not self.state.resolved_by_absence:
            told = {moment.status for moment in self.exchange.moments}
            if OrderStatus.REJECTED in told:
                # an answer may be older than the fills beside it, and what filled was not rejected
                told.add(OrderStatus.CANCELLED)
            assert self.state.status in told
        denied = [e for e in self.state.executions if e.disclaimed]
        assert self.state.filled_quantity <= total_quantity([*live(self.state), *denied])
        assert self.state.withheld_status is None

    def teardown(self) -> None:
        """One fresh and complete look, and we are where the exchange is."""
        last, now = len(self.exchange.moments) - 1, self.exchange.now
        self.take(self.exchange.answer(last, last, with_trades=True))
        assert self.state is not None
        assert self.state.status is now.status
        assert self.state.verified
        assert not self.state.resolved_by_absence
        assert self.state.withheld_status is None
        assert self.state.quantity == self.exchange.quantity_told(now)
        assert self.state.filled_quantity == now.filled
        assert self.state.filled_quote == now.quote
        self.check_fills(self.state)
        for index in range(last + 1):
            assert not merge(self.state, self.exchange.frame(index)).order_changed

    def check_fills(self, state: OrderState) -> None:
        """Each fill of the exchange is booked once, unless it was denied."""
        real = [e for e in state.executions if not e.is_inferred]
        assert contents(real) == contents(self.exchange.now.fills)
        assert all(e.disclaimed or not e.voided for e in real)
        assert all(e.verified and e.commission == FEE for e in real)
        assert not any(e.is_inferred for e in live(state))


TestOrderLife = OrderLife.TestCase
TestOrderLife.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
