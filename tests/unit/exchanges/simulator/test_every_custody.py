"""What the exchange does to orders of itself, in every kind of market."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from exchanges.simulator.config import INVERSE, LINEAR, SPOT, SimulatorConfig
from tests.unit.exchanges.simulator.conftest import Desk

if TYPE_CHECKING:
    from exchanges.simulator.accounts import Account

D = Decimal
#: custody, a quantity of its first market (half of it is one too), a price below the market's
KINDS = [
    pytest.param((LINEAR, "0.100", "59000.00"), id=LINEAR),
    pytest.param((INVERSE, "20", "50000.0"), id=INVERSE),
    pytest.param((SPOT, "0.10000", "59000.00"), id=SPOT),
]


@pytest.fixture(params=KINDS)
def case(request: Any) -> tuple[Desk, str, str]:
    custody, quantity, price = request.param
    return Desk(config=SimulatorConfig(custody=custody)), quantity, price


def held(account: Account) -> Decimal:
    return sum((balance.held for balance in account.balances.values()), D(0))


def test_an_account_does_not_trade_with_itself(case: tuple[Desk, str, str]) -> None:
    desk, quantity, _ = case
    price = str(next(iter(desk.engine.markets.values())).price)
    ann = desk.account()
    maker = desk.place(ann, "BUY", quantity, price=price)
    taker = desk.place(ann, "SELL", quantity, price=price)

    assert (maker.status, maker.expiry_reason) == ("EXPIRED_IN_MATCH", "1")
    assert not maker.executions
    assert held(ann) == taker.held


def test_amendments_are_told_and_hold_what_is_new(case: tuple[Desk, str, str]) -> None:
    desk, quantity, price = case
    ann = desk.account()
    order = desk.place(ann, "BUY", quantity, price=price)
    desk.engine.fill_resting(order, D(quantity) / 2, 1)
    before = order.held

    desk.engine.amend(order, D(quantity) * 2, D(price))

    assert desk.listener.said[-1][:2] == ("AMENDMENT", "PARTIALLY_FILLED")
    assert (order.held, held(ann)) == (before * 3, before * 3)
    desk.engine.cancel(order)
    assert held(ann) == 0


def test_a_waiting_order_wants_margin_only_when_it_works(case: tuple[Desk, str, str]) -> None:
    desk, quantity, price = case
    ann = desk.account()
    market = next(iter(desk.engine.markets.values()))
    order = desk.place(
        ann, "BUY", quantity, price=price, trigger_price=market.price + 100, trigger_rises=True
    )
    locks = desk.engine.custody.locks(order)
    assert (held(ann) > 0) == bool(locks)

    market.move_to(market.price + 100)
    desk.engine.sweep(market)

    assert order.is_open
    assert held(ann) == order.held > 0


def test_what_ends_holds_nothing(case: tuple[Desk, str, str]) -> None:
    desk, quantity, price = case
    ann = desk.account()
    ended = [
        desk.place(ann, "BUY", quantity),
        desk.place(ann, "BUY", quantity, price=price, time_in_force="IOC"),
        desk.place(ann, "BUY", quantity, price=price),
    ]
    desk.engine.expire(ended[2], "7")

    assert [order.status for order in ended] == ["FILLED", "EXPIRED", "EXPIRED"]
    assert held(ann) == 0


def test_two_accounts_meet_and_carry_one_trade_id(case: tuple[Desk, str, str]) -> None:
    desk, quantity, _ = case
    price = str(next(iter(desk.engine.markets.values())).price)
    maker = desk.place(desk.account("ann"), "BUY", quantity, price=price)
    taker = desk.place(desk.account("bob"), "SELL", quantity, price=price)

    assert (maker.status, taker.status) == ("FILLED", "FILLED")
    assert maker.executions[0].trade_id == taker.executions[0].trade_id
    assert maker.quote == taker.quote == D(price) * D(quantity)


def test_a_waiting_order_works_when_the_price_has_risen_to_it(case: tuple[Desk, str, str]) -> None:
    desk, quantity, _ = case
    market = next(iter(desk.engine.markets.values()))
    ann = desk.account()
    order = desk.place(ann, "BUY", quantity, trigger_price=market.price + 100, trigger_rises=True)

    market.move_to(market.price + 50)
    desk.engine.sweep(market)
    assert (order.status, order.is_waiting) == ("NEW", True)
    market.move_to(market.price + 50)
    desk.engine.sweep(market)

    assert order.status == "FILLED"
    assert [kind for kind, *_ in desk.listener.said][:3] == ["NEW", "TRIGGERED", "TRADE"]


def test_beginning_anew_leaves_what_was_deposited(case: tuple[Desk, str, str]) -> None:
    desk, quantity, price = case
    ann = desk.account()
    desk.place(ann, "BUY", quantity)
    desk.place(ann, "BUY", quantity, price=price)
    market = next(iter(desk.engine.markets.values()))
    desk.place(ann, "BUY", quantity, trigger_price=market.price + 100, trigger_rises=True)

    desk.engine.begin_anew()

    assert held(ann) == 0
    assert all(each.total == each.deposited for each in ann.balances.values())
    assert not ann.open
    market.move_to(market.price + 100)
    desk.engine.sweep(market)
    assert not ann.executions
