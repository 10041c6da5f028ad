"""Evidence is merged: whatever its order and repetition, the order ends where the exchange is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exchanges.messages import (
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Source,
    TimeInForce,
)
from tests.unit.tracking.domain.builders import (
    a_fill,
    a_report,
    a_snapshot,
    at,
    live,
    merged,
    ours,
    seen,
)
from tracking.domain.evidence import Evidence, OrderState
from tracking.domain.orders import merge

NEW, PARTIAL, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
CANCELLED, EXPIRED, PENDING = OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.PENDING
TERMS: dict[str, Any] = {
    "side": Side.SELL,
    "position_side": PositionSide.SHORT,
    "order_type": OrderType.STOP,
    "time_in_force": TimeInForce.GTX,
    "price": Decimal(99),
    "stop_price": Decimal(98),
    "quantity": Decimal(5),
    "reduce_only": True,
    "post_only": True,
    "exchange_updated_at": at(9),
}


def terms(state: OrderState) -> dict[str, object]:
    return {name: getattr(state, name) for name in TERMS}


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


def test_a_stale_snapshot_subtracts_nothing() -> None:
    fill = seen(a_report(PARTIAL, "1", second=2), fills=(a_fill(),))

    after = merged(fill, seen(a_snapshot(NEW, "0", second=1))).after

    assert after.filled_quantity == 1
    assert after.status is PARTIAL


def test_an_amendment_takes_the_newer_terms_whatever_comes_first() -> None:
    old, new = a_report(second=1), a_report(second=2, quantity=Decimal(5), price=Decimal(99))

    for evidence in ((old, new), (new, old)):
        after = merged(*map(seen, evidence)).after
        assert after.quantity == 5
        assert after.price == 99


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


def test_an_order_is_changed_by_a_fill_that_its_totals_already_told() -> None:
    guessed = merged(seen(a_snapshot(PARTIAL, "1"), complete=True))

    transition = merge(guessed.after, seen(fills=(a_fill(source=Source.REST_TRADES),)))

    assert transition.changed
    assert guessed.closes is False
    assert merged(seen(a_snapshot(CANCELLED))).closes


def test_a_statement_brings_all_its_terms() -> None:
    told = a_report(client_order_id="theirs", **TERMS)

    for before in (None, ours(PENDING)):
        after = merge(before, seen(told)).after
        assert terms(after) == TERMS
        assert after.exchange_order_id == "7"
        assert after.client_order_id == ("mine" if before else "theirs")


def test_an_order_keeps_the_ids_it_has() -> None:
    first = merged(seen(a_report(client_order_id="theirs"))).after

    after = merge(first, seen(a_report(second=1, exchange_order_id="8", client_order_id="x"))).after

    assert (after.exchange_order_id, after.client_order_id) == ("7", "theirs")


def test_an_older_statement_changes_no_terms() -> None:
    held = merged(seen(a_report(second=5))).after

    older = merge(held, seen(a_snapshot(second=4, price=Decimal(1), quantity=Decimal(9)))).after

    assert older == replace(held, verified=True)


def test_of_one_moment_the_terms_of_rest_stand() -> None:
    streamed = seen(a_report(second=5, price=Decimal(98)))
    asked = seen(a_snapshot(second=5, price=Decimal(99)))

    for told in ((streamed, asked), (asked, streamed)):
        assert merged(*told).after.price == 99
    together = Evidence(statements=(*asked.statements, *streamed.statements))
    assert merged(together).after.price == 99


def test_of_two_answers_of_one_moment_the_one_asked_for_later_stands() -> None:
    answers = [
        a_snapshot(second=5, requested_at=at(7), price=Decimal(99)),
        a_snapshot(second=5, requested_at=at(6), price=Decimal(98)),
    ]

    for told in (answers, answers[::-1]):
        assert merged(seen(*told)).after.price == 99


def test_fills_first_seen_take_the_side_they_were_told_with() -> None:
    fill = a_fill(side=Side.SELL, position_side=PositionSide.LONG)

    after = merged(seen(fills=(fill,))).after

    assert (after.side, after.position_side) == (Side.SELL, PositionSide.LONG)


NO_QUANTITY = Decimal(0)


def test_an_order_without_a_quantity_is_filled_when_the_exchange_says_so() -> None:
    working = seen(a_report(PARTIAL, "2", quantity=NO_QUANTITY), fills=(a_fill("1"), a_fill("2")))
    filled = seen(a_report(FILLED, "3", second=1, quantity=NO_QUANTITY), fills=(a_fill("3"),))

    first, last = merged(working), merged(working, filled)

    assert (first.after.status, first.after.filled_quantity) == (PARTIAL, Decimal(2))
    assert (last.after.status, last.after.quantity) == (FILLED, NO_QUANTITY)
    assert not first.findings
    assert not last.findings
    assert not last.needs_rest


def test_a_quantity_told_at_the_end_does_not_replace_that_there_is_none() -> None:
    begun = seen(a_report(NEW, quantity=NO_QUANTITY))
    ended = seen(a_report(FILLED, "1", second=1, quantity=Decimal(1)), fills=(a_fill("1"),))

    for told in ((begun, ended), (ended, begun)):
        assert merged(*told).after.quantity == 0


def test_our_own_order_may_turn_out_to_have_none() -> None:
    after = merged(seen(a_report(NEW, quantity=NO_QUANTITY)), state=ours(PENDING)).after

    assert (after.status, after.quantity) == (NEW, NO_QUANTITY)
