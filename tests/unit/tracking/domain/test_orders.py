"""Evidence is merged: whatever its order and repetition, the order ends where the exchange is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.messages import ExecutionKind, OrderStatus, Source
from tests.unit.tracking.domain.builders import (
    a_fill,
    a_report,
    a_snapshot,
    at,
    merged,
    seen,
)
from tracking.domain.evidence import Evidence, OrderState, Verdict
from tracking.domain.findings import AnomalyKind
from tracking.domain.orders import merge

NEW, PARTIAL, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
CANCELLED, EXPIRED, REJECTED = OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED
PENDING, UNKNOWN, FAILED = OrderStatus.PENDING, OrderStatus.UNKNOWN, OrderStatus.FAILED


def live(state: OrderState) -> dict[str, Decimal]:
    return {e.exchange_trade_id: e.execution_quantity for e in state.executions if not e.voided}


def test_a_first_report_opens_an_order() -> None:
    transition = merged(seen(a_report()))

    assert transition.before is None
    assert transition.after.status is NEW
    assert transition.after.quantity == 3


def test_a_fill_makes_an_order_partially_filled() -> None:
    after = merged(seen(a_report(PARTIAL, "1"), fills=(a_fill(),))).after

    assert after.status is PARTIAL
    assert after.filled_quantity == 1
    assert after.filled_quote == 100


def test_a_repeated_frame_changes_nothing() -> None:
    evidence = seen(a_report(PARTIAL, "1"), fills=(a_fill(),))

    assert not merged(evidence, evidence).changed


def test_a_late_new_does_not_reopen_a_filled_order() -> None:
    filled = seen(a_report(FILLED, "3", second=2), fills=(a_fill(quantity="3"),))

    assert merged(filled, seen(a_report(NEW))).after.status is FILLED


def test_a_stale_snapshot_subtracts_nothing() -> None:
    fill = seen(a_report(PARTIAL, "1", second=2), fills=(a_fill(),))

    after = merged(fill, seen(a_snapshot(NEW, "0", second=1))).after

    assert after.filled_quantity == 1
    assert after.status is PARTIAL


def test_the_end_is_withheld_while_fills_are_unexplained() -> None:
    transition = merged(seen(a_report(FILLED, "3")))

    assert transition.after.status is PARTIAL
    assert transition.gap == 3
    assert transition.needs_rest


def test_a_trade_list_that_lags_is_covered_by_one_inferred_fill() -> None:
    transition = merged(seen(a_snapshot(FILLED, "3"), complete=True))

    assert transition.after.status is FILLED
    assert live(transition.after) == {"inferred": Decimal(3)}
    assert transition.after.executions[0].execution_price == 100
    assert transition.needs_rest


def test_the_inferred_fill_shrinks_and_retires_as_real_ones_arrive() -> None:
    first = merged(seen(a_snapshot(FILLED, "3"), complete=True)).after

    partly = merged(seen(fills=(a_fill("1"),)), state=first).after
    wholly = merged(seen(fills=(a_fill("2", quantity="2"),)), state=partly).after

    assert live(partly) == {"inferred": Decimal(2), "1": Decimal(1)}
    assert live(wholly) == {"1": Decimal(1), "2": Decimal(2)}
    assert wholly.filled_quantity == 3
    assert wholly.status is FILLED


@pytest.mark.parametrize("end", [CANCELLED, EXPIRED])
def test_a_partly_filled_order_ends_with_its_fills(end: OrderStatus) -> None:
    after = merged(
        seen(a_report(PARTIAL, "1"), fills=(a_fill(),)), seen(a_report(end, "1", second=3))
    ).after

    assert after.status is end
    assert after.filled_quantity == 1


def test_a_late_fill_after_a_cancel_is_booked_without_reopening() -> None:
    transition = merged(
        seen(a_report(CANCELLED, "0", second=1)),
        seen(a_report(PARTIAL, "1", second=0), fills=(a_fill(),)),
    )

    assert transition.after.status is CANCELLED
    assert transition.after.filled_quantity == 1
    assert AnomalyKind.LATE_FILL in {f.kind for f in transition.findings}


def test_a_cancel_that_raced_with_the_last_fill_ends_filled() -> None:
    after = merged(
        seen(a_report(CANCELLED, "0", second=1)),
        seen(a_report(FILLED, "3", second=0), fills=(a_fill(quantity="3"),)),
    ).after

    assert after.status is FILLED


def test_what_was_rejected_with_fills_was_cancelled() -> None:
    after = merged(seen(a_report(REJECTED, "1"), fills=(a_fill(),))).after

    assert after.status is CANCELLED


def test_one_trade_id_with_two_contents_is_two_fills_and_a_finding() -> None:
    transition = merged(
        seen(a_report(PARTIAL, "1"), fills=(a_fill(quantity="1"),)),
        seen(a_report(PARTIAL, "3"), fills=(a_fill(quantity="2"),)),
    )

    assert transition.after.filled_quantity == 3
    assert [e.sequence for e in transition.after.executions] == [0, 1]
    assert AnomalyKind.SAME_TRADE_ID in {f.kind for f in transition.findings}


def test_an_unknown_status_keeps_the_state_and_believes_the_progress() -> None:
    transition = merged(seen(a_report()), seen(a_report(None, "1"), fills=(a_fill(),)))

    assert transition.after.status is PARTIAL
    assert AnomalyKind.UNKNOWN_STATUS in {f.kind for f in transition.findings}


def test_more_fills_than_ordered_are_booked_and_reported() -> None:
    transition = merged(seen(a_report(FILLED, "4"), fills=(a_fill(quantity="4"),)))

    assert transition.after.filled_quantity == 4
    assert AnomalyKind.OVERFILL in {f.kind for f in transition.findings}


def test_a_snapshot_with_our_sums_verifies_each_fill() -> None:
    after = merged(
        seen(a_report(PARTIAL, "1"), fills=(a_fill(),)), seen(a_snapshot(PARTIAL, "1", second=1))
    ).after

    assert all(e.verified for e in after.executions)
    assert after.verified


def test_a_snapshot_with_another_sum_verifies_nothing() -> None:
    after = merged(
        seen(a_report(PARTIAL, "1"), fills=(a_fill(),)),
        seen(a_snapshot(PARTIAL, "1", second=1, filled_quote=Decimal(101))),
    ).after

    assert not any(e.verified for e in after.executions)


def test_the_exchange_may_round_its_sum_in_the_last_place() -> None:
    fill = a_fill(quantity="0.333", price="100.001")
    after = merged(
        seen(a_report(PARTIAL, "0.333"), fills=(fill,)),
        seen(a_snapshot(PARTIAL, "0.333", filled_quote=Decimal("33.30"))),
    ).after

    assert all(e.verified for e in after.executions)


def test_an_amendment_takes_the_newer_terms_whatever_comes_first() -> None:
    old, new = a_report(second=1), a_report(second=2, quantity=Decimal(5), price=Decimal(99))

    for evidence in ((old, new), (new, old)):
        after = merged(*map(seen, evidence)).after
        assert after.quantity == 5
        assert after.price == 99


def test_an_order_known_only_by_its_fills_is_closed_with_them() -> None:
    after = merged(seen(fills=(a_fill("1"), a_fill("2")))).after

    assert after.status is FILLED
    assert after.filled_quantity == after.quantity == 2


def ours(status: OrderStatus) -> OrderState:
    return OrderState(
        status=status,
        side=a_report().side,
        quantity=Decimal(3),
        client_order_id="mine",
        price=Decimal(100),
    )


def judged(status: OrderStatus) -> Evidence:
    return Evidence(verdict=Verdict(status=status, reason="because"))


@pytest.mark.parametrize("verdict", [UNKNOWN, REJECTED, FAILED])
def test_a_verdict_on_a_pending_order_is_believed(verdict: OrderStatus) -> None:
    after = merge(ours(PENDING), judged(verdict)).after

    assert after.status is verdict
    assert after.reason == ("" if verdict is UNKNOWN else "because")


def test_a_statement_beats_a_verdict() -> None:
    evidence = Evidence(
        statements=(a_report(),), verdict=Verdict(status=UNKNOWN, reason="no answer")
    )

    assert merge(ours(PENDING), evidence).after.status is NEW


def test_a_verdict_comes_too_late_for_an_order_that_works() -> None:
    assert merge(ours(NEW), judged(UNKNOWN)).after.status is NEW
    refused = merge(ours(NEW), judged(FAILED))
    assert refused.after.status is NEW
    assert refused.findings[0].kind is AnomalyKind.IMPOSSIBLE_TRANSITION


@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        pytest.param(seen(a_report()), NEW, id="it works"),
        pytest.param(seen(a_report(PARTIAL, "1"), fills=(a_fill(),)), PARTIAL, id="it filled"),
        pytest.param(seen(a_report(CANCELLED)), CANCELLED, id="it was cancelled"),
    ],
)
def test_a_false_failure_comes_back_as_what_the_exchange_says(
    evidence: Evidence, status: OrderStatus
) -> None:
    transition = merge(ours(FAILED), evidence)

    assert transition.after.status is status
    assert AnomalyKind.FALSE_FAILURE in {f.kind for f in transition.findings}


def test_an_order_completely_filled_but_not_told_so_is_asked_about() -> None:
    transition = merged(seen(a_report()), seen(fills=(a_fill(quantity="3"),)))

    assert transition.after.status is PARTIAL
    assert transition.needs_rest


def test_the_trades_list_corrects_a_fee() -> None:
    better = a_fill(source=Source.REST_TRADES, commission=Decimal("0.02"))

    after = merged(seen(a_report(PARTIAL, "1"), fills=(a_fill(),)), seen(fills=(better,))).after

    assert [e.commission for e in after.executions] == [Decimal("0.02")]
    assert after.executions[0].verified


def test_a_fee_not_told_is_filled_in_and_never_zero() -> None:
    bare = a_fill(commission=None, commission_asset=None, is_maker=None, realized_pnl=None)
    first = merged(seen(a_report(PARTIAL, "1"), fills=(bare,))).after

    assert first.executions[0].commission is None
    after = merged(seen(fills=(a_fill(),)), state=first).after
    assert after.executions[0].commission == Decimal("0.01")
    assert after.executions[0].is_maker


@st.composite
def lives(draw: st.DrawFn) -> list[Evidence]:
    """One order's whole life as frames: it opens, fills in parts, and ends."""
    parts: list[int] = draw(st.lists(st.integers(1, 4), min_size=0, max_size=5))
    is_filled = draw(st.booleans()) and bool(parts)
    quantity = Decimal(sum(parts) + (0 if is_filled else 2))
    frames, filled = [seen(a_report(NEW, quantity=quantity))], 0
    for number, part in enumerate(parts, start=1):
        filled += part
        status = FILLED if filled == quantity else PARTIAL
        frames.append(
            seen(
                a_report(status, str(filled), second=number, quantity=quantity),
                fills=(a_fill(str(number), str(part), str(100 + number)),),
            )
        )
    if filled != quantity:
        end = draw(st.sampled_from([CANCELLED, EXPIRED]))
        frames.append(seen(a_report(end, str(filled), second=99, quantity=quantity)))
    return frames


@given(lives(), st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_frames_ends_the_same(
    frames: list[Evidence], random: object
) -> None:
    straight = merged(*frames).after
    shuffled = frames * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    mixed = merged(*shuffled).after

    assert mixed.status == straight.status
    assert mixed.filled_quantity == straight.filled_quantity
    assert mixed.filled_quote == straight.filled_quote
    assert {e.key: e for e in mixed.executions} == {e.key: e for e in straight.executions}


@given(lives(), st.data())
def test_lost_frames_are_made_good_by_one_look_at_rest(
    frames: list[Evidence], data: st.DataObject
) -> None:
    whole = merged(*frames).after
    kept = [f for f in frames if data.draw(st.booleans())]
    fills = tuple(f for item in frames for f in item.executions)
    snapshot = a_snapshot(
        whole.status,
        str(whole.filled_quantity),
        second=100,
        quantity=whole.quantity,
        filled_quote=whole.filled_quote,
    )

    after = merged(*kept, seen(snapshot, fills=fills, complete=True)).after

    assert after.status == whole.status
    assert after.filled_quote == whole.filled_quote
    assert live(after) == live(whole)


@given(lives())
def test_progress_never_shrinks_and_an_end_stays(frames: list[Evidence]) -> None:
    state: OrderState | None = None
    for evidence in (*frames, *reversed(frames)):
        transition = merge(state, evidence)
        if transition.before:
            assert transition.after.filled_quantity >= transition.before.filled_quantity
            ended = transition.before.status in {FILLED, CANCELLED, EXPIRED}
            assert not ended or transition.after.status == transition.before.status
        state = transition.after


def test_conservation_holds_for_closed_orders() -> None:
    after = merged(
        seen(a_report(NEW)),
        seen(a_report(CANCELLED, "2", second=5)),
        seen(a_snapshot(CANCELLED, "2", second=5), fills=(a_fill(),), complete=True),
    ).after

    assert sum(live(after).values()) == after.filled_quantity == 2
    assert after.exchange_updated_at == at(5)


def test_a_partly_filled_order_that_is_gone_ends_by_verdict() -> None:
    partly = merged(seen(a_report(PARTIAL, "1"), fills=(a_fill(),))).after

    assert merge(partly, judged(CANCELLED)).after.status is CANCELLED
    assert merge(partly, judged(FAILED)).after.status is PARTIAL


def test_a_verdict_ends_nothing_while_fills_are_unexplained() -> None:
    partly = merged(seen(a_report(PARTIAL, "1"))).after

    assert merge(partly, judged(CANCELLED)).after.status is PARTIAL


def test_a_false_failure_ends_only_with_its_fills() -> None:
    transition = merge(ours(FAILED), seen(a_report(FILLED, "3")))

    assert transition.after.status is PARTIAL
    assert transition.after.withheld_status is FILLED
    after = merge(transition.after, seen(fills=(a_fill(quantity="3"),))).after
    assert after.status is FILLED


def test_a_failure_found_twice_is_not_a_false_one() -> None:
    assert merge(ours(FAILED), judged(FAILED)).findings == ()


def test_what_was_rejected_and_then_filled_was_cancelled() -> None:
    rejected = merge(ours(PENDING), seen(a_report(REJECTED))).after

    assert rejected.status is REJECTED
    late = merge(rejected, seen(a_report(PARTIAL, "1"), fills=(a_fill(),))).after
    assert late.status is CANCELLED


def test_a_told_sum_outlives_the_first_real_fill() -> None:
    told = a_snapshot(FILLED, "3", filled_quote=Decimal(330))
    guessed = merged(seen(told, complete=True)).after

    after = merge(guessed, seen(a_report(PARTIAL, "1", second=-1), fills=(a_fill(),))).after

    assert after.filled_quote == 330


def test_a_gap_without_any_price_told_is_covered_at_the_limit() -> None:
    bare = a_snapshot(PARTIAL, "2", filled_quote=None)

    first = merged(seen(bare, complete=True)).after
    mixed = merged(seen(bare, fills=(a_fill(price="90"),), complete=True)).after

    assert first.filled_quote == 200
    assert mixed.filled_quote == 180


def test_an_average_tells_the_sum_where_no_sum_is_told() -> None:
    told = a_report(PARTIAL, "2", average_price=Decimal(101))

    assert merged(seen(told)).after.filled_quote == 202


def test_only_the_stream_says_why_a_fill_happened() -> None:
    listed = a_fill(source=Source.REST_TRADES)
    streamed = a_fill(kind=ExecutionKind.LIQUIDATION)

    for fills in ((listed, streamed), (streamed, listed)):
        after = merged(*(seen(a_report(PARTIAL, "1"), fills=(f,)) for f in fills)).after
        assert [e.kind for e in after.executions] == [ExecutionKind.LIQUIDATION]


def test_sums_that_agree_do_not_tell_a_fee() -> None:
    fee_known = a_fill("1")
    fee_unknown = a_fill("2", commission=None, commission_asset=None)
    after = merged(
        seen(a_report(OrderStatus.PARTIALLY_FILLED, "2"), fills=(fee_known, fee_unknown)),
        seen(a_snapshot(OrderStatus.PARTIALLY_FILLED, "2")),
    ).after

    assert [e.verified for e in after.executions] == [True, False]


def test_a_fill_already_confirmed_stays_so_while_another_is_checked() -> None:
    first = a_fill(source=Source.REST_TRADES)
    fills = seen(a_report(PARTIAL, "2"), fills=(first, a_fill("2")))

    after = merged(fills, seen(a_snapshot(PARTIAL, "2", second=1))).after

    assert all(e.verified for e in after.executions)


def test_the_end_is_refused_where_the_table_has_no_such_turn() -> None:
    partly = merged(seen(a_report(PARTIAL, "1"), fills=(a_fill(),))).after

    transition = merge(partly, seen(a_report(FAILED, "1")))

    assert transition.after.status is PARTIAL
    assert transition.findings[0].kind is AnomalyKind.IMPOSSIBLE_TRANSITION


def test_an_order_is_changed_by_a_fill_that_its_totals_already_told() -> None:
    guessed = merged(seen(a_snapshot(PARTIAL, "1"), complete=True))

    transition = merge(guessed.after, seen(fills=(a_fill(source=Source.REST_TRADES),)))

    assert transition.changed
    assert guessed.closes is False
    assert merged(seen(a_snapshot(CANCELLED))).closes


def test_a_gap_in_an_order_known_by_its_fills_is_dated_by_them() -> None:
    known = merged(seen(fills=(a_fill("1"), a_fill("2")))).after
    first, second = known.executions
    voided = replace(known, executions=(first, replace(second, voided=True)))

    after = merge(voided, seen(fills=(a_fill("1"),), complete=True)).after

    assert [e.executed_at for e in after.executions if e.is_inferred] == [at(2)]
