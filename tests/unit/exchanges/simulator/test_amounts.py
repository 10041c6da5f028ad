"""Amounts are exact and plain."""

from __future__ import annotations

import random
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from exchanges.simulator.amounts import parse, plain, split, trimmed


@given(lots=st.integers(1, 10_000), pieces=st.integers(1, 9), seed=st.integers())
def test_a_split_adds_up_and_keeps_to_the_step(lots: int, pieces: int, seed: int) -> None:
    step = Decimal("0.001")
    parts = split(lots * step, pieces, step, random.Random(seed))

    assert sum(parts) == lots * step
    assert all(part > 0 and part % step == 0 for part in parts)
    assert len(parts) == min(pieces, lots)


def test_digits_are_plain() -> None:
    assert plain(Decimal("0E-8")) == "0.00000000"
    assert trimmed(Decimal("60000.1000")) == "60000.1"
    assert trimmed(Decimal(100)) == "100"


def test_only_finite_numbers_are_numbers() -> None:
    assert parse("1.50") == Decimal("1.50")
    assert [parse(text) for text in ("", "x", "NaN", "Infinity")] == [None] * 4
