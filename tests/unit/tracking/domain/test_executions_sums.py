"""The exchange's totals are a checksum: they confirm our fills, or say that one is wrong."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.messages import MarketType, OrderStatus, Source
from tests.unit.tracking.domain.builders import a_fill, a_report, a_snapshot, merged, ours, seen
from tracking.domain.executions import average_of, quote_of
from tracking.domain.findings import AnomalyKind, Finding
from tracking.domain.orders import merge

PARTIAL, CANCELLED = OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELLED
BOOKED = seen(a_report(PARTIAL, "1"), fills=(a_fill(),))


def test_a_snapshot_with_our_sums_verifies_each_fill() -> None:
    transition = merged(BOOKED, seen(a_snapshot(PARTIAL, "1", second=1)))

    assert [e.verified for e in transition.updated] == [True]
    assert transition.after.verified
    assert transition.findings == ()


def test_a_report_with_our_sums_verifies_nothing() -> None:
    report = a_report(PARTIAL, "1", second=1, filled_quote=Decimal(100))

    transition = merged(BOOKED, seen(report))

    assert not transition.after.verified
    assert not transition.updated


@pytest.mark.parametrize("told", ["101", "99", None])
def test_a_snapshot_with_another_sum_or_none_verifies_nothing(told: str | None) -> None:
    quote = Decimal(told) if told else None
    snapshot = a_snapshot(PARTIAL, "1", second=1, filled_quote=quote)

    assert not any(e.verified for e in merged(BOOKED, seen(snapshot)).after.executions)


def test_the_exchange_may_round_its_sum_in_the_last_place() -> None:
    fill = a_fill(quantity="0.333", price="100.001")
    booked = seen(a_report(PARTIAL, "0.333"), fills=(fill,))

    for told, agrees in (("33.30", True), ("33.31", True), ("33.29", False), ("33.3", True)):
        snapshot = a_snapshot(PARTIAL, "0.333", filled_quote=Decimal(told))
        after = merged(booked, seen(snapshot)).after
        assert [e.verified for e in after.executions] == [agrees], told


def test_a_sum_without_decimals_is_exact() -> None:
    booked = seen(a_report(PARTIAL, "1"), fills=(a_fill(price="100.5"),))
    snapshot = a_snapshot(PARTIAL, "1", filled_quote=Decimal(100))

    assert not merged(booked, seen(snapshot)).after.executions[0].verified


def test_a_sum_of_fewer_fills_says_nothing_of_ours() -> None:
    """Another fill of the same size and price may be meant."""
    second = merged(seen(a_report(PARTIAL, "2"), fills=(a_fill("2"),))).after

    after = merge(second, seen(a_snapshot(PARTIAL, "1"))).after

    assert not any(e.verified for e in after.executions)


def test_a_fill_already_confirmed_stays_so_while_another_is_checked() -> None:
    first = a_fill(source=Source.REST_TRADES)
    fills = seen(a_report(PARTIAL, "2"), fills=(first, a_fill("2")))

    transition = merged(fills, seen(a_snapshot(PARTIAL, "2", second=1)))

    assert all(e.verified for e in transition.after.executions)
    assert [e.exchange_trade_id for e in transition.updated] == ["2"]


def test_sums_that_agree_do_not_tell_a_fee() -> None:
    fee_unknown = a_fill("2", commission=None, commission_asset=None)
    after = merged(
        seen(a_report(PARTIAL, "2"), fills=(a_fill("1"), fee_unknown)),
        seen(a_snapshot(PARTIAL, "2")),
    ).after

    assert [e.verified for e in after.executions] == [True, False]


def test_sums_that_differ_are_reported() -> None:
    snapshot = a_snapshot(PARTIAL, "1", filled_quote=Decimal(101))

    assert merged(BOOKED, seen(snapshot)).findings == (
        Finding(
            kind=AnomalyKind.SUMS_DIFFER,
            detail="filled 1: the exchange says 101, its fills come to 100",
        ),
    )


def test_each_sum_that_differs_is_reported() -> None:
    told = [a_snapshot(PARTIAL, "1", filled_quote=Decimal(quote)) for quote in (101, 102, 100)]

    transition = merged(BOOKED, seen(*told))

    assert [f.detail[:31] for f in transition.findings] == [
        "filled 1: the exchange says 101",
        "filled 1: the exchange says 102",
    ]


def test_an_average_may_be_off_by_just_so_much() -> None:
    fill = a_fill(price="100000002")

    for average, is_reported in ((100000000, False), (99999999, True)):
        report = a_report(PARTIAL, "1", average_price=Decimal(average))
        assert bool(merged(seen(report, fills=(fill,))).findings) is is_reported


@pytest.mark.parametrize(
    ("average", "is_reported"),
    [
        ("100.25", False),
        ("100.26", False),
        ("100.24", False),
        ("100.3", False),
        ("100.27", True),
        ("100.23", True),
        ("100.250002", False),
        ("100.250003", True),
        ("101", False),
        ("102", True),
    ],
)
def test_an_average_may_be_off_by_its_last_place(average: str, *, is_reported: bool) -> None:
    """... and by a hundred millionth, for exchanges that divide in floating point."""
    fills = (a_fill("1", "3", "100"), a_fill("2", "1", "101"))
    report = a_report(PARTIAL, "4", quantity=Decimal(9), average_price=Decimal(average))

    transition = merged(seen(report, fills=fills))

    told = [f.detail for f in transition.findings]
    says = f"filled 4: the exchange says {average}, its fills come to 100.25"
    assert told == [says] * is_reported


COIN = MarketType.COIN_FUTURES
#: four contracts, 0.036 coins each a size of 1: 111.11 on average, not 112.5
IN_COINS = (
    a_fill("1", "2", "100", market_type=COIN),
    a_fill("2", "2", "125", market_type=COIN),
)


@pytest.mark.parametrize("average", ["111.11", "112.50"])
def test_an_average_in_coins_is_not_compared(average: str) -> None:
    """It comes from coins that were rounded; and their value is told in another unit."""
    report = a_report(
        PARTIAL,
        "4",
        quantity=Decimal(9),
        average_price=Decimal(average),
        filled_quote=Decimal(1),
        market_type=COIN,
    )

    transition = merged(seen(report, fills=IN_COINS))

    assert transition.findings == ()
    assert transition.after.filled_quote == Decimal("0.036")


def test_a_guess_of_inverse_contracts_keeps_the_average_that_was_told() -> None:
    snapshot = a_snapshot(
        PARTIAL,
        "4",
        quantity=Decimal(9),
        filled_quote=None,
        average_price=Decimal("111.11"),
        market_type=COIN,
    )

    after = merged(seen(snapshot, fills=IN_COINS[:1], complete=True)).after

    (guess,) = (e for e in after.executions if e.is_inferred)
    assert abs(guess.execution_price - 125) < Decimal("0.01")
    assert merged(seen(fills=IN_COINS, complete=True), state=after).after.filled_quote == (
        Decimal("0.036")
    )


def test_a_guess_at_inverse_contracts_nobody_gave_a_value_takes_the_orders_price() -> None:
    snapshot = a_snapshot(
        PARTIAL, "2", filled_quote=None, price=Decimal(50), second=1, market_type=COIN
    )

    after = merged(seen(snapshot, complete=True)).after

    assert [e.execution_price for e in after.executions] == [50]
    assert after.filled_quote == Decimal("0.04")


def test_an_order_known_as_inverse_stays_so_whatever_is_said_of_it() -> None:
    held = ours(PARTIAL, is_inverse=True, filled_quantity=Decimal(2), price=Decimal(50))
    told = a_snapshot(PARTIAL, "2", filled_quote=None, price=Decimal(50), market_type=COIN)

    guess = merged(seen(told, complete=True), state=held).after.executions[0]

    assert (guess.is_inverse, guess.quote) == (True, Decimal("0.04"))


def test_contracts_for_nothing_come_to_nothing() -> None:
    assert quote_of(Decimal(0), Decimal(3), is_inverse=True) == 0
    assert average_of(Decimal(0), Decimal(3), is_inverse=True) == 0
    assert average_of(Decimal(0), Decimal(0), is_inverse=False) == 0


@given(
    st.lists(
        st.tuples(
            st.decimals("0.00000001", "100000", places=8), st.decimals("0.01", "200000", places=2)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_the_average_of_inverse_contracts_is_exact(fills: list[tuple[Decimal, Decimal]]) -> None:
    quantity = sum((q for q, _ in fills), Decimal(0))
    quote = sum((quote_of(p, q, is_inverse=True) for q, p in fills), Decimal(0))

    coins = sum((Fraction(q) / Fraction(p) for q, p in fills), Fraction(0))

    exact = Fraction(quantity) / coins
    told = Fraction(average_of(quote, quantity, is_inverse=True))
    assert abs(told - exact) <= exact / 10**20
