"""Executions are a set: a repeat adds only what was not known, other content is another fill."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exchanges.messages import ExecutionKind, OrderStatus, Side, Source
from tests.unit.tracking.domain.builders import (
    a_fill,
    a_report,
    at,
    kinds,
    live,
    merged,
    seen,
)
from tracking.domain.executions import ExecutionState, is_fill, total_quantity, total_quote
from tracking.domain.findings import AnomalyKind, Finding

PARTIAL, FILLED = OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
LISTED = Source.REST_TRADES


def partly(filled: str = "1") -> object:
    return a_report(PARTIAL, filled)


def test_a_fill_is_booked_as_it_was_told() -> None:
    report = a_fill("5", "2", "99", kind=ExecutionKind.ADL, realized_pnl=Decimal(-7))

    assert merged(seen(partly("2"), fills=(report,))).added == (
        ExecutionState(
            exchange_trade_id="5",
            side=Side.BUY,
            execution_price=Decimal(99),
            execution_quantity=Decimal(2),
            executed_at=at(5),
            source=Source.WS,
            sequence=0,
            kind=ExecutionKind.ADL,
            is_maker=True,
            commission=Decimal("0.01"),
            commission_asset="USDT",
            realized_pnl=Decimal(-7),
            verified=False,
            voided=False,
            disclaimed=False,
        ),
    )


def test_a_fill_from_the_trades_list_is_verified_by_that() -> None:
    after = merged(seen(fills=(a_fill(source=LISTED),))).after

    assert [e.verified for e in after.executions] == [True]


def test_a_repeated_frame_changes_nothing() -> None:
    evidence = seen(partly(), fills=(a_fill(),))

    transition = merged(evidence, evidence)

    assert not transition.changed
    assert transition.added == transition.updated == ()


def test_one_trade_id_with_two_contents_is_two_fills_and_a_finding() -> None:
    transition = merged(
        seen(partly(), fills=(a_fill(quantity="1"),)),
        seen(partly("4"), fills=(a_fill(quantity="2"), a_fill(quantity="1", price="98"))),
    )

    assert transition.after.filled_quantity == 4
    assert [e.key for e in transition.after.executions] == [
        ("1", "BUY", 0),
        ("1", "BUY", 1),
        ("1", "BUY", 2),
    ]
    same_id = Finding(
        kind=AnomalyKind.SAME_TRADE_ID, detail="trade id 1 came with another price or quantity"
    )
    assert transition.findings[:2] == (same_id, same_id)


def test_the_second_content_of_a_trade_id_is_known_again() -> None:
    twice = seen(partly("3"), fills=(a_fill(quantity="1"), a_fill(quantity="2")))

    transition = merged(twice, seen(fills=(a_fill(quantity="2"),)))

    assert not transition.changed
    assert transition.findings == ()


def test_one_trade_id_on_both_sides_is_two_fills() -> None:
    fills = (a_fill(), a_fill(side=Side.SELL))

    transition = merged(seen(fills=fills))

    assert {e.key for e in transition.added} == {("1", "BUY", 0), ("1", "SELL", 0)}
    assert transition.findings == ()


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param({"exchange_trade_id": ""}, id="no trade id"),
        pytest.param({"exchange_trade_id": "-1"}, id="trade id -1"),
        pytest.param({"execution_quantity": Decimal(0)}, id="nothing filled"),
        pytest.param({"execution_price": Decimal(0)}, id="no price yet"),
    ],
)
def test_what_is_no_fill_counts_only_as_far_as_the_order_grew(terms: dict[str, object]) -> None:
    no_fill = replace(a_fill(), **terms)

    still = merged(seen(a_report(), fills=(no_fill,)))
    grown = merged(seen(partly(), fills=(no_fill,)))
    asked = merged(seen(partly(), fills=(no_fill,), complete=True))

    assert still.after.executions == grown.after.executions == ()
    assert still.after.filled_quantity == 0
    assert grown.gap == 1
    assert live(asked.after) == {"inferred": 1}


def test_a_fill_for_nothing_is_believed_from_the_trades_list_only() -> None:
    assert is_fill(a_fill(price="0", source=LISTED))
    assert not is_fill(a_fill(price="0"))
    assert is_fill(a_fill(price="0.00000001"))


def test_the_trades_list_corrects_a_fee() -> None:
    better = a_fill(
        source=LISTED,
        commission=Decimal("0.02"),
        commission_asset="BNB",
        realized_pnl=Decimal(5),
    )

    after = merged(seen(partly(), fills=(a_fill(),)), seen(fills=(better,))).after

    (fill,) = after.executions
    assert (fill.commission, fill.commission_asset, fill.realized_pnl) == (
        Decimal("0.02"),
        "BNB",
        Decimal(5),
    )
    assert fill.verified
    assert fill.source is Source.WS


@pytest.mark.parametrize(
    "change",
    [
        {"commission": Decimal("0.02")},
        {"commission_asset": "BNB"},
        {"realized_pnl": Decimal(5)},
    ],
)
def test_each_part_of_a_fee_is_corrected_by_itself(change: dict[str, Any]) -> None:
    listed = a_fill(source=LISTED, **change)

    (fill,) = merged(seen(partly(), fills=(a_fill(),)), seen(fills=(listed,))).after.executions

    told = {
        "commission": fill.commission,
        "commission_asset": fill.commission_asset,
        "realized_pnl": fill.realized_pnl,
    }
    assert (
        told
        == {
            "commission": Decimal("0.01"),
            "commission_asset": "USDT",
            "realized_pnl": Decimal(0),
        }
        | change
    )


def test_the_stream_corrects_no_fee() -> None:
    other = a_fill(
        commission=Decimal("0.02"),
        commission_asset="BNB",
        realized_pnl=Decimal(5),
        is_maker=False,
    )

    assert not merged(seen(partly(), fills=(a_fill(),)), seen(fills=(other,))).changed


def test_a_list_that_tells_less_takes_nothing_away() -> None:
    bare = a_fill(
        source=LISTED, commission=None, commission_asset=None, realized_pnl=None, is_maker=None
    )

    (fill,) = merged(seen(partly(), fills=(a_fill(),)), seen(fills=(bare,))).after.executions

    assert (fill.commission, fill.commission_asset) == (Decimal("0.01"), "USDT")
    assert fill.realized_pnl == 0
    assert fill.is_maker is True
    assert fill.verified


def test_a_fee_not_told_is_filled_in_and_never_zero() -> None:
    bare = a_fill(commission=None, commission_asset=None, is_maker=None, realized_pnl=None)
    first = merged(seen(partly(), fills=(bare,))).after

    assert first.executions[0].commission is None
    (fill,) = merged(seen(fills=(a_fill(),)), state=first).after.executions
    assert (fill.commission, fill.commission_asset) == (Decimal("0.01"), "USDT")
    assert fill.is_maker is True
    assert fill.realized_pnl == 0
    assert not fill.verified


def test_a_rebate_is_a_negative_fee() -> None:
    rebate = a_fill(commission=Decimal("-0.005"))

    (fill,) = merged(seen(partly(), fills=(rebate,))).after.executions

    assert fill.commission == Decimal("-0.005")


def test_only_the_stream_says_why_a_fill_happened() -> None:
    listed = a_fill(source=LISTED)
    streamed = a_fill(kind=ExecutionKind.LIQUIDATION)

    for fills in ((listed, streamed), (streamed, listed)):
        after = merged(*(seen(partly(), fills=(f,)) for f in fills)).after
        assert [e.kind for e in after.executions] == [ExecutionKind.LIQUIDATION]


def test_sums_of_nothing_are_amounts() -> None:
    assert [str(total_quantity([])), str(total_quote([]))] == ["0", "0"]
    assert isinstance(total_quantity([]), Decimal)
    assert isinstance(total_quote([]), Decimal)


def test_more_fills_than_ordered_are_booked_and_reported() -> None:
    transition = merged(seen(a_report(FILLED, "4"), fills=(a_fill(quantity="4"),)))

    assert transition.after.filled_quantity == 4
    assert transition.after.status is FILLED
    assert transition.findings == (Finding(kind=AnomalyKind.OVERFILL, detail="filled 4 of 3"),)


def test_an_order_whose_size_nobody_told_is_not_overfilled() -> None:
    report = a_report(PARTIAL, "1", quantity=Decimal(0))

    assert kinds(merged(seen(report, fills=(a_fill(),)))) == set()
