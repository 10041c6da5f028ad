"""Positions are a fold: cash in equals value out, and no order of arrival changes a byte."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from exchanges.messages import Side
from tests.unit.tracking.domain.builders import at
from tracking.domain.market_terms import terms_of
from tracking.domain.positions import (
    CHECKPOINT_SPACING,
    Checkpoints,
    Fill,
    PositionState,
    advance,
    apply,
    can_extend,
    fold,
    fold_key,
    restart_from,
    steps,
)

LINEAR = terms_of("BTC/USDT:USDT")
amounts = st.decimals("0.001", "50", places=3)
prices = st.decimals("1", "999", places=2)


@st.composite
def fills(draw: st.DrawFn) -> list[Fill]:
    drawn = draw(st.lists(st.tuples(st.sampled_from(Side), amounts, prices), max_size=25))
    return [
        Fill(
            key=fold_key(at(number), "7", str(number), side.value, 0),
            side=side,
            quantity=quantity,
            price=price,
            commission=Decimal("0.01"),
            commission_asset="USDT",
        )
        for number, (side, quantity, price) in enumerate(drawn)
    ]


def bought(quantity: str, price: str, key: str = "1") -> Fill:
    return Fill(key=key, side=Side.BUY, quantity=Decimal(quantity), price=Decimal(price))


def sold(quantity: str, price: str, key: str = "2") -> Fill:
    return Fill(key=key, side=Side.SELL, quantity=Decimal(quantity), price=Decimal(price))


def told(position: PositionState) -> str:
    """Quantity, average price and realised PnL in one line."""
    return (
        f"{position.quantity.normalize():f} {position.average_price.normalize():f} "
        f"{position.realized_pnl.normalize():f}"
    )


@given(fills(), prices)
def test_profit_and_value_equal_the_cash_flow(history: list[Fill], mark: Decimal) -> None:
    position = fold(PositionState(), history, LINEAR)
    cash = sum(
        (f.price * f.quantity * (-1 if f.side is Side.BUY else 1) for f in history), Decimal(0)
    )
    unrealised = position.quantity * (mark - position.average_price)

    assert abs(position.realized_pnl + unrealised - (cash + position.quantity * mark)) < Decimal(
        "1e-12"
    )


@given(fills(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(history: list[Fill], random: object) -> None:
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert fold(PositionState(), shuffled, LINEAR) == fold(PositionState(), history, LINEAR)


@given(fills(), st.integers(0, 25))
def test_extending_equals_folding_all_at_once(history: list[Fill], cut: int) -> None:
    first = fold(PositionState(), history[:cut], LINEAR)

    assert can_extend(first, history[cut:])
    assert fold(first, history[cut:], LINEAR) == fold(PositionState(), history, LINEAR)


def test_closing_realises_and_keeps_the_average() -> None:
    position = fold(PositionState(), [bought("2", "100"), sold("1", "110")], LINEAR)

    assert told(position) == "1 100 10"


def test_crossing_zero_is_split_there() -> None:
    position = fold(PositionState(), [bought("1", "100"), sold("3", "90")], LINEAR)

    assert told(position) == "-2 90 -10"


def test_a_flat_position_has_no_average() -> None:
    position = fold(PositionState(), [bought("1", "100"), sold("1", "90")], LINEAR)

    assert told(position) == "0 0 -10"


def test_averages_are_kept_to_eighteen_places() -> None:
    position = fold(PositionState(), [bought("1", "1"), bought("2", "2", key="2")], LINEAR)

    assert position.average_price == Decimal("1.666666666666666667")


def test_commissions_add_up_by_asset() -> None:
    fill = Fill(
        key="1",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(1),
        commission=Decimal("-0.5"),
        commission_asset="BNB",
    )

    assert apply(apply(PositionState(), fill, LINEAR), fill, LINEAR).commissions == {"BNB": -1}


def test_ids_of_digits_compare_as_numbers() -> None:
    nine, ten = (fold_key(at(0), "7", trade, "BUY", 0) for trade in ("9", "10"))

    assert nine < ten


def numbered(count: int) -> list[Fill]:
    return [bought("1", "100", key=f"{number:05d}") for number in range(1, count + 1)]


def test_a_late_fill_starts_again_from_the_checkpoint_before_it() -> None:
    history = numbered(3 * CHECKPOINT_SPACING + 50)
    points = Checkpoints()
    for _, position in steps(PositionState(), history, LINEAR):
        points = advance(points, position)

    assert points.base.execution_count == 2 * CHECKPOINT_SPACING
    assert points.candidate.execution_count == 3 * CHECKPOINT_SPACING
    assert restart_from(points, "99999", PositionState()) == points.candidate
    assert restart_from(points, points.candidate.folded_key, PositionState()) == points.base
    assert restart_from(points, "00000", PositionState()) == PositionState()
    begun = restart_from(points, "99999", PositionState())
    rest = [f for f in history if f.key > begun.folded_key]
    assert fold(begun, rest, LINEAR) == position
