"""What a merge leaves behind: is it verified, does it change anything, must REST be asked?"""

from __future__ import annotations

from decimal import Decimal

import pytest

from exchanges.messages import OrderStatus, Source
from tests.unit.tracking.domain.builders import (
    a_fill,
    a_report,
    a_snapshot,
    judged,
    merged,
    ours,
    seen,
)
from tracking.domain.orders import merge

NEW, PARTIAL, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
CANCELLED, PENDING = OrderStatus.CANCELLED, OrderStatus.PENDING


@pytest.mark.parametrize(
    ("statement", "is_verified"),
    [
        pytest.param(a_snapshot(PARTIAL, "1"), True, id="just this"),
        pytest.param(a_snapshot(PARTIAL, "2"), True, id="more, and we take it"),
        pytest.param(a_snapshot(CANCELLED, "2"), False, id="an end that is withheld"),
        pytest.param(a_snapshot(NEW, "0"), False, id="it lags"),
        pytest.param(a_snapshot(NEW, "1"), False, id="another status"),
        pytest.param(a_snapshot(PARTIAL, "0.5"), False, id="less"),
        pytest.param(a_snapshot(PARTIAL, "1", source=Source.SUBMIT), False, id="a submit's answer"),
        pytest.param(a_report(PARTIAL, "1"), False, id="a frame"),
    ],
)
def test_rest_has_agreed_only_when_it_said_just_this(
    statement: object, *, is_verified: bool
) -> None:
    held = merged(seen(a_report(PARTIAL, "1"), fills=(a_fill(),))).after

    assert merge(held, seen(statement)).after.verified is is_verified


def test_what_rest_agreed_with_is_verified_until_it_changes() -> None:
    held = merged(seen(a_snapshot(NEW))).after

    assert held.verified
    assert merge(held, seen(a_report(NEW, second=1))).after.verified
    assert not merge(held, seen(a_report(CANCELLED, second=1))).after.verified
    assert not merge(held, seen(a_report(PARTIAL, "1"), fills=(a_fill(),))).after.verified
    partly = merged(seen(a_snapshot(PARTIAL, "1"), fills=(a_fill(),))).after
    more = seen(a_report(PARTIAL, "2"), fills=(a_fill("2"),))
    assert partly.verified
    assert not merge(partly, more).after.verified
    ended = seen(a_report(CANCELLED, "1"))
    assert not merge(partly, ended).after.verified
    assert merge(partly, seen(a_snapshot(NEW), a_snapshot(PARTIAL, "1"))).after.verified


def test_what_was_never_verified_is_not_verified_by_standing_still() -> None:
    held = merged(seen(a_report(NEW))).after

    assert not merge(held, seen(a_report(NEW))).after.verified


def test_rest_is_asked_while_anything_is_unsure() -> None:
    sure = merged(seen(a_report(PARTIAL, "1"), fills=(a_fill(),)))

    assert not sure.needs_rest
    assert merged(seen(a_report(PARTIAL, "1"))).needs_rest
    assert merged(seen(a_report(PARTIAL, "1"), complete=True)).needs_rest
    assert merge(ours(PENDING), judged(OrderStatus.UNKNOWN)).needs_rest
    assert not merge(ours(PENDING), judged(OrderStatus.FAILED)).needs_rest
    sizeless = a_report(PARTIAL, "1", quantity=Decimal(0))
    assert not merged(seen(sizeless, fills=(a_fill(),))).needs_rest
    ended = seen(a_report(FILLED, "3"), fills=(a_fill(quantity="3"),))
    assert not merged(ended).needs_rest


def test_a_transition_says_what_there_is_to_write() -> None:
    opened = merged(seen(a_report()))
    same = merge(opened.after, seen(a_report()))
    ended = merge(opened.after, seen(a_report(CANCELLED, second=1)))
    again = merge(ended.after, seen(a_report(CANCELLED, second=1)))

    assert opened.before is None
    assert (opened.order_changed, opened.changed, opened.closes) == (True, True, False)
    assert same.before == opened.after
    assert (same.order_changed, same.changed, same.closes) == (False, False, False)
    assert (ended.order_changed, ended.changed, ended.closes) == (True, True, True)
    assert (again.order_changed, again.changed, again.closes) == (False, False, False)
    assert merged(seen(a_report(CANCELLED))).closes


def test_a_transition_that_only_adds_to_a_fill_changes_no_order() -> None:
    bare = seen(a_report(PARTIAL, "1"), fills=(a_fill(commission=None, commission_asset=None),))
    first = merged(bare).after

    transition = merge(first, seen(fills=(a_fill(),)))

    assert (transition.order_changed, transition.changed) == (False, True)
