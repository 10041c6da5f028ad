"""Oddities of single exchanges: ids that come twice or not at all, symbols that go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread
    from tests.integration.simulator.conftest import Trader


def test_a_fill_may_carry_the_id_of_an_earlier_one(simulator: SimulatorThread, ann: Trader) -> None:
    made = ann.place(price="59000.0")
    for quantity in ("0.030", "0.050"):
        simulator.act(
            action="fill", account=ann.key, symbol="BTCUSDT", orderId=made["orderId"],
            quantity=quantity, tradeId=77,
        )  # fmt: skip

    told = ann.ask("GET", "v1/userTrades", symbol="BTCUSDT", fromId="77")
    assert [(t["id"], t["qty"]) for t in told] == [(77, "0.030"), (77, "0.050")]


def test_a_delisted_symbol_is_settled_and_gone(simulator: SimulatorThread, ann: Trader) -> None:
    ann.place("BUY", "0.300")
    ann.place(price="59000.0")

    simulator.act(action="delist", account=ann.key, symbol="BTCUSDT")

    ledger = simulator.ledger(ann.key)["accounts"][ann.key]
    assert [order["status"] for order in ledger["orders"]] == ["FILLED", "EXPIRED", "FILLED"]
    assert ledger["orders"][2]["client_order_id"].startswith("settlement_autoclose-")
    assert ledger["positions"] == []
    symbols = [s["symbol"] for s in ann.ask("GET", "v1/exchangeInfo")["symbols"]]
    assert symbols == ["ETHUSDT", "SOLUSDT", "BNBUSDT"]
    assert ann.code("GET", "v1/userTrades", symbol="BTCUSDT")[1] == -1121


def test_frames_can_hide_the_ids_of_trades(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen(events="ORDER_TRADE_UPDATE")
    simulator.faults(hide_trade_ids=True)
    ann.place("BUY", "0.001")

    fill = stream.orders(2)[1]
    assert (fill["x"], fill["t"], fill["z"]) == ("TRADE", 0, "0.001")
    assert ann.ask("GET", "v1/userTrades", symbol="BTCUSDT")[0]["id"] > 0
