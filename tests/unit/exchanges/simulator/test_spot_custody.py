"""Spot: whatever is done, balances are deposits plus fills less commissions, and never negative."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.simulator.config import SPOT, SimulatorConfig
from exchanges.simulator.engine import Engine
from exchanges.simulator.orders import OrderTerms
from tests.unit.exchanges.simulator.conftest import Desk
from tests.unit.exchanges.simulator.test_engine import Silence, change

if TYPE_CHECKING:
    from exchanges.simulator.accounts import Account

D = Decimal
USUAL = SimulatorConfig(custody=SPOT)
IN_QUOTE = SimulatorConfig(custody=SPOT, fees_in_quote=True, dust_cancels=True)


def free(account: Account) -> dict[str, Decimal]:
    return {asset: balance.free for asset, balance in account.balances.items()}


def owning(desk: Desk, **balances: str) -> Account:
    return desk.engine.open_account(
        "ann", "s", {asset: D(amount) for asset, amount in balances.items()}
    )


def test_a_buy_locks_what_it_may_cost_and_receives_less_the_commission() -> None:
    desk = Desk(config=USUAL)
    ann = owning(desk, USDT="10000", BTC="1")

    order = desk.place(ann, "BUY", "0.10000", price="59000.00")
    assert free(ann)["USDT"] == D(4100)

    desk.engine.fill_resting(order, D("0.04000"), 1)
    assert (ann.balance("USDT").total, free(ann)["USDT"]) == (D(7640), D(4100))
    assert ann.balance("BTC").total == D("1.04") - D("0.04") * USUAL.maker_fee
    assert order.executions[0].commission_asset == "BTC"

    desk.engine.cancel(order)
    assert free(ann)["USDT"] == D(7640)


def test_a_sell_locks_the_base_and_pays_in_the_quote() -> None:
    desk = Desk(config=USUAL)
    ann = owning(desk, USDT="0", BTC="1")

    order = desk.place(ann, "SELL", "0.40000", price="61000.00")
    assert free(ann)["BTC"] == D("0.6")
    desk.engine.fill_resting(order, D("0.40000"), 3)

    assert order.status == "FILLED"
    assert ann.balance("USDT").total == D(24400) - sum(e.commission for e in order.executions)
    assert {e.commission_asset for e in order.executions} == {"USDT"}
    assert ann.balance("BTC").held == 0


def test_what_is_not_free_cannot_be_spent_again() -> None:
    desk = Desk(config=USUAL)
    ann = owning(desk, USDT="1000", BTC="0")
    terms = OrderTerms(
        symbol="BTCUSDT", side="BUY", type="LIMIT", quantity=D("0.01000"), client_id="c",
        price=D("59000.00"),
    )  # fmt: skip

    assert desk.engine.custody.affords(ann, terms)
    order = desk.engine.place(ann, terms)

    assert not desk.engine.custody.affords(ann, terms)
    assert desk.engine.custody.affords_change(order, D("0.01600"), D("59000.00"))
    assert not desk.engine.custody.affords_change(order, D("0.01700"), D("59000.00"))


def test_a_market_buy_by_quote_leaves_dust_and_is_filled() -> None:
    desk = Desk(config=USUAL)
    ann = owning(desk, USDT="1000")

    order = desk.place(ann, "BUY", "0", quote_quantity=D(100))

    assert (order.status, order.quantity) == ("FILLED", order.executed)
    assert 0 < D(100) - order.quote < D("0.6")
    assert ann.balance("USDT").total == D(1000) - order.quote
    assert [kind for kind, *_ in desk.listener.said][-1] == "TRADE"


def test_a_market_buy_by_quote_may_end_as_cancelled() -> None:
    desk = Desk(config=IN_QUOTE)
    ann = owning(desk, USDT="1000")

    order = desk.place(ann, "BUY", "0", quote_quantity=D(100))

    assert order.status == "CANCELED"
    assert order.executed > 0
    assert desk.listener.said[-1][:2] == ("CANCELED", "CANCELED")
    paid = sum(e.commission for e in order.executions)
    assert ann.balance("USDT").total == D(1000) - order.quote - paid
    assert ann.balance("USDT").held == 0


def test_where_commissions_are_in_the_quote_a_buy_locks_its_commission_too() -> None:
    desk = Desk(config=IN_QUOTE)
    ann = owning(desk, USDT="10000")

    order = desk.place(ann, "BUY", "0.10000", price="50000.00")

    assert order.held == D(5000) * (1 + IN_QUOTE.taker_fee)


def test_what_a_fill_touches_includes_the_fee_asset() -> None:
    desk = Desk(config=USUAL)
    ann = owning(desk, USDT="10000", BNB="1")
    ann.fee_asset = "BNB"
    order = desk.place(ann, "BUY", "0.10000", price="50000.00")
    assert set(ann.touched) == {"USDT"}

    desk.engine.fill_resting(order, D("0.1"), 1)

    assert set(ann.touched) == {"BTC", "USDT", "BNB"}


def test_a_market_buy_never_spends_more_than_there_is() -> None:
    desk = Desk(config=IN_QUOTE)
    ann = owning(desk, USDT="1000")

    order = desk.place(ann, "BUY", "5.00000")

    assert order.status == "EXPIRED"
    assert 0 <= ann.balance("USDT").total < D("0.7")


def test_commissions_are_taken_from_the_fee_asset_while_it_suffices() -> None:
    desk = Desk(config=USUAL)
    ann = owning(desk, USDT="100000", BNB="0.03")
    ann.fee_asset = "BNB"

    cheap = desk.place(ann, "BUY", "0.00100")
    dear = desk.place(ann, "BUY", "1.00000")

    assert {e.commission_asset for e in cheap.executions} == {"BNB"}
    assert dear.executions[-1].commission_asset == "BTC"
    spent = sum(e.commission for e in ann.executions if e.commission_asset == "BNB")
    assert ann.balance("BNB").total == D("0.03") - spent >= 0


def test_a_stop_order_locks_waits_and_works_when_its_price_comes() -> None:
    desk = Desk(config=USUAL)
    ann = owning(desk, BTC="1")
    market = desk.engine.markets["BTCUSDT"]

    order = desk.place(ann, "SELL", "0.50000", price="58000.00", trigger_price=D(59000))
    assert (order.status, order.is_waiting, ann.balance("BTC").held) == ("NEW", True, D("0.5"))
    desk.engine.fill_resting(order, D("0.1"), 1)
    assert not order.executions

    market.move_to(D("58900.00"))
    desk.engine.sweep(market)

    assert (order.status, order.is_waiting) == ("FILLED", False)
    assert [kind for kind, *_ in desk.listener.said][:2] == ["NEW", "TRIGGERED"]


def test_a_waiting_order_can_be_amended_and_cancelled() -> None:
    desk = Desk(config=USUAL)
    ann = owning(desk, BTC="1")
    market = desk.engine.markets["BTCUSDT"]
    order = desk.place(ann, "SELL", "0.50000", price="58000.00", trigger_price=D(59000))

    desk.engine.amend(order, D("0.60000"), D("58000.00"), D(57000))
    market.move_to(D("58900.00"))
    desk.engine.sweep(market)
    assert (order.is_waiting, ann.balance("BTC").held) == (True, D("0.6"))

    desk.engine.cancel(order)
    market.move_to(D("56000.00"))
    desk.engine.sweep(market)
    assert (order.status, ann.balance("BTC").held) == ("CANCELED", D(0))


def test_orders_that_must_fill_wholly_or_rest_end_without_a_fill() -> None:
    desk = Desk(config=USUAL)
    ann = owning(desk, USDT="1000000")

    killed = desk.place(ann, "BUY", "9.00000", price="60000.01", time_in_force="FOK")
    crossing = desk.place(ann, "BUY", "0.10000", price="60100.00", time_in_force="GTX")

    assert [(o.status, o.executed) for o in (killed, crossing)] == [("EXPIRED", D(0))] * 2
    assert ann.balance("USDT").held == 0


PLACED = st.fixed_dictionaries({
    "act": st.just("place"),
    "who": st.sampled_from(["ann", "bob"]),
    "symbol": st.sampled_from(["BTCUSDT", "ETHBTC", "BNBUSDT"]),
    "side": st.sampled_from(["BUY", "SELL"]),
    "kind": st.sampled_from(["GTC", "GTC", "IOC", "FOK", "GTX", "MARKET", "QUOTE", "STOP"]),
    "lots": st.integers(1, 4000),
    "ticks": st.integers(-30, 30),
})  # fmt: skip
OTHER = st.fixed_dictionaries({
    "act": st.sampled_from(["cancel", "fill", "amend", "step"]),
    "symbol": st.sampled_from(["BTCUSDT", "ETHBTC", "BNBUSDT"]),
    "number": st.integers(0, 50),
    "lots": st.integers(1, 4000),
    "ticks": st.integers(-30, 30),
})  # fmt: skip


@pytest.mark.parametrize("config", [USUAL, IN_QUOTE], ids=["in what is received", "in quote"])
@settings(max_examples=80, deadline=None)
@given(
    deeds=st.lists(st.one_of(PLACED, OTHER), max_size=30), fee_asset=st.sampled_from(["", "BNB"])
)
def test_the_balances_always_add_up(
    config: SimulatorConfig, deeds: list[dict[str, Any]], fee_asset: str
) -> None:
    engine = Engine(config, seed=3, clock=lambda: 0, sink=Silence())
    owned = {"USDT": D(30_000), "BTC": D("0.5"), "ETH": D(5), "BNB": D(1)}
    accounts = {name: engine.open_account(name, "s", owned) for name in ("ann", "bob")}
    accounts["ann"].fee_asset = fee_asset

    for number, deed in enumerate(deeds):
        do(engine, accounts, deed, number)
        for account in accounts.values():
            check_balances(account)


def do(engine: Engine, accounts: dict[str, Account], deed: dict[str, Any], number: int) -> None:
    market = engine.markets[deed["symbol"]]
    price = market.price + deed["ticks"] * market.rules.price_tick
    quantity = deed["lots"] * market.rules.quantity_step
    if deed["act"] == "place":
        terms = terms_of(deed, quantity, price, number)
        if engine.custody.affords(accounts[deed["who"]], terms):
            engine.place(accounts[deed["who"]], terms)
        return
    if deed["act"] == "step":
        engine.step(deed["symbol"])
        return
    alive = [order for account in accounts.values() for order in account.open.values()]
    if alive:
        order = alive[deed["number"] % len(alive)]
        price = order.price + deed["ticks"] * order.rules.price_tick
        if deed["act"] != "amend" or engine.custody.affords_change(order, quantity, price):
            change(engine, order, deed["act"], quantity, price)


def terms_of(deed: dict[str, Any], quantity: Decimal, price: Decimal, number: int) -> OrderTerms:
    kind = deed["kind"]
    is_market, is_quote = kind in {"MARKET", "QUOTE"}, kind == "QUOTE" and deed["side"] == "BUY"
    return OrderTerms(
        symbol=deed["symbol"],
        side=deed["side"],
        type="MARKET" if is_market else "LIMIT",
        quantity=D(0) if is_quote else quantity,
        quote_quantity=quantity * price if is_quote else D(0),
        client_id=f"c{number}",
        price=D(0) if is_market else price,
        trigger_price=price if kind == "STOP" else D(0),
        trigger_rises=deed["side"] == "BUY",
        time_in_force=kind if kind in {"IOC", "FOK", "GTX"} else "GTC",
    )


def check_balances(account: Account) -> None:
    moved: dict[str, Decimal] = defaultdict(Decimal)
    for fill in account.executions:
        order, rules = fill.order, fill.order.rules
        moved[rules.base] += fill.quantity * order.sign
        moved[rules.quote] -= fill.quantity * fill.price * order.sign
        moved[fill.commission_asset] -= fill.commission
    locked: dict[str, Decimal] = defaultdict(Decimal)
    for order in account.open.values():
        locked[order.rules.quote if order.sign > 0 else order.rules.base] += order.held
    for asset, balance in account.balances.items():
        assert balance.total == balance.deposited + moved[asset]
        assert balance.held == locked[asset] >= 0
        assert balance.free >= 0
    for order in account.orders.values():
        assert order.is_open or not order.held
        assert order.quote == sum(fill.price * fill.quantity for fill in order.executions)
        assert (order.status == "FILLED") <= (order.executed == order.quantity)
