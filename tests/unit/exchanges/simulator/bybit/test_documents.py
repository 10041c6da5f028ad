"""Frames and rows have every field of the documents' samples, of the same type."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exchanges.simulator.bybit import holdings, rows
from exchanges.simulator.bybit.progress import progress
from tests.unit.exchanges.simulator.bybit.house import House

SAMPLES = Path(__file__).parents[4] / "data" / "bybit"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text())


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """The fields of theirs that ours has not, or has of another type."""
    return [
        name
        for name, value in theirs.items()
        if name not in ours or (value is not None and not isinstance(ours[name], type(value)))
    ]


@pytest.mark.parametrize(
    ("market_type", "symbol", "quantity", "topic", "name"),
    [
        ("FUTURES", "BTCUSDT", "0.200", "order.linear", "order__linear_partially_filled.json"),
        ("SPOT", "BTCUSDT", "0.2", "order.spot", "order__spot_new.json"),
        ("COIN_FUTURES", "BTCUSD", "300", "order.inverse", "order__inverse_partially_filled.json"),
        ("FUTURES", "BTCUSDT", "0.200", "execution.linear", "execution__linear_first_fill.json"),
        ("SPOT", "BTCUSDT", "0.2", "execution.spot", "execution__spot_buy.json"),
        ("FUTURES", "BTCUSDT", "0.200", "position.linear", "position__flat.json"),
        ("FUTURES", "BTCUSDT", "0.200", "wallet", "wallet__unified.json"),
    ],
)  # fmt: skip
def test_frames_have_the_fields_of_the_documents(
    market_type: str, symbol: str, quantity: str, topic: str, name: str
) -> None:  # fmt: skip
    house = House(market_type)
    house.fill(symbol, quantity)
    ours = next(frame for frame in reversed(house.frames) if frame["topic"] == topic)
    theirs = sample(name)
    assert differences(ours, theirs) == []
    assert differences(ours["data"][0], theirs["data"][0]) == []


def test_lists_have_the_fields_of_the_documents() -> None:
    house = House()
    fill = house.fill("BTCUSDT", "0.200")
    shown = {
        "rest_order_realtime__one.json": rows.order_row("FUTURES", progress(fill.order)),
        "rest_order_history__one.json": rows.order_row("FUTURES", progress(fill.order)),
        "rest_execution_list__one.json": rows.execution_row("FUTURES", fill, Decimal("0.0002")),
        "rest_position_list__inverse.json": holdings.position_row(
            house.ann.position("BTCUSDT", "BOTH"), Decimal(60_000)
        ),
        "rest_wallet_balance__one.json": holdings.wallet_row(
            ("FUTURES", each) for each in house.ann.balances.values()
        ),
    }
    missing = {
        name: differences(row, sample(name)["result"]["list"][0]) for name, row in shown.items()
    }
    assert {name: fields for name, fields in missing.items() if fields} == {}


def test_a_partial_fill_is_told_in_numbers_that_agree() -> None:
    house = House("COIN_FUTURES")
    fill = house.fill("BTCUSD", "300")
    row = rows.order_event("COIN_FUTURES", progress(fill.order))
    assert (row["qty"], row["cumExecQty"], row["leavesQty"]) == ("300", "150", "150")
    assert (row["cumExecValue"], row["leavesValue"]) == ("0.00254237", "0.00254237")
    assert Decimal(row["cumExecFee"]) == fill.commission
    assert round(Decimal(row["avgPrice"])) == 59_000
