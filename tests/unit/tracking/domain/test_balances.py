"""What is held of each asset on spot is the sum of everything that moved it, to the last digit."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from exchanges.messages import Side
from tests.unit.tracking.domain.builders import at
from tracking.domain.balances import SpotPosition, balances
from tracking.domain.market_terms import terms_of
from tracking.domain.positions import (
    Fill,
    Movement,
    PositionState,
    fold,
    fold_key,
    posting_key,
    quote_change_of,
)

MARKETS = ("BTC/USDT", "ETH/USDT", "ETH/BTC", "BNB/USDT")
ASSETS = ("BTC", "ETH", "BNB", "USDT")
AMOUNTS = st.decimals("0.00000001", "50", places=8)
Told = tuple[str, Fill] | tuple[str, Movement]


@st.composite
def a_trade(draw: st.DrawFn, number: int) -> Told:
    symbol = draw(st.sampled_from(MARKETS))
    terms = terms_of(symbol)
    asset = draw(st.sampled_from([None, terms.base, terms.quote, "BNB"]))
    fill = Fill(
        key=fold_key(at(number), "7", str(number), "BUY", 0),
        side=draw(st.sampled_from(Side)),
        quantity=draw(AMOUNTS),
        price=draw(AMOUNTS),
        commission=draw(st.decimals("-0.1", "0.1", places=9)) if asset else None,
        commission_asset=asset,
    )
    return symbol, fill


@st.composite
def a_transfer(draw: st.DrawFn, number: int) -> Told:
    key = posting_key(at(number), str(number))
    return draw(st.sampled_from(ASSETS)), Movement(key=key, quantity=draw(AMOUNTS))


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    count = draw(st.integers(0, 15))
    return [draw(a_trade(number) | a_transfer(number)) for number in range(count)]


def ledger(history: list[Told]) -> dict[str, Fraction]:
    """Keep each asset the simple way."""
    held: dict[str, Fraction] = defaultdict(Fraction)
    for symbol, entry in history:
        if isinstance(entry, Movement):
            held[symbol] += Fraction(entry.quantity)
            continue
        base, quote = symbol.split("/")
        sign = 1 if entry.side is Side.BUY else -1
        held[base] += sign * Fraction(entry.quantity)
        held[quote] -= sign * Fraction(entry.quantity) * Fraction(entry.price)
        if entry.commission_asset:
            held[entry.commission_asset] -= Fraction(entry.commission or 0)
    return held


@given(histories())
def test_balances_are_what_a_simple_ledger_says(history: list[Told]) -> None:
    entries: dict[str, list[Fill | Movement]] = defaultdict(list)
    for symbol, entry in history:
        entries[symbol].append(entry)
    states = {s: fold(PositionState(), found, terms_of(s)) for s, found in entries.items()}

    held = balances(
        SpotPosition(symbol, state.quantity, state.quote_change, state.commissions)
        for symbol, state in states.items()
    )

    exact = ledger(history)
    assert {asset: Fraction(sum_) for asset, sum_ in held.items() if sum_} == {
        asset: sum_ for asset, sum_ in exact.items() if sum_
    }


def test_what_several_hold_is_added_up() -> None:
    mine = SpotPosition("BTC/USDT", Decimal("0.5"), Decimal(-30_000), {"BNB": Decimal("0.01")})
    theirs = SpotPosition("BTC/USDT", Decimal("0.1"), Decimal(-6_000), {"BTC": Decimal("0.001")})

    assert balances([mine, theirs, SpotPosition("USDT", Decimal(40_000))]) == {
        "BTC": Decimal("0.6"),
        "USDT": Decimal(4_000),
        "BNB": Decimal("-0.01"),
    }


def test_a_derivative_moves_no_quote_asset() -> None:
    fill = Fill(key="1", side=Side.BUY, quantity=Decimal(2), price=Decimal(3))

    assert quote_change_of(fill, terms_of("BTC/USDT:USDT")) == 0
    assert quote_change_of(fill, terms_of("BTC/USDT")) == -6
