"""What we conclude ourselves counts until the exchange says a word."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exchanges.messages import ExecutionKind, OrderStatus, OrderType, Source, TimeInForce
from tests.unit.tracking.domain.builders import (
    a_fill,
    a_report,
    a_snapshot,
    judged,
    kinds,
    live,
    merged,
    ours,
    seen,
)
from tracking.domain.evidence import Evidence, OrderState, Verdict
from tracking.domain.findings import AnomalyKind, Finding
from tracking.domain.orders import merge

NEW, PARTIAL, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
CANCELLED, EXPIRED, REJECTED = OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED
PENDING, UNKNOWN, FAILED = OrderStatus.PENDING, OrderStatus.UNKNOWN, OrderStatus.FAILED


@pytest.mark.parametrize("verdict", [UNKNOWN, REJECTED, FAILED])
def test_a_verdict_on_a_pending_order_is_believed(verdict: OrderStatus) -> None:
    after = merge(ours(PENDING), judged(verdict)).after

    assert after.status is verdict
    assert after.reason == ("" if verdict is UNKNOWN else "because")
    assert not after.resolved_by_absence


def test_a_statement_beats_a_verdict() -> None:
    evidence = Evidence(
        statements=(a_report(),), verdict=Verdict(status=UNKNOWN, reason="no answer")
    )

    assert merge(ours(PENDING), evidence).after.status is NEW


def test_a_statement_says_why_where_a_verdict_stands_beside_it() -> None:
    evidence = Evidence(
        statements=(a_report(CANCELLED),),
        verdict=Verdict(status=CANCELLED, reason="not found", by_absence=True),
    )

    after = merge(ours(NEW), evidence).after

    assert after.reason == ""
    assert not after.resolved_by_absence


def test_a_verdict_comes_too_late_for_an_order_that_works() -> None:
    doubted = merge(ours(NEW), judged(UNKNOWN))
    refused = merge(ours(NEW), judged(FAILED))

    assert doubted.after.status is refused.after.status is NEW
    assert doubted.findings == ()
    assert refused.findings == (
        Finding(kind=AnomalyKind.IMPOSSIBLE_TRANSITION, detail="FAILED cannot follow NEW"),
    )


def test_a_partly_filled_order_that_is_gone_ends_by_verdict() -> None:
    partly = merged(seen(a_report(PARTIAL, "1"), fills=(a_fill(),))).after

    assert merge(partly, judged(CANCELLED)).after.status is CANCELLED
    assert merge(partly, judged(FAILED)).after.status is PARTIAL


def test_a_verdict_ends_nothing_while_fills_are_unexplained() -> None:
    partly = merged(seen(a_report(PARTIAL, "1"))).after

    assert merge(partly, judged(CANCELLED)).after.status is PARTIAL


def test_a_verdict_is_weighed_against_the_fills_beside_it() -> None:
    evidence = replace(judged(FAILED), executions=(a_fill(),))

    transition = merge(ours(PENDING), evidence)

    assert transition.after.status is PARTIAL
    assert transition.findings[0].detail == "FAILED cannot follow PARTIALLY_FILLED"


def test_a_failure_found_twice_is_not_a_false_one() -> None:
    assert merge(ours(FAILED), judged(FAILED)).findings == ()


def absent(state: OrderState | None = None) -> OrderState:
    state = state or merged(seen(a_report())).after
    return merge(state, judged(CANCELLED, "not found 3 times", by_absence=True)).after


def test_an_order_nobody_finds_ends_by_absence() -> None:
    after = absent()

    assert after.status is CANCELLED
    assert after.resolved_by_absence
    assert after.reason == "not found 3 times"


def test_any_word_of_the_exchange_reverses_an_absence() -> None:
    transition = merge(absent(), seen(a_report()))

    assert transition.after.status is NEW
    assert not transition.after.resolved_by_absence
    assert transition.after.reason == ""
    assert transition.findings == (
        Finding(
            kind=AnomalyKind.FALSE_ABSENCE,
            detail="the exchange knows an order we held CANCELLED by absence",
        ),
    )


def test_a_new_fill_reverses_an_absence() -> None:
    transition = merge(absent(), seen(fills=(a_fill(),)))

    assert transition.after.status is PARTIAL
    assert AnomalyKind.FALSE_ABSENCE in kinds(transition)


def test_a_fill_known_before_reverses_no_absence() -> None:
    fill = seen(a_report(PARTIAL, "1"), fills=(a_fill(),))

    transition = merge(absent(merged(fill).after), seen(fills=(a_fill(),)))

    assert transition.after.status is CANCELLED
    assert transition.after.resolved_by_absence
    assert not transition.changed


def test_an_absence_the_exchange_confirms_was_none_of_ours() -> None:
    transition = merge(absent(), seen(a_snapshot(CANCELLED, reason="by user", second=1)))

    assert transition.after.status is CANCELLED
    assert not transition.after.resolved_by_absence
    assert transition.after.reason == "by user"
    assert transition.findings == ()


def test_an_absent_order_comes_back_with_its_end_withheld() -> None:
    transition = merge(absent(), seen(a_report(FILLED, "3")))

    assert transition.after.status is PARTIAL
    assert transition.after.withheld_status is FILLED
    assert transition.gap == 3


def test_a_failure_by_absence_that_was_false_is_told_once() -> None:
    failed = merge(ours(UNKNOWN), judged(FAILED, by_absence=True)).after

    assert failed.resolved_by_absence
    assert kinds(merge(failed, seen(a_report()))) == {AnomalyKind.FALSE_ABSENCE}


def test_an_absence_concluded_again_changes_nothing() -> None:
    assert not merge(absent(), judged(CANCELLED, by_absence=True)).changed


def test_an_end_the_exchange_told_is_not_one_by_absence() -> None:
    told = merged(seen(a_report(CANCELLED))).after
    withheld = merged(seen(a_report(CANCELLED, "1"))).after
    both = replace(judged(CANCELLED, by_absence=True), executions=(a_fill(),))

    assert not merge(told, judged(CANCELLED, by_absence=True)).after.resolved_by_absence
    assert merge(withheld, both).after.status is CANCELLED
    assert not merge(withheld, both).after.resolved_by_absence


def test_an_order_forgotten_after_its_last_fill_was_filled() -> None:
    whole = merged(seen(a_report()), seen(fills=(a_fill(quantity="3"),))).after

    after = absent(whole)

    assert after.status is FILLED
    assert after.resolved_by_absence
    assert merge(whole, judged(CANCELLED)).after.status is CANCELLED
    sizeless = replace(whole, quantity=Decimal(0))
    assert absent(sizeless).status is CANCELLED
    assert merge(after, seen(fills=(a_fill("2"),))).after.status is PARTIAL


def test_an_absence_the_table_forbids_is_not_concluded() -> None:
    transition = merge(ours(NEW), judged(FAILED, by_absence=True))

    assert transition.after.status is NEW
    assert not transition.after.resolved_by_absence


def listed(trade_id: str, quantity: str = "1") -> Any:
    return a_fill(trade_id, quantity, source=Source.REST_TRADES)


def test_an_order_known_only_by_its_fills_is_closed_with_them() -> None:
    after = merged(seen(fills=(listed("1"), listed("2"), listed("2")))).after

    assert after.status is FILLED
    assert after.filled_quantity == after.quantity == 2
    assert after.resolved_by_absence
    assert after.exchange_order_id == "7"
    assert after.order_type is OrderType.OTHER
    assert after.time_in_force is TimeInForce.OTHER
    assert after.reason == "the exchange no longer knows the order, only its fills"


def test_an_order_known_only_by_its_fills_grows_with_them() -> None:
    first, second = seen(fills=(listed("1"),)), seen(fills=(listed("2", "2"),))

    for told in ((first, second), (second, first)):
        transition = merged(*told)
        assert transition.after.status is FILLED
        assert transition.after.quantity == 3
        assert kinds(transition) == {AnomalyKind.LATE_FILL}


def test_an_order_known_only_by_its_fills_is_what_the_exchange_says_of_it() -> None:
    known = merged(seen(fills=(a_fill(),))).after

    after = merge(known, seen(a_report(PARTIAL, "1"))).after

    assert after.status is PARTIAL
    assert after.quantity == 3
    assert live(after) == {"1": 1}


def test_an_order_heard_of_without_a_fill_or_a_word_is_not_known() -> None:
    transition = merged(seen(fills=(a_fill("-1"),)))

    assert transition.after.status is UNKNOWN
    assert transition.after.executions == ()
    assert transition.after.reason == ""
    assert not transition.after.resolved_by_absence
    assert transition.needs_rest
    filled = merge(transition.after, seen(fills=(a_fill(),))).after
    assert (filled.status, filled.quantity) == (PARTIAL, Decimal(1))


def test_an_order_the_stream_tells_only_fills_of_is_alive_and_as_large_as_they_are() -> None:
    first, second = seen(fills=(a_fill("1"),)), seen(fills=(a_fill("2", "2"),))

    for told in ((first, second), (second, first)):
        transition = merged(*told)
        assert (transition.after.status, transition.after.quantity) == (PARTIAL, Decimal(3))
        assert transition.after.exchange_order_id == "7"
        assert not transition.after.resolved_by_absence
        assert transition.needs_rest
        assert kinds(transition) == set()


@pytest.mark.parametrize("kind", [ExecutionKind.DELIVERY, ExecutionKind.SETTLEMENT])
def test_what_is_settled_without_an_order_is_closed_with_its_fill(kind: ExecutionKind) -> None:
    after = merged(seen(fills=(a_fill(kind=kind),))).after

    assert (after.status, after.quantity) == (FILLED, Decimal(1))


def test_an_order_of_ours_is_named_by_its_first_fill() -> None:
    after = merge(ours(PENDING), seen(fills=(a_fill(),))).after

    assert (after.exchange_order_id, after.status) == ("7", PARTIAL)
    assert after.quantity == ours(PENDING).quantity


def test_an_order_its_exchange_forgot_is_marked_until_it_says_a_word() -> None:
    verdict = judged(CANCELLED, "not found 3 times", by_absence=True, is_forgotten=True)

    forgotten = merged(seen(a_snapshot()), verdict).after

    assert (forgotten.status, forgotten.unverifiable) == (CANCELLED, True)
    assert merge(forgotten, verdict).after.unverifiable
    told = merge(forgotten, seen(a_snapshot(EXPIRED, second=1))).after
    assert (told.status, told.unverifiable) == (EXPIRED, False)


def test_an_end_the_exchange_told_needs_no_memory() -> None:
    verdict = judged(CANCELLED, "not found 3 times", by_absence=True, is_forgotten=True)

    assert not merged(seen(a_snapshot(EXPIRED)), verdict).after.unverifiable
    assert not merged(seen(a_snapshot()), judged(CANCELLED, by_absence=True)).after.unverifiable
