"""How an order ends: with its fills, once, and as the exchange says."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges.messages import OrderStatus
from tests.unit.tracking.domain.builders import (
    a_fill,
    a_report,
    a_snapshot,
    kinds,
    live,
    merged,
    ours,
    seen,
)
from tracking.domain.findings import AnomalyKind, Finding
from tracking.domain.orders import merge

if TYPE_CHECKING:
    from tracking.domain.evidence import Evidence

NEW, PARTIAL, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
CANCELLED, EXPIRED, REJECTED = OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED
PENDING, FAILED = OrderStatus.PENDING, OrderStatus.FAILED


def impossible(after: OrderStatus, before: OrderStatus) -> Finding:
    return Finding(
        kind=AnomalyKind.IMPOSSIBLE_TRANSITION,
        detail=f"{after.value} cannot follow {before.value}",
    )


def test_a_late_new_does_not_reopen_a_filled_order() -> None:
    filled = seen(a_report(FILLED, "3", second=2), fills=(a_fill(quantity="3"),))

    transition = merged(filled, seen(a_report(NEW)))

    assert transition.after.status is FILLED
    assert transition.findings == ()


def test_the_end_is_withheld_while_fills_are_unexplained() -> None:
    transition = merged(seen(a_report(FILLED, "3")))

    assert transition.after.status is PARTIAL
    assert transition.after.withheld_status is FILLED
    assert transition.gap == 3
    assert transition.needs_rest


def test_the_greater_of_two_withheld_ends_is_kept() -> None:
    reports = (a_report(EXPIRED, "1"), a_report(CANCELLED, "1"))

    for told in (reports, reports[::-1]):
        assert merged(*map(seen, told)).after.withheld_status is CANCELLED


@pytest.mark.parametrize("end", [CANCELLED, EXPIRED])
def test_a_partly_filled_order_ends_with_its_fills(end: OrderStatus) -> None:
    after = merged(
        seen(a_report(PARTIAL, "1"), fills=(a_fill(),)), seen(a_report(end, "1", second=3))
    ).after

    assert after.status is end
    assert after.withheld_status is None
    assert after.filled_quantity == 1


def test_a_late_fill_after_a_cancel_is_booked_without_reopening() -> None:
    transition = merged(
        seen(a_report(CANCELLED, "0", second=1)),
        seen(a_report(PARTIAL, "1", second=0), fills=(a_fill(),)),
    )

    assert transition.after.status is CANCELLED
    assert transition.after.filled_quantity == 1
    assert transition.findings == (
        Finding(kind=AnomalyKind.LATE_FILL, detail="1 fill(s) after the order was CANCELLED"),
    )


def test_an_ended_order_told_of_more_fills_is_covered_at_once() -> None:
    transition = merged(
        seen(a_report(CANCELLED, second=1)),
        seen(a_report(PARTIAL, "1", average_price=Decimal(90))),
    )

    assert transition.after.status is CANCELLED
    assert live(transition.after) == {"inferred": 1}
    assert transition.after.filled_quote == 90
    assert transition.gap == 0
    assert transition.needs_rest
    assert transition.findings == ()
    real = merge(transition.after, seen(fills=(a_fill(price="90"),)))
    assert live(real.after) == {"1": 1}
    # it was told in time, only not seen
    assert real.findings == ()


@pytest.mark.parametrize("end", [CANCELLED, EXPIRED])
def test_an_end_that_raced_with_the_last_fill_becomes_filled(end: OrderStatus) -> None:
    frames = (
        seen(a_report(end, "0", second=1)),
        seen(a_report(FILLED, "3", second=0), fills=(a_fill(quantity="3"),)),
    )

    for told in (frames, frames[::-1]):
        transition = merged(*told)
        assert transition.after.status is FILLED
        assert AnomalyKind.IMPOSSIBLE_TRANSITION not in kinds(transition)


def test_a_cancelled_order_is_not_filled_by_word_alone() -> None:
    after = merged(seen(a_report(CANCELLED, second=1)), seen(a_report(FILLED, "2"))).after

    assert after.status is CANCELLED
    assert after.filled_quantity == 2


def test_a_cancelled_order_is_not_filled_by_fills_alone() -> None:
    fills = seen(fills=(a_fill(quantity="3"),))

    assert merged(seen(a_report(CANCELLED)), fills).after.status is CANCELLED


@pytest.mark.parametrize(("first", "second"), [(CANCELLED, EXPIRED), (EXPIRED, CANCELLED)])
def test_of_two_ends_that_contradict_the_first_stands_and_it_is_said(
    first: OrderStatus, second: OrderStatus
) -> None:
    transition = merged(seen(a_report(first)), seen(a_report(second, second=1)))

    assert transition.after.status is first
    assert transition.findings == (impossible(second, first),)


def test_an_end_that_was_overtaken_contradicts_nothing() -> None:
    filled = merged(seen(a_report(FILLED, "3"), fills=(a_fill(quantity="3"),))).after

    for end in (CANCELLED, EXPIRED, FILLED):
        transition = merge(filled, seen(a_report(end, "3")))
        assert transition.after.status is FILLED
        assert transition.findings == ()


def test_a_rejected_order_that_the_exchange_cancelled_was_cancelled() -> None:
    frames = (seen(a_report(REJECTED)), seen(a_report(CANCELLED)))

    for told in (frames, frames[::-1]):
        transition = merged(*told)
        assert transition.after.status is CANCELLED
        assert transition.findings == ()


def test_what_was_rejected_with_fills_was_cancelled() -> None:
    after = merged(seen(a_report(REJECTED, "1"), fills=(a_fill(),))).after

    assert after.status is CANCELLED


def test_what_was_rejected_and_then_filled_was_cancelled() -> None:
    rejected = merge(ours(PENDING), seen(a_report(REJECTED))).after

    assert rejected.status is REJECTED
    assert merge(rejected, seen(a_report(REJECTED))).after.status is REJECTED
    late = merge(rejected, seen(a_report(PARTIAL, "1"), fills=(a_fill(),))).after
    assert late.status is CANCELLED


def test_what_was_rejected_and_then_filled_whole_was_filled() -> None:
    rejected = merged(seen(a_report(REJECTED))).after

    late = merge(rejected, seen(a_report(FILLED, "3"), fills=(a_fill(quantity="3"),))).after

    assert late.status is FILLED


def test_the_end_is_refused_where_the_table_has_no_such_turn() -> None:
    partly = merged(seen(a_report(PARTIAL, "1"), fills=(a_fill(),))).after

    transition = merge(partly, seen(a_report(FAILED, "1")))

    assert transition.after.status is PARTIAL
    assert transition.findings == (impossible(FAILED, PARTIAL),)


@pytest.mark.parametrize("status", [NEW, PARTIAL])
def test_an_order_amended_below_what_it_filled_is_filled(status: OrderStatus) -> None:
    filled = seen(a_report(PARTIAL, "2"), fills=(a_fill(quantity="2"),))
    amended = seen(a_report(status, "2", second=1, quantity=Decimal(2)))

    for told in ((filled, amended), (amended, filled)):
        after = merged(*told).after
        assert after.status is FILLED
        assert after.quantity == after.filled_quantity == 2


def test_an_order_of_no_known_size_is_not_filled_by_that() -> None:
    after = merged(seen(a_report(NEW, quantity=Decimal(0)))).after

    assert after.status is NEW


def test_an_order_completely_filled_but_not_told_so_is_asked_about() -> None:
    transition = merged(seen(a_report()), seen(fills=(a_fill(quantity="3"),)))

    assert transition.after.status is PARTIAL
    assert transition.needs_rest


def test_an_unknown_status_keeps_the_state_and_believes_the_progress() -> None:
    transition = merged(seen(a_report()), seen(a_report(None, "1"), fills=(a_fill(),)))

    assert transition.after.status is PARTIAL
    assert transition.findings == (
        Finding(kind=AnomalyKind.UNKNOWN_STATUS, detail="status 'STRANGE' is not known"),
    )


def test_an_unknown_status_ends_nothing_even_when_all_is_filled() -> None:
    whole = seen(a_report(None, "3"), fills=(a_fill(quantity="3"),))

    assert merged(whole).after.status is PARTIAL


def test_why_it_ended_is_said_in_the_words_of_who_told_it_first() -> None:
    told = seen(a_report(CANCELLED, reason="by user"), a_report(NEW, reason="aside"))
    again = seen(a_snapshot(CANCELLED, second=1, reason="otherwise"))

    after = merged(seen(a_report(NEW, reason="noise")), told).after

    assert merged(seen(a_report(NEW, reason="noise"))).after.reason == ""
    assert after.reason == "aside"
    assert merge(after, again).after.reason == "aside"


def test_why_it_ended_is_kept_with_an_end_withheld() -> None:
    withheld = merged(seen(a_report(EXPIRED, "1", reason="IOC"))).after

    assert withheld.reason == "IOC"
    assert merge(withheld, seen(fills=(a_fill(),))).after.reason == "IOC"


def test_a_false_failure_ends_only_with_its_fills() -> None:
    transition = merge(ours(FAILED, reason="never sent"), seen(a_report(FILLED, "3")))

    assert transition.after.status is PARTIAL
    assert transition.after.withheld_status is FILLED
    assert transition.after.reason == ""
    assert live(transition.after) == {}
    after = merge(transition.after, seen(fills=(a_fill(quantity="3"),))).after
    assert after.status is FILLED


@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        pytest.param(seen(a_report()), NEW, id="it works"),
        pytest.param(seen(a_report(PARTIAL, "1"), fills=(a_fill(),)), PARTIAL, id="it filled"),
        pytest.param(seen(fills=(a_fill(),)), PARTIAL, id="a fill shows it"),
        pytest.param(seen(a_report(CANCELLED)), CANCELLED, id="it was cancelled"),
        pytest.param(seen(a_report(REJECTED)), REJECTED, id="it was refused after all"),
    ],
)
def test_a_false_failure_comes_back_as_what_the_exchange_says(
    evidence: Evidence, status: OrderStatus
) -> None:
    transition = merge(ours(FAILED), evidence)

    assert transition.after.status is status
    assert transition.findings[0] == Finding(
        kind=AnomalyKind.FALSE_FAILURE, detail="the exchange has an order we held failed"
    )
