"""Frames and rows have every field of the documents' samples, of the same type."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from exchanges.simulator.bybit import holdings, rows
from exchanges.simulator.bybit.config import settings_for
from exchanges.simulator.bybit.dialect import BybitDialect
from exchanges.simulator.bybit.progress import progress
from exchanges.simulator.engine import Engine
from exchanges.simulator.orders import OrderTerms

if TYPE_CHECKING:
    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.orders import Execution, Order

SAMPLES = Path(__file__).parents[4] / "data" / "bybit"


class House:
    """An engine without network, whose frames are kept."""

    def __init__(self, market_type: str) -> None:
        self.config = settings_for(market_type, None)
        self.market_type = market_type
        self.dialect = BybitDialect(market_type, self.config)
        self.frames: list[Any] = []
        self.engine = Engine(self.config, seed=1, clock=lambda: 1_700_000_000_000, sink=self)
        self.ann = self.engine.open_account("ann", "secret")

    def order_changed(self, order: Order, kind: str, fill: Execution | None) -> None:
        told = self.dialect.order_frames(order, kind, fill, lambda _event: True)
        self.frames += [json.loads(frame.text) for frame in told]

    def holdings_changed(self, account: Account, position: Position | None, reason: str) -> None:
        told = self.dialect.holdings_frames(account, position, reason, Decimal(0), 1)
        self.frames += [json.loads(frame.text) for frame in told]

    def fill(self, symbol: str, quantity: str) -> Execution:
        """Place an order and let half of it fill."""
        order = self.engine.place(
            self.ann,
            OrderTerms(
                symbol=symbol,
                side="BUY",
                type="LIMIT",
                quantity=Decimal(quantity),
                price=Decimal("59000.00"),
                client_id="mine",
            ),
        )
        self.engine.fill_resting(order, order.quantity / 2, 1)
        return order.executions[0]


def a_house(market_type: str = "FUTURES") -> House:
    return House(market_type)


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
    house = a_house(market_type)
    house.fill(symbol, quantity)
    ours = next(frame for frame in reversed(house.frames) if frame["topic"] == topic)
    theirs = sample(name)
    assert differences(ours, theirs) == []
    assert differences(ours["data"][0], theirs["data"][0]) == []


def test_lists_have_the_fields_of_the_documents() -> None:
    house = a_house()
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
    house = a_house("COIN_FUTURES")
    fill = house.fill("BTCUSD", "300")
    row = rows.order_event("COIN_FUTURES", progress(fill.order))
    assert (row["qty"], row["cumExecQty"], row["leavesQty"]) == ("300", "150", "150")
    assert (row["cumExecValue"], row["leavesValue"]) == ("0.00254237", "0.00254237")
    assert Decimal(row["cumExecFee"]) == fill.commission
    assert round(Decimal(row["avgPrice"])) == 59_000
