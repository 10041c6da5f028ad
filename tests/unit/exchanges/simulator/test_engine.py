"""The matching engine, and what must hold whatever is done to it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.engine import Engine
from exchanges.simulator.orders import OPEN_STATUSES, OrderTerms

if TYPE_CHECKING:
    from exchanges.simulator.accounts import Account
    from exchanges.simulator.orders import Order
    from tests.unit.exchanges.simulator.conftest import Desk


def test_a_market_order_takes_from_several_counterparties(desk: Desk) -> None:
    order = desk.place(desk.account(), "BUY", "0.500")

    assert order.status == "FILLED"
    assert len(order.executions) > 1
    assert sum(fill.quantity for fill in order.executions) == Decimal("0.500")
    assert all(not fill.is_maker for fill in order.executions)


def test_what_happens_is_said_in_order(desk: Desk) -> None:
    desk.place(desk.account(), "BUY", "0.500")

    kinds = [(kind, status) for kind, status, _ in desk.listener.said]
    assert kinds[0] == ("NEW", "NEW")
    assert kinds[-1] == ("TRADE", "FILLED")
    assert set(kinds[1:-1]) <= {("TRADE", "PARTIALLY_FILLED")}


def test_a_resting_order_fills_at_its_own_price_as_maker(desk: Desk) -> None:
    order = desk.place(desk.account(), "BUY", "0.100", price="59990.00")
    assert order.status == "NEW"

    desk.engine.fill_resting(order, Decimal("0.060"), 3)

    assert order.status == "PARTIALLY_FILLED"
    assert [fill.price for fill in order.executions] == [Decimal("59990.00")] * 3
    assert all(fill.is_maker for fill in order.executions)
    assert len({fill.trade_id for fill in order.executions}) == 3


def test_two_accounts_meet_at_the_price_of_the_one_who_waited(desk: Desk) -> None:
    maker = desk.place(desk.account("ann"), "BUY", "0.100", price="60000.00")
    taker = desk.place(desk.account("bob"), "SELL", "0.040", price="59000.00")

    assert taker.status == "FILLED"
    assert maker.executed == Decimal("0.040")
    assert taker.executions[0].price == Decimal("60000.00")
    assert taker.executions[0].trade_id == maker.executions[0].trade_id


def test_an_account_does_not_trade_with_itself(desk: Desk) -> None:
    ann = desk.account()
    maker = desk.place(ann, "BUY", "0.100", price="60000.00")
    desk.place(ann, "SELL", "0.100", price="60000.00")

    assert maker.status == "EXPIRED_IN_MATCH"
    assert maker.expiry_reason == "1"
    assert not maker.executions


def test_what_an_ioc_order_does_not_get_expires(desk: Desk) -> None:
    order = desk.place(desk.account(), "BUY", "5.000", price="60000.10", time_in_force="IOC")

    assert order.status == "EXPIRED"
    assert order.expiry_reason == "2"
    assert 0 < order.executed < order.quantity


def test_a_market_order_expires_when_nobody_offers(desk: Desk) -> None:
    desk.engine.markets["BTCUSDT"].thinness = 1.0

    order = desk.place(desk.account(), "BUY", "0.100")

    assert (order.status, order.expiry_reason) == ("EXPIRED", "9")
    assert order.executed == 0


def test_a_reduce_only_order_never_turns_a_position(desk: Desk) -> None:
    ann = desk.account()
    desk.place(ann, "BUY", "0.100")
    order = desk.place(ann, "SELL", "0.300", reduce_only=True)

    assert order.executed == Decimal("0.100")
    assert (order.status, order.expiry_reason) == ("EXPIRED", "4")
    assert ann.position("BTCUSDT", "BOTH").quantity == 0


def test_hedge_mode_keeps_both_sides(desk: Desk) -> None:
    ann = desk.account(hedge=True)
    desk.place(ann, "BUY", "0.200", position_side="LONG")
    desk.place(ann, "SELL", "0.100", position_side="SHORT")
    desk.place(ann, "SELL", "0.050", position_side="LONG")

    assert ann.position("BTCUSDT", "LONG").quantity == Decimal("0.150")
    assert ann.position("BTCUSDT", "SHORT").quantity == Decimal("-0.100")


def test_ids_start_equal_in_every_symbol(desk: Desk) -> None:
    ann = desk.account()
    first = desk.place(ann, "BUY", "0.100", symbol="BTCUSDT")
    second = desk.place(ann, "BUY", "0.100", symbol="ETHUSDT")

    assert first.order_id == second.order_id
    assert first.executions[0].trade_id == second.executions[0].trade_id


def test_amending_below_what_has_filled_cancels(desk: Desk) -> None:
    order = desk.place(desk.account(), "BUY", "0.100", price="59990.00")
    desk.engine.fill_resting(order, Decimal("0.060"), 1)

    desk.engine.amend(order, Decimal("0.050"), Decimal("59980.00"))

    assert (order.status, order.executed) == ("CANCELED", Decimal("0.060"))


def test_a_price_that_reaches_an_order_fills_it_in_the_end(desk: Desk) -> None:
    order = desk.place(desk.account(), "BUY", "0.100", price="59990.00")
    market = desk.engine.markets["BTCUSDT"]
    market.move_to(Decimal("59980.00"))

    for _ in range(200):
        desk.engine.sweep(market)

    assert order.status == "FILLED"
    assert len(order.executions) > 1


def test_the_same_seed_gives_the_same_history() -> None:
    def history(seed: int) -> list[str]:
        engine = Engine(SimulatorConfig(), seed=seed, clock=lambda: 0, sink=Silence())
        account = engine.open_account("ann", "s", {"USDT": Decimal(1000)})
        terms = OrderTerms(
            symbol="BTCUSDT", side="BUY", type="LIMIT", quantity=Decimal(1), client_id="c",
            price=Decimal("59990.00"),
        )  # fmt: skip
        engine.place(account, terms)
        for _ in range(100):
            engine.step("BTCUSDT")
        return [f"{fill.quantity}@{fill.price}" for fill in account.executions]

    assert history(7) == history(7)
    assert history(7)


class Silence:
    """Nobody listens."""

    def order_changed(self, *_: object) -> None:
        return

    def holdings_changed(self, *_: object) -> None:
        return


PLACED = st.fixed_dictionaries({
    "act": st.just("place"),
    "who": st.sampled_from(["ann", "bob"]),
    "side": st.sampled_from(["BUY", "SELL"]),
    "kind": st.sampled_from(["GTC", "GTC", "IOC", "MARKET"]),
    "lots": st.integers(1, 400),
    "ticks": st.integers(-30, 30),
    "reduce_only": st.booleans(),
})  # fmt: skip
OTHER = st.fixed_dictionaries({
    "act": st.sampled_from(["cancel", "fill", "amend", "step"]),
    "number": st.integers(0, 50),
    "lots": st.integers(1, 400),
    "ticks": st.integers(-30, 30),
})  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(deeds=st.lists(st.one_of(PLACED, OTHER), max_size=40))
def test_the_books_always_add_up(deeds: list[dict[str, Any]]) -> None:
    engine = Engine(SimulatorConfig(), seed=3, clock=lambda: 0, sink=Silence())
    accounts = {name: engine.open_account(name, "s") for name in ("ann", "bob")}
    ended: dict[int, tuple[str, Decimal]] = {}

    for number, deed in enumerate(deeds):
        do(engine, accounts, deed, number)
        for account in accounts.values():
            check_identities(account)
            check_terminal(account, ended)


def do(engine: Engine, accounts: dict[str, Account], deed: dict[str, Any], number: int) -> None:
    market = engine.markets["BTCUSDT"]
    price = market.price + deed["ticks"] * market.rules.price_tick
    quantity = deed["lots"] * market.rules.quantity_step
    if deed["act"] == "place":
        is_market = deed["kind"] == "MARKET"
        terms = OrderTerms(
            symbol="BTCUSDT", side=deed["side"], type="MARKET" if is_market else "LIMIT",
            quantity=quantity, client_id=f"c{number}", price=Decimal(0) if is_market else price,
            time_in_force="GTC" if is_market else deed["kind"], reduce_only=deed["reduce_only"],
        )  # fmt: skip
        engine.place(accounts[deed["who"]], terms)
        return
    if deed["act"] == "step":
        engine.step("BTCUSDT")
        return
    alive = [order for account in accounts.values() for order in account.open.values()]
    if alive:
        change(engine, alive[deed["number"] % len(alive)], deed["act"], quantity, price)


def change(engine: Engine, order: Order, act: str, quantity: Decimal, price: Decimal) -> None:
    if act == "cancel":
        engine.cancel(order)
    elif act == "fill":
        engine.fill_resting(order, quantity, 3)
    else:
        engine.amend(order, quantity, price)


def check_identities(account: Account) -> None:
    signed = [(fill.quantity * fill.order.sign, fill.price) for fill in account.executions]
    position = account.position("BTCUSDT", "BOTH")
    assert sum(quantity for quantity, _ in signed) == position.quantity
    results = sum(fill.realized_pnl - fill.commission for fill in account.executions)
    balance = account.balance("USDT")
    assert balance.total - balance.deposited == results
    if not position.quantity:
        cash = -sum((quantity * price for quantity, price in signed), Decimal(0))
        realized = sum((fill.realized_pnl for fill in account.executions), Decimal(0))
        assert abs(cash - realized) < Decimal("0.000001")
    reserved = sum(o.remaining * o.price for o in account.open.values() if not o.reduce_only)
    assert balance.held == reserved
    trade_ids = [fill.trade_id for fill in account.executions]
    assert len(trade_ids) == len(set(trade_ids))


def check_terminal(account: Account, ended: dict[int, tuple[str, Decimal]]) -> None:
    for order in account.orders.values():
        assert order.executed == sum(fill.quantity for fill in order.executions)
        assert order.executed <= order.quantity or order.status == "CANCELED"
        assert order.is_open == (order.status in OPEN_STATUSES)
        assert (order.status == "FILLED") == (order.executed == order.quantity)
        if not order.is_open:
            outcome = (order.status, order.executed)
            assert ended.setdefault(order.order_id, outcome) == outcome
