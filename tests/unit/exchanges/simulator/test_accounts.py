"""Positions: entry price and realised result, also across zero."""

from __future__ import annotations

from decimal import Decimal

import pytest

from exchanges.simulator.accounts import Position

D = Decimal


@pytest.mark.parametrize(
    ("fills", "quantity", "entry", "realized"),
    [
        pytest.param([("1", "100"), ("3", "200")], "4", "175", "0", id="adding averages"),
        pytest.param([("2", "100"), ("-1", "130")], "1", "100", "30", id="closing realises"),
        pytest.param([("1", "100"), ("-3", "90")], "-2", "90", "-10", id="crossing does both"),
        pytest.param([("-2", "100"), ("2", "80")], "0", "0", "40", id="a short that is closed"),
    ],
)
def test_a_position_folds_its_fills(
    fills: list[tuple[str, str]], quantity: str, entry: str, realized: str
) -> None:
    position = Position(symbol="BTCUSDT", side="BOTH")

    total = sum((position.apply(D(signed), D(price)) for signed, price in fills), D(0))

    assert position.quantity == D(quantity)
    assert position.entry_price == D(entry)
    assert total == position.realized == D(realized)
