"""What is filled but not seen is covered by one guess, until real fills take its place."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_UP, Decimal, localcontext

from exchanges.messages import OrderStatus, Side, Source
from tests.unit.tracking.domain.builders import (
    a_fill,
    a_report,
    a_snapshot,
    at,
    live,
    merged,
    seen,
)
from tracking.domain.executions import ExecutionState, quantised
from tracking.domain.orders import merge

PARTIAL, FILLED = OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED


def test_a_trade_list_that_lags_is_covered_by_one_inferred_fill() -> None:
    told = a_snapshot(FILLED, "3", second=8, filled_quote=Decimal(297))

    transition = merged(seen(told, complete=True))

    assert transition.after.status is FILLED
    assert transition.added == (
        ExecutionState(
            exchange_trade_id="inferred",
            side=Side.BUY,
            execution_price=Decimal(99),
            execution_quantity=Decimal(3),
            executed_at=at(8),
            source=Source.INFERRED,
        ),
    )
    assert transition.gap == 0
    assert transition.needs_rest


def test_the_inferred_fill_shrinks_and_retires_as_real_ones_arrive() -> None:
    first = merged(seen(a_snapshot(FILLED, "3"), complete=True)).after

    partly_real = merged(seen(fills=(a_fill("1", price="94"),)), state=first).after
    transition = merged(seen(fills=(a_fill("2", quantity="2"),)), state=partly_real)

    assert live(partly_real) == {"inferred": Decimal(2), "1": Decimal(1)}
    # 300 was told for all
    assert partly_real.executions[0].execution_price == 103
    assert partly_real.filled_quote == 300
    assert live(transition.after) == {"1": Decimal(1), "2": Decimal(2)}
    assert [e.is_inferred for e in transition.after.executions] == [True, False, False]
    assert transition.after.filled_quantity == 3
    assert transition.after.filled_quote == 294
    assert transition.after.status is FILLED
    assert not transition.needs_rest


def test_a_retired_guess_comes_back_only_when_trades_were_asked_for() -> None:
    guessed = merged(seen(a_snapshot(PARTIAL, "1"), complete=True)).after
    retired = merge(guessed, seen(fills=(a_fill(),))).after

    more = seen(a_report(PARTIAL, "2", second=1))

    assert merge(retired, more).gap == 1
    asked = merge(retired, replace(more, trades_complete=True))
    assert live(asked.after) == {"1": 1, "inferred": 1}


def test_a_guess_follows_what_is_told() -> None:
    guessed = merged(seen(a_snapshot(PARTIAL, "1"), complete=True)).after

    after = merge(guessed, seen(a_report(PARTIAL, "2", second=1))).after

    assert live(after) == {"inferred": 2}


def test_a_gap_without_any_price_told_is_covered_at_the_limit() -> None:
    bare = a_snapshot(PARTIAL, "2", filled_quote=None)

    first = merged(seen(bare, complete=True)).after
    three = a_snapshot(PARTIAL, "3", filled_quote=None)
    mixed = merged(seen(three, fills=(a_fill("1", "2", "90"),), complete=True)).after
    free = merged(seen(replace(bare, price=None), complete=True)).after

    assert first.filled_quote == 200
    assert mixed.filled_quote == 270
    assert free.filled_quote == 0


def test_a_guess_never_has_a_price_below_nothing() -> None:
    told = a_snapshot(PARTIAL, "2", filled_quote=Decimal(50))

    after = merged(seen(told, fills=(a_fill(price="100"),), complete=True)).after

    assert [e.execution_price for e in after.executions if e.is_inferred] == [0]


def test_an_average_tells_the_sum_where_no_sum_is_told() -> None:
    told = a_report(PARTIAL, "2", average_price=Decimal(101))

    assert merged(seen(told)).after.filled_quote == 202
    assert merged(seen(told, complete=True)).after.executions[0].execution_price == 101


def test_only_a_sum_of_all_that_filled_prices_a_guess() -> None:
    old = a_report(PARTIAL, "1", average_price=Decimal(50))
    new = a_report(PARTIAL, "2", second=1, average_price=Decimal(70))

    after = merged(seen(old, new, complete=True)).after

    assert after.executions[0].execution_price == 70


def test_a_told_sum_outlives_the_first_real_fill() -> None:
    told = a_snapshot(FILLED, "3", filled_quote=Decimal(330))
    guessed = merged(seen(told, complete=True)).after

    after = merge(guessed, seen(a_report(PARTIAL, "1", second=-1), fills=(a_fill(),))).after

    assert after.filled_quote == 330


def test_a_guess_has_eighteen_places() -> None:
    told = a_snapshot(PARTIAL, "3", filled_quote=Decimal(100))

    (guess,) = merged(seen(told, complete=True)).after.executions

    assert guess.execution_price == Decimal("33.333333333333333333")
    with localcontext() as elsewhere:
        elsewhere.rounding = ROUND_UP
        assert quantised(Decimal("0.0000000000000000005")) == 0
    assert quantised(Decimal("0.0000000000000000015")) == Decimal("2e-18")


def test_a_guess_is_dated_by_the_newest_word() -> None:
    report = a_report(PARTIAL, "2", second=3)

    by_statement = merged(seen(report, fills=(a_fill(executed_at=at(2)),), complete=True)).after
    by_fill = merged(seen(report, fills=(a_fill(executed_at=at(4)),), complete=True)).after
    by_order = merged(seen(report), seen(a_report(PARTIAL, "2", second=1), complete=True)).after

    for after, second in ((by_statement, 3), (by_fill, 4), (by_order, 3)):
        assert [e.executed_at for e in after.executions if e.is_inferred] == [at(second)]


def test_a_gap_in_an_order_known_by_its_fills_is_dated_by_them() -> None:
    known = merged(seen(fills=(a_fill("1"), a_fill("2")))).after
    first, second = known.executions
    voided = replace(known, executions=(first, replace(second, voided=True)))

    after = merge(voided, seen(fills=(a_fill("1"),), complete=True)).after

    assert [e.executed_at for e in after.executions if e.is_inferred] == [at(2)]
