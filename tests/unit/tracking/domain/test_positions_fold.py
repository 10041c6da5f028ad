"""However entries come, and come again otherwise, the books are what a simple reading makes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.messages import PositionSide, Side
from tests.unit.tracking.domain.builders import at
from tests.unit.tracking.domain.naive_books import (
    KeptPosition,
    assert_same,
    changed_fee,
    naive,
)
from tracking.domain import positions
from tracking.domain.market_terms import Terms, terms_of
from tracking.domain.positions import (
    Entry,
    Fill,
    Movement,
    PositionState,
    apply,
    change_of,
    fold,
    fold_key,
    is_oversold,
    net_pnl,
    posting_key,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SPOT = terms_of("BTC/USDT")
LINEAR = terms_of("BTC/USDT:USDT", Decimal("0.1"))
INVERSE = terms_of("BTC/USD:BTC", Decimal(100))
MARKETS = [SPOT, LINEAR, INVERSE]
CLOSE = Decimal("1e-9")

amounts = st.decimals("0.5", "50", places=1)
prices = st.decimals("50", "150", places=1)
markets = st.sampled_from(MARKETS)


@st.composite
def a_fill(draw: st.DrawFn, number: int, terms: Terms) -> Fill:
    side = draw(st.sampled_from(Side))
    asset = draw(st.sampled_from([None, terms.settle, terms.base]))
    return Fill(
        key=fold_key(at(number), "7", str(number), side.value, 0),
        side=side,
        quantity=draw(amounts),
        price=draw(prices),
        commission=draw(st.decimals("-0.1", "0.4", places=2)) if asset else None,
        commission_asset=asset if terms.is_spot or not asset else terms.settle,
    )


@st.composite
def a_movement(draw: st.DrawFn, number: int, terms: Terms, *, priced: bool) -> Movement:
    none = st.none() if not priced else st.nothing()
    return Movement(
        key=posting_key(at(number), f"p{number}"),
        quantity=draw(st.sampled_from([Decimal(0), Decimal(-3), Decimal("1.5")])),
        price=draw(none | prices),
        funding=draw(st.decimals("-1", "1", places=2)),
        fee=draw(st.decimals("0", "1", places=2)),
        asset=terms.settle,
    )


@st.composite
def histories(draw: st.DrawFn, terms: Terms, *, priced: bool = False) -> list[Entry]:
    movement = draw(st.sets(st.integers(0, 19), max_size=4))
    entries: list[Entry] = []
    for number in range(draw(st.integers(1, 20))):
        if number in movement:
            entries.append(draw(a_movement(number, terms, priced=priced)))
        else:
            entries.append(draw(a_fill(number, terms)))
    return entries


@settings(max_examples=60)
@given(st.data(), markets)
def test_a_fold_is_what_a_simple_reading_makes_of_it(data: st.DataObject, terms: Terms) -> None:
    history = data.draw(histories(terms))

    assert_same(fold(PositionState(), history, terms), naive(history, terms))


@pytest.fixture(autouse=True, scope="module")
def _small_checkpoints() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(positions, "CHECKPOINT_SPACING", 3)
        yield


@settings(max_examples=60)
@given(st.data(), markets)
def test_batches_in_any_order_and_changed_later_make_the_same_books(
    data: st.DataObject, terms: Terms
) -> None:
    history = data.draw(histories(terms))
    kept = KeptPosition(terms)
    waiting = data.draw(st.permutations(history))
    while waiting:
        size = data.draw(st.integers(1, len(waiting)))
        kept.put(waiting[:size])
        waiting = waiting[size:]
        fills = [e for e in kept.entries.values() if isinstance(e, Fill) and e.commission]
        for fill in data.draw(st.lists(st.sampled_from(fills), max_size=2)) if fills else []:
            kept.put([changed_fee(fill, Decimal("0.05"))])
        gone = data.draw(st.sets(st.sampled_from(sorted(kept.entries)), max_size=1))
        kept.put([], gone)

    state = fold(PositionState(), kept.entries.values(), terms)
    assert kept.state == state
    assert_same(state, naive(kept.entries.values(), terms))
    assert sum(kept.closed.values()) == state.realized_pnl
    assert kept.closed.keys() == kept.entries.keys()
    for point in (kept.points.base, kept.points.candidate):
        until = [e for e in kept.entries.values() if e.key <= point.folded_key]
        assert point == fold(PositionState(), until, terms)


@settings(max_examples=60)
@given(st.data(), markets, prices)
def test_what_is_realised_when_all_is_closed_is_the_cash_that_flowed(
    data: st.DataObject, terms: Terms, price: Decimal
) -> None:
    history = data.draw(histories(terms, priced=True))
    state = fold(PositionState(), history, terms)
    end = Movement(key="9" * 20, quantity=-state.quantity, price=price)

    closed = fold(state, [end], terms)

    flowed = sum((cash(entry, terms) for entry in [*history, end]), Decimal(0))
    net = net_pnl(closed.realized_pnl, closed.fees, closed.funding, unvalued=False)
    assert closed.quantity == 0
    assert net is not None
    assert abs(net - flowed) < CLOSE


def cash(entry: Entry, terms: Terms) -> Decimal:
    """What an entry brings or costs, in the settlement asset."""
    assert entry.price is not None
    sign = 1 if terms.is_inverse else -1
    if isinstance(entry, Movement):
        moved = sign * terms.worth(entry.quantity, entry.price)
        return moved + entry.funding - entry.fee
    bought = entry.quantity if entry.side is Side.BUY else -entry.quantity
    paid = (entry.commission or Decimal(0)) if entry.commission_asset == terms.settle else 0
    return sign * terms.worth(bought, entry.price) - paid


def a_buy(**terms: object) -> Fill:
    return Fill(
        key="1",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(100),
        **terms,  # type: ignore[arg-type]
    )


def test_who_pays_in_what_was_bought_holds_less() -> None:
    fill = a_buy(commission=Decimal("0.001"), commission_asset="BTC")

    state = apply(PositionState(), fill, SPOT)

    assert change_of(fill, SPOT) == Decimal("0.999")
    assert (state.quantity, state.fees) == (Decimal("0.999"), Decimal("0.1"))
    assert state.commissions == {"BTC": Decimal("0.001")}


def test_who_pays_in_what_was_sold_holds_less_too() -> None:
    fill = Fill(
        key="1",
        side=Side.SELL,
        quantity=Decimal(1),
        price=Decimal(100),
        commission=Decimal("0.001"),
        commission_asset="BTC",
    )

    assert change_of(fill, SPOT) == Decimal("-1.001")


def test_a_fee_in_the_base_asset_takes_nothing_from_a_future() -> None:
    fill = a_buy(commission=Decimal("0.001"), commission_asset="BTC")

    assert change_of(fill, LINEAR) == 1
    assert apply(PositionState(), fill, INVERSE).fees == Decimal("0.001")


def test_a_third_asset_is_valued_at_the_rate_of_its_fill() -> None:
    fill = a_buy(commission=Decimal("0.01"), commission_asset="BNB", commission_rate=Decimal(900))

    state = apply(PositionState(), fill, LINEAR)

    assert state.fees == 9
    assert not state.unvalued


def test_a_third_asset_without_a_rate_waits_for_its_value() -> None:
    fill = a_buy(commission=Decimal("0.01"), commission_asset="BNB")

    state = apply(apply(PositionState(), fill, LINEAR), fill, LINEAR)

    assert state.fees == 0
    assert state.unvalued == {"BNB": Decimal("0.02")}


def test_a_commission_nobody_told_is_not_counted() -> None:
    told = [a_buy(), a_buy(commission_asset="BTC"), a_buy(commission=Decimal(1))]

    for fill in told:
        assert apply(PositionState(), fill, SPOT).commissions == {}
        assert apply(PositionState(), fill, SPOT).quantity == 1


def test_funding_in_another_asset_waits_for_its_value() -> None:
    paid = Movement(key="1", funding=Decimal(-2), asset="BNFCR")

    state = apply(PositionState(), paid, LINEAR)

    assert state.funding == 0
    assert state.unvalued == {"BNFCR": Decimal(2)}


def test_what_moves_without_a_price_realises_nothing() -> None:
    held = apply(PositionState(), a_buy(), LINEAR)

    state = apply(held, Movement(key="2", quantity=Decimal("-0.25")), LINEAR)

    assert (state.quantity, state.average_price) == (Decimal("0.75"), Decimal(100))
    assert state.realized_pnl == 0
    assert (state.execution_count, state.folded_key) == (1, "2")


def test_a_posting_comes_after_the_fills_of_its_millisecond() -> None:
    fill = fold_key(at(1), "9" * 30, "9" * 30, "SELL", 9)

    assert fill < posting_key(at(1), "a") < fold_key(at(1.001), "1", "1", "BUY", 0)


def test_there_is_no_net_while_something_has_no_value() -> None:
    assert net_pnl(Decimal(5), Decimal(2), Decimal(-1), unvalued=True) is None
    assert net_pnl(Decimal(5), Decimal(2), Decimal(-1), unvalued=False) == 2


@pytest.mark.parametrize(
    ("quantity", "side", "terms", "oversold"),
    [
        (-1, PositionSide.NET, SPOT, True),
        (0, PositionSide.NET, SPOT, False),
        (-1, PositionSide.NET, LINEAR, False),
        (-1, PositionSide.LONG, LINEAR, True),
        (1, PositionSide.LONG, LINEAR, False),
        (1, PositionSide.SHORT, LINEAR, True),
        (-1, PositionSide.SHORT, LINEAR, False),
        (0, PositionSide.SHORT, LINEAR, False),
    ],
)
def test_beyond_zero_is_what_cannot_be_held(
    quantity: int, side: PositionSide, terms: Terms, *, oversold: bool
) -> None:
    assert is_oversold(Decimal(quantity), side, terms) is oversold
