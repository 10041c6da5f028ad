"""Two books: equal, or different in just what was changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tracking.management.demo.comparison import (
    EXAMPLES,
    Books,
    compare,
    ledger_books,
)

EXECUTION = {
    "account": "key",
    "market_type": "FUTURES",
    "symbol": "BTCUSDT",
    "exchange_order_id": "8886001",
    "exchange_trade_id": "698001",
    "side": "BUY",
    "position_side": "BOTH",
    "price": "60000.1",
    "quantity": "0.010",
    "commission": "0.300",
    "commission_asset": "USDT",
    "is_maker": False,
    "realized_pnl": "0",
    "executed_at": 1,
}
ORDER = {
    "account": "key",
    "market_type": "FUTURES",
    "symbol": "BTCUSDT",
    "exchange_order_id": "8886001",
    "client_order_id": "d00aa",
    "side": "BUY",
    "position_side": "BOTH",
    "type": "LIMIT",
    "price": "60000.1",
    "quantity": "0.02",
    "filled_quantity": "0.01",
}
POSITION = {"symbol": "BTCUSDT", "position_side": "BOTH", "quantity": "0.01"}


def books(**changed: Any) -> Books:
    account = {
        "market_type": "FUTURES",
        "executions": [EXECUTION],
        "open_orders": [ORDER],
        "positions": [POSITION],
    }
    return ledger_books({"accounts": {"key": account | changed}}, "key", unified)


def unified(name: str) -> str:
    return name.replace("USDT", "/USDT:USDT")


def test_equal_books_have_no_difference() -> None:
    again = books(executions=[EXECUTION | {"price": "60000.100"}])

    assert not compare(books(), again)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", "60000.2"),
        ("quantity", "0.011"),
        ("commission", "0.31"),
        ("commission_asset", "BNB"),
        ("is_maker", True),
        ("realized_pnl", "0.01"),
        ("side", "SELL"),
        ("position_side", "LONG"),
        ("exchange_order_id", "8886002"),
        ("exchange_trade_id", "698002"),
    ],
)
def test_one_differing_field_is_one_missing_and_one_extra(field: str, value: object) -> None:
    found = compare(books(), books(executions=[EXECUTION | {field: value}]))

    assert (len(found.missing), len(found.extra)) == (1, 1)
    assert found


def test_a_fill_booked_twice_is_extra() -> None:
    found = compare(books(), books(executions=[EXECUTION, EXECUTION]))

    assert (len(found.missing), len(found.extra)) == (0, 1)


def test_an_order_that_filled_further_is_a_mismatch() -> None:
    found = compare(books(), books(open_orders=[ORDER | {"filled_quantity": "0.02"}]))

    assert len(found.orders) == 1
    assert not found.missing


def test_an_order_only_one_side_knows_is_a_mismatch() -> None:
    assert len(compare(books(), books(open_orders=[])).orders) == 1
    assert len(compare(books(open_orders=[]), books()).orders) == 1


def test_a_position_that_differs_is_a_mismatch() -> None:
    found = compare(books(), books(positions=[POSITION | {"quantity": "-0.01"}]))

    assert len(found.positions) == 1
    assert "0.01" in found.positions[0]


def test_only_the_first_examples_are_shown() -> None:
    (fill,) = books().fills
    many = Counter(replace(fill, exchange_trade_id=str(number)) for number in range(30))

    found = compare(Books(fills=many, orders={}, positions={}), books())

    assert sum(line.startswith("missing") for line in found.examples()) == EXAMPLES


def test_amounts_of_the_ledger_are_exact() -> None:
    (fill,) = books(executions=[EXECUTION | {"price": "0.1000000000000000055"}]).fills

    assert fill.price == Decimal("0.1000000000000000055")
