"""Inverse contracts: everything is counted in the coin, at a harmonic entry price."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.simulator import answers
from exchanges.simulator.accounts import InversePosition
from exchanges.simulator.config import INVERSE, SimulatorConfig
from exchanges.simulator.engine import Engine
from exchanges.simulator.orders import OrderTerms
from tests.unit.exchanges.simulator.conftest import Desk
from tests.unit.exchanges.simulator.test_engine import OTHER, PLACED, Silence, change

if TYPE_CHECKING:
    from exchanges.simulator.accounts import Account

D = Decimal
CONFIG = SimulatorConfig(custody=INVERSE)


@pytest.mark.parametrize(
    ("fills", "quantity", "entry", "realized"),
    [
        pytest.param([("1", "100"), ("1", "300")], "2", "150", "0", id="adding is harmonic"),
        pytest.param([("2", "100"), ("-1", "125")], "1", "100", "0.2", id="closing realises"),
        pytest.param([("1", "100"), ("-3", "80")], "-2", "80", "-0.25", id="crossing does both"),
        pytest.param([("-2", "100"), ("2", "80")], "0", "0", "0.5", id="a short that is closed"),
    ],
)
def test_a_position_folds_its_fills(
    fills: list[tuple[str, str]], quantity: str, entry: str, realized: str
) -> None:
    position = InversePosition(symbol="BTCUSD_PERP", side="BOTH", contract_size=D(100))

    total = sum((position.apply(D(signed), D(price)) for signed, price in fills), D(0))

    assert position.quantity == D(quantity)
    assert position.entry_price == D(entry)
    assert total == position.realized == D(realized)


def test_a_fill_pays_its_commission_in_the_coin() -> None:
    desk = Desk(config=CONFIG)
    ann = desk.engine.open_account("ann", "s", {"BTC": D(1)})

    order = desk.place(ann, "BUY", "10", price="50000.0", time_in_force="GTC")
    desk.engine.fill_resting(order, D(10), 1)

    (fill,) = order.executions
    assert (fill.commission, fill.commission_asset) == (D("0.02") * CONFIG.maker_fee, "BTC")
    assert (order.quote, order.base) == (D(500_000), D("0.02"))
    assert ann.balance("BTC").total == D(1) - fill.commission


def test_the_average_of_several_fills_is_what_the_coins_cost() -> None:
    desk = Desk(config=CONFIG)
    order = desk.place(desk.account(), "BUY", "20", price="40000.0")
    desk.engine.fill_resting(order, D(10), 1)
    desk.engine.amend(order, D(20), D("50000.0"))
    desk.engine.fill_resting(order, D(10), 1)

    assert order.base == D("0.025") + D("0.02")
    assert order.average_price == D(2000) / D("0.045")
    assert answers.average_of(order.rules, D(20), order.base) == "44444.44444"
    assert answers.progress_at(order, order.executions[0].time) == answers.Progress(
        status="PARTIALLY_FILLED",
        executed=D(10),
        worth=D("0.02500000"),
        updated=order.executions[0].time,
        average="40000.00000",
    )


def test_an_amendment_needs_margin_for_what_it_adds() -> None:
    desk = Desk(config=CONFIG)
    ann = desk.engine.open_account("ann", "s", {"BTC": D("0.01")})
    order = desk.place(ann, "BUY", "60", price="50000.0")

    assert desk.engine.custody.affords_change(order, D(100), D("50000.0"))
    assert not desk.engine.custody.affords_change(order, D(101), D("50000.0"))


def test_turning_a_position_needs_no_margin_beyond_its_own() -> None:
    desk = Desk(config=CONFIG)
    ann = desk.engine.open_account("ann", "s", {"BTC": D("0.01")})
    desk.place(ann, "BUY", "100")

    def affords(contracts: int) -> bool:
        terms = OrderTerms(
            symbol="BTCUSD_PERP", side="SELL", type="MARKET", quantity=D(contracts), client_id="c"
        )
        return desk.engine.custody.affords(ann, terms)

    assert affords(200)
    assert not affords(240)


def test_the_margin_is_counted_in_the_coin() -> None:
    desk = Desk(config=CONFIG)
    ann = desk.engine.open_account("ann", "s", {"BTC": D("0.01")})

    def affords(contracts: int) -> bool:
        terms = OrderTerms(
            symbol="BTCUSD_PERP", side="BUY", type="LIMIT", quantity=D(contracts), client_id="c",
            price=D(50_000),
        )  # fmt: skip
        return desk.engine.custody.affords(ann, terms)

    assert affords(100)
    assert not affords(101)


@settings(max_examples=80, deadline=None)
@given(deeds=st.lists(st.one_of(PLACED, OTHER), max_size=40))
def test_the_books_always_add_up(deeds: list[dict[str, Any]]) -> None:
    engine = Engine(CONFIG, seed=3, clock=lambda: 0, sink=Silence())
    accounts = {name: engine.open_account(name, "s") for name in ("ann", "bob")}

    for number, deed in enumerate(deeds):
        do(engine, accounts, deed, number)
        for account in accounts.values():
            check_books(account)


def do(engine: Engine, accounts: dict[str, Account], deed: dict[str, Any], number: int) -> None:
    market = engine.markets["BTCUSD_PERP"]
    price = market.price + deed["ticks"] * market.rules.price_tick
    if deed["act"] == "place":
        is_market, waits = deed["kind"] == "MARKET", deed["lots"] % 4 == 0
        terms = OrderTerms(
            symbol="BTCUSD_PERP", side=deed["side"], type="MARKET" if is_market else "LIMIT",
            quantity=D(deed["lots"]), client_id=f"c{number}", price=D(0) if is_market else price,
            time_in_force="GTC" if is_market else deed["kind"], reduce_only=deed["reduce_only"],
            trigger_price=price if waits else D(0), trigger_rises=deed["ticks"] > 0,
        )  # fmt: skip
        engine.place(accounts[deed["who"]], terms)
        return
    if deed["act"] == "step":
        engine.step("BTCUSD_PERP")
        return
    alive = [order for account in accounts.values() for order in account.open.values()]
    if alive:
        order = alive[deed["number"] % len(alive)]
        change(engine, order, deed["act"], D(deed["lots"]), price)


def check_books(account: Account) -> None:
    coins, position = account.balance("BTC"), account.position("BTCUSD_PERP", "BOTH")
    signed = [(fill.quantity * fill.order.sign, fill.price) for fill in account.executions]
    assert sum(quantity for quantity, _ in signed) == position.quantity
    moved = sum((fill.realized_pnl - fill.commission for fill in account.executions), D(0))
    assert coins.total == coins.deposited + moved
    assert coins.held == sum(order.held for order in account.open.values())
    if not position.quantity:
        cash = sum((quantity * 100 / price for quantity, price in signed), D(0))
        realized = sum((fill.realized_pnl for fill in account.executions), D(0))
        assert abs(cash - realized) < D("0.000001")
    for order in account.orders.values():
        assert order.executed <= order.quantity or order.status == "CANCELED"
        assert order.is_open or not order.held
        assert order.quote == sum(fill.price * fill.quantity for fill in order.executions)
