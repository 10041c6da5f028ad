"""The oracle, what is done by hand, prices and bursts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.errors import ControlError
from exchanges.simulator.thread import SimulatorThread
from tests.integration.simulator.conftest import Trader, eventually


def books(simulator: SimulatorThread, trader: Trader) -> Any:
    return simulator.ledger(trader.key)["accounts"][trader.key]


def test_the_ledger_equals_what_rest_tells(simulator: SimulatorThread, ann: Trader) -> None:
    ann.place("BUY", "0.300")
    ann.place("SELL", "0.100")
    ann.place(price="59000.0")
    ledger = books(simulator, ann)

    trades = ann.ask("GET", "v1/userTrades", symbol="BTCUSDT")
    told = [(str(t["id"]), t["price"], t["qty"], t["commission"], t["realizedPnl"]) for t in trades]
    names = ("exchange_trade_id", "price", "quantity", "commission", "realized_pnl")
    assert [tuple(fill[name] for name in names) for fill in ledger["executions"]] == told
    assert ledger["positions"][0]["quantity"] == "0.200"
    assert [order["status"] for order in ledger["orders"]] == ["FILLED", "FILLED", "NEW"]
    assert [order["quantity"] for order in ledger["open_orders"]] == ["0.100"]
    assert ledger["executions"][0]["market_type"] == "FUTURES"


def test_a_trader_places_and_cancels_by_hand(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen(events="ORDER_TRADE_UPDATE")
    made = simulator.act(
        action="place", account=ann.key, symbol="BTCUSDT", side="BUY", type="LIMIT",
        quantity="0.100", price="59000.0",
    )  # fmt: skip
    simulator.act(
        action="fill", account=ann.key, symbol="BTCUSDT", orderId=made["exchange_order_id"],
        quantity="0.030", counterparties=3,
    )  # fmt: skip
    simulator.act(
        action="cancel", account=ann.key, symbol="BTCUSDT", clientOrderId=made["client_order_id"]
    )

    told = stream.orders(5)
    assert [o["x"] for o in told] == ["NEW", "TRADE", "TRADE", "TRADE", "CANCELED"]
    assert told[0]["c"].startswith("web_")
    assert (told[4]["X"], told[4]["z"]) == ("CANCELED", "0.030")
    counted = simulator.ledger(summary=True)
    assert (counted["by_hand"], counted["partial_then_cancelled"]) == (1, 1)


def test_the_exchange_liquidates(simulator: SimulatorThread, ann: Trader) -> None:
    ann.place("BUY", "0.100")
    resting = ann.place(price="50000.0")["orderId"]
    stream = ann.listen(events="ORDER_TRADE_UPDATE")

    simulator.act(action="liquidate", account=ann.key, symbol="BTCUSDT", price="55000.0")

    expired, new, closed = stream.orders(3)
    assert (expired["i"], expired["X"], expired["er"]) == (resting, "EXPIRED", "5")
    assert (new["x"], new["X"], new["o"]) == ("NEW", "NEW", "LIQUIDATION")
    assert closed["c"].startswith("autoclose-")
    assert (closed["x"], closed["X"], closed["z"]) == ("CALCULATED", "FILLED", "0.100")
    assert books(simulator, ann)["positions"] == []


def test_the_exchange_deleverages(simulator: SimulatorThread, ann: Trader) -> None:
    ann.place("SELL", "0.100")
    stream = ann.listen(events="ORDER_TRADE_UPDATE")
    simulator.act(action="deleverage", account=ann.key, symbol="BTCUSDT")
    new, closed = stream.orders(2)
    assert (new["x"], new["X"]) == ("NEW", "NEW")
    assert closed["c"].startswith("adl_autoclose")
    assert (closed["x"], closed["X"], closed["z"]) == ("CALCULATED", "NEW_ADL", "0.100")


def test_a_cancel_may_be_told_before_the_fill_it_followed(
    simulator: SimulatorThread, ann: Trader
) -> None:
    order_id = ann.place(price="59000.0")["orderId"]
    stream = ann.listen(events="ORDER_TRADE_UPDATE")
    simulator.act(
        action="cancel_then_fill", account=ann.key, symbol="BTCUSDT", orderId=order_id,
        quantity="0.040",
    )  # fmt: skip
    assert [(o["x"], o["z"]) for o in stream.orders(2)] == [
        ("CANCELED", "0.040"), ("TRADE", "0.040"),
    ]  # fmt: skip


def test_money_moves_without_trading(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen(events="ACCOUNT_UPDATE")
    simulator.act(action="funding", account=ann.key, symbol="BTCUSDT", amount="-1.25")
    simulator.act(action="transfer", account=ann.key, amount="100")

    funding, deposit = stream.next()["a"], stream.next()["a"]
    assert (funding["m"], funding["B"][0]["bc"], funding["P"]) == ("FUNDING_FEE", "-1.25", [])
    assert (deposit["m"], deposit["B"][0]["wb"]) == ("DEPOSIT", "100098.75")
    kinds = [row["incomeType"] for row in ann.ask("GET", "v1/income")]
    assert kinds == ["FUNDING_FEE", "TRANSFER"]


def test_any_text_can_be_said(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen()
    simulator.act(action="say", account=ann.key, text='{"e":"GRID_UPDATE"')
    stream.socket.settimeout(5)
    assert stream.socket.recv() == '{"e":"GRID_UPDATE"'


@pytest.mark.parametrize(
    "terms",
    [
        {"action": "dance", "account": "ann-key"},
        {"action": "cancel", "account": "nobody"},
        {"action": "cancel", "account": "ann-key", "symbol": "BTCUSDT", "orderId": 1},
        {"action": "place", "account": "ann-key", "symbol": "BTCUSDT", "side": "BUY"},
        {"action": "liquidate", "account": "ann-key", "symbol": "BTCUSDT"},
        {"action": "transfer", "account": "ann-key", "amount": "much"},
    ],
)
def test_what_makes_no_sense_is_refused(
    simulator: SimulatorThread, ann: Trader, terms: dict[str, Any]
) -> None:
    with pytest.raises(ControlError):
        simulator.act(**terms)
    assert books(simulator, ann)["orders"] == []


def test_an_account_is_opened_once(simulator: SimulatorThread, ann: Trader) -> None:
    assert simulator.account(ann.key, ann.secret, "5")["balance"] == "100000"
    with pytest.raises(ControlError, match="another secret"):
        simulator.account(ann.key, "other")


def test_settings_that_do_not_exist_are_refused(simulator: SimulatorThread) -> None:
    with pytest.raises(ControlError, match="cannot be changed: seed"):
        simulator.configure(seed=1)
    with pytest.raises(ControlError, match="will not do"):
        simulator.configure(enforce_limits="yes")
    assert simulator.configure(weight_limit=7)["weight_limit"] == 7


def test_prices_move_by_themselves_and_fill_what_they_reach() -> None:
    config = SimulatorConfig(price_interval=0.005, volatility=0.001)
    with SimulatorThread(config=config) as simulator:
        ann = Trader(simulator)
        ann.place("BUY", "0.100", price="59990.0")
        ann.place("SELL", "0.100", price="60010.0")
        eventually(lambda: bool(books(simulator, ann)["executions"]))
        ann.close()


def test_prices_are_the_same_for_the_same_seed() -> None:
    seen = []
    for _ in range(2):
        with SimulatorThread(seed=9, config=SimulatorConfig(price_interval=0)) as simulator:
            seen.append(simulator.step(20))
    assert seen[0] == seen[1]
    assert seen[0]["BTCUSDT"] != "60000.00"


def test_a_burst_fills_real_orders_and_tells_all(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen(events="ORDER_TRADE_UPDATE")
    simulator.burst(rate=2000, seconds=5, fills=40, fills_per_order=4)
    told = stream.orders(50)
    eventually(lambda: simulator.burst()["state"] == "done")

    report, ledger = simulator.burst(), books(simulator, ann)
    assert (report["fills"], report["orders"]) == (40, 10)
    assert [order["status"] for order in ledger["orders"]] == ["FILLED"] * 10
    trades = [(o["s"], str(o["t"])) for o in told if o["x"] == "TRADE"]
    booked = [(fill["symbol"], fill["exchange_trade_id"]) for fill in ledger["executions"]]
    assert trades == booked
    spent = sum(Decimal(f["realized_pnl"]) - Decimal(f["commission"]) for f in ledger["executions"])
    assert Decimal(ledger["balances"][0]["wallet_balance"]) == 100_000 + spent


def test_an_unpaced_burst_is_cheap(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen(events="ORDER_TRADE_UPDATE")
    simulator.burst(rate=0, seconds=5, fills=2000)
    stream.orders(2500)
    eventually(lambda: simulator.burst()["state"] == "done")
    assert simulator.burst()["cpu_ms_per_fill"] < 0.5


def test_a_burst_with_unknown_terms_is_refused(simulator: SimulatorThread, ann: Trader) -> None:
    with pytest.raises(ControlError):
        simulator.burst(rate=1, speed=2)
    with pytest.raises(ControlError):
        simulator.burst(rate=1, accounts=["nobody"])


def test_the_process_stops_at_a_signal() -> None:
    program = (
        "from exchanges.simulator.server import run;"
        "run(0, 1, None, lambda url: print(url, flush=True))"
    )
    environment = os.environ | {"PYTHONPATH": "."}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        assert any(line.startswith("http://127.0.0.1:") for line in lines)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
