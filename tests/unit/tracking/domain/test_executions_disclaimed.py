"""What staff says did not happen stays a mark: not counted, not repeated, not guessed again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from exchanges.messages import OrderStatus, Source
from tests.unit.tracking.domain.builders import (
    a_fill,
    a_report,
    a_snapshot,
    denied,
    key,
    live,
    merged,
    seen,
)
from tracking.domain.evidence import OrderState
from tracking.domain.findings import AnomalyKind, Finding
from tracking.domain.orders import merge

PARTIAL, FILLED = OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
TWO = seen(a_report(PARTIAL, "2"), fills=(a_fill("1"), a_fill("2", price="90")))


def test_a_disclaimed_fill_is_voided_and_no_longer_counted() -> None:
    transition = merged(TWO, denied(key("2")))

    assert live(transition.after) == {"1": 1}
    (mark,) = transition.updated
    assert (mark.key, mark.voided, mark.disclaimed) == (key("2"), True, True)
    assert transition.after.filled_quantity == 2
    assert transition.after.filled_quote == 190
    assert transition.after.status is PARTIAL
    assert transition.gap == 0
    assert transition.findings == (
        Finding(kind=AnomalyKind.FILL_GAP, detail="1 of 2 filled: the rest was disclaimed"),
    )


def test_no_repeat_brings_a_disclaimed_fill_back() -> None:
    after = merged(TWO, denied(key("2"))).after
    listed = (a_fill("1", source=Source.REST_TRADES), a_fill("2", price="90", source=Source.WS))

    again = merge(after, seen(a_snapshot(PARTIAL, "2", second=1), fills=listed, complete=True))

    assert live(again.after) == {"1": 1}
    assert again.gap == 0
    assert not merge(again.after, denied(key("2"))).changed


def test_a_fill_is_disclaimed_in_the_moment_it_is_seen() -> None:
    at_once = replace(TWO, disclaimed=(key("2"),))

    assert live(merged(at_once).after) == {"1": 1}


def test_a_fill_disclaimed_at_once_reverses_no_failure() -> None:
    failed = OrderState(status=OrderStatus.FAILED, side=a_report().side, quantity=Decimal(3))

    after = merge(failed, replace(seen(fills=(a_fill(),)), disclaimed=(key(),))).after

    assert after.status is OrderStatus.FAILED
    assert after.filled_quantity == 0


def test_a_key_we_do_not_hold_is_passed_over() -> None:
    assert not merged(TWO, denied(key("9"), key("1", 1))).changed


def test_only_the_rest_of_a_gap_is_guessed() -> None:
    disclaimed = merged(TWO, denied(key("2"))).after

    after = merge(disclaimed, seen(a_snapshot(PARTIAL, "3", second=1), complete=True)).after

    assert live(after) == {"1": 1, "inferred": 1}
    # 300 was told, 190 of it seen
    assert after.executions[-1].execution_price == 110
    assert after.filled_quote == 300


def test_a_gap_is_asked_about_less_what_was_disclaimed() -> None:
    disclaimed = merged(TWO, denied(key("2"))).after

    assert merge(disclaimed, seen(a_report(PARTIAL, "3", second=1))).gap == 1


def test_a_guess_that_was_disclaimed_follows_the_gap_but_never_counts() -> None:
    guessed = merged(seen(a_snapshot(FILLED, "3"), complete=True)).after

    disclaimed = merge(guessed, denied(key("inferred")))
    partly = merge(disclaimed.after, seen(fills=(a_fill("1"),)))
    whole = merge(partly.after, seen(fills=(a_fill("2", "2", "70"),)))

    assert live(disclaimed.after) == {}
    assert disclaimed.after.status is FILLED
    assert disclaimed.after.filled_quantity == 3
    assert disclaimed.after.filled_quote == 300
    assert not disclaimed.needs_rest
    assert live(partly.after) == {"1": 1}
    guess = partly.after.executions[0]
    assert (guess.execution_quantity, guess.voided, guess.disclaimed) == (Decimal(2), True, True)
    assert live(whole.after) == {"1": 1, "2": 2}
    # nothing is left of the gap; no execution is of nothing
    assert whole.after.executions[0] == guess
    assert whole.after.filled_quote == 240
    assert AnomalyKind.FILL_GAP not in {f.kind for f in whole.findings}


def test_a_disclaimed_guess_is_never_made_again() -> None:
    guessed = merged(seen(a_snapshot(PARTIAL, "1"), complete=True)).after
    disclaimed = merge(guessed, denied(key("inferred"))).after

    grown = merge(disclaimed, seen(a_report(PARTIAL, "2", second=1)))

    assert live(grown.after) == {}
    assert [e.execution_quantity for e in grown.after.executions] == [2]
    assert grown.gap == 0


def test_the_fill_that_did_happen_takes_the_place_of_the_disclaimed_one() -> None:
    disclaimed = merged(TWO, denied(key("2"))).after

    after = merge(disclaimed, seen(fills=(a_fill("3", price="95"),))).after

    assert live(after) == {"1": 1, "3": 1}
    assert after.filled_quantity == 2
    assert after.filled_quote == 195


@pytest.mark.parametrize("end", [OrderStatus.CANCELLED, FILLED])
def test_an_order_ends_although_a_fill_of_it_was_disclaimed(end: OrderStatus) -> None:
    disclaimed = merged(TWO, denied(key("2"))).after
    told = a_report(end, "2", second=1, quantity=Decimal(2))

    assert merge(disclaimed, seen(told)).after.status is end


def test_sums_short_of_a_disclaimed_fill_confirm_nothing() -> None:
    disclaimed = merged(TWO, denied(key("2"))).after

    after = merge(disclaimed, seen(a_snapshot(PARTIAL, "1", second=1))).after

    assert not any(e.verified for e in after.executions)
