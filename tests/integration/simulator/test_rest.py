"""REST, as anybody's client sees it."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread
    from tests.integration.simulator.conftest import Trader


def test_a_market_order_is_found_with_its_trades(ann: Trader) -> None:
    placed = ann.place(quantity="0.200", newOrderRespType="RESULT", newClientOrderId="my-1")
    assert (placed["status"], placed["executedQty"]) == ("FILLED", "0.200")
    assert "avgPrice" not in placed

    order = ann.ask("GET", "v1/order", symbol="BTCUSDT", origClientOrderId="my-1")
    trades = ann.ask("GET", "v1/userTrades", symbol="BTCUSDT", orderId=order["orderId"])

    assert order["orderId"] == placed["orderId"]
    assert sum(Decimal(trade["qty"]) for trade in trades) == Decimal(order["executedQty"])
    assert sum(Decimal(trade["quoteQty"]) for trade in trades) == Decimal(order["cumQuote"])


def test_a_resting_order_is_listed_until_it_is_cancelled(ann: Trader) -> None:
    order_id = ann.place(price="59000.0")["orderId"]
    assert [o["orderId"] for o in ann.ask("GET", "v1/openOrders", symbol="BTCUSDT")] == [order_id]
    assert ann.ask("GET", "v1/openOrders", symbol="ETHUSDT") == []

    cancelled = ann.ask("DELETE", "v1/order", symbol="BTCUSDT", orderId=order_id)

    assert cancelled["status"] == "CANCELED"
    assert ann.ask("GET", "v1/openOrders") == []
    assert ann.code("GET", "v1/openOrder", symbol="BTCUSDT", orderId=order_id) == (400, -2013)
    assert ann.code("DELETE", "v1/order", symbol="BTCUSDT", orderId=order_id) == (400, -2011)
    assert ann.ask("GET", "v1/order", symbol="BTCUSDT", orderId=order_id)["status"] == "CANCELED"


def test_an_acknowledgement_does_not_tell_what_has_filled(ann: Trader) -> None:
    placed = ann.place()
    assert (placed["status"], placed["executedQty"]) == ("NEW", "0")


def test_an_order_can_be_amended(ann: Trader) -> None:
    order_id = ann.place(price="59000.0")["orderId"]
    terms = {"symbol": "BTCUSDT", "side": "BUY", "orderId": order_id}

    amended = ann.ask("PUT", "v1/order", **terms, quantity="0.200", price="58000.0")

    assert (amended["origQty"], amended["price"]) == ("0.200", "58000.00")
    refused = ann.code("PUT", "v1/order", **terms, quantity="0.200", price="58000.0")
    assert refused == (400, -5027)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"price": "59000.05"}, -4014),
        ({"quantity": "0.0005"}, -1111),
        ({"quantity": "0"}, -4003),
        ({"quantity": "900000"}, -4005),
        ({"price": "40000.0", "quantity": "0.001"}, -4164),
        ({"quantity": "50"}, -2019),
        ({"reduceOnly": "true"}, -2022),
        ({"price": "60000.1", "quantity": "0.010", "timeInForce": "GTX"}, -5022),
        ({"price": "60000.1", "quantity": "3.000", "timeInForce": "FOK"}, -5021),
        ({"price": "59000.0", "timeInForce": "GTD"}, -1115),
        ({"symbol": "NOPEUSDT"}, -1121),
        ({"symbol": ""}, -1102),
        ({"quantity": "many"}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"type": "ICEBERG"}, -1116),
        ({"type": "STOP_MARKET"}, -4120),
        ({"type": "LIMIT", "timeInForce": "GTC"}, -1102),
        ({"positionSide": "LONG"}, -4061),
        ({"newClientOrderId": "no blanks"}, -4015),
        ({"timeInForce": "GTC"}, -1106),
    ],
)
def test_a_wrong_order_is_refused_with_binances_code(
    ann: Trader, terms: dict[str, Any], code: int
) -> None:
    assert ann.refused(**terms) == code
    assert ann.ask("GET", "v1/allOrders", symbol="BTCUSDT") == []


def test_a_client_id_may_be_used_again_only_after_its_order_has_ended(ann: Trader) -> None:
    order = ann.place(price="59000.0", newClientOrderId="once")
    assert ann.refused(price="59000.0", newClientOrderId="once") == -4116

    ann.ask("DELETE", "v1/order", symbol="BTCUSDT", orderId=order["orderId"])
    ann.place(price="59000.0", newClientOrderId="once")

    assert ann.simulator.ledger(summary=True)["client_ids_reused"] == 1


def test_requests_must_be_signed_in_time_and_by_somebody(ann: Trader) -> None:
    now = int(time.time() * 1000)
    assert ann.code("GET", "v1/openOrders", timestamp=now - 6_000) == (400, -1021)
    assert ann.code("GET", "v1/openOrders", timestamp=now + 3_000) == (400, -1021)
    ann.secret = "another"
    assert ann.code("GET", "v1/openOrders") == (400, -1022)
    ann.http.headers["X-MBX-APIKEY"] = "nobody"
    assert ann.code("GET", "v1/openOrders") == (401, -2015)
    del ann.http.headers["X-MBX-APIKEY"]
    assert ann.code("GET", "v1/openOrders") == (401, -2014)


def test_trades_are_paged_by_id(ann: Trader) -> None:
    ann.place(quantity="0.500")
    trades = ann.ask("GET", "v1/userTrades", symbol="BTCUSDT")
    assert len(trades) > 3

    page = ann.ask("GET", "v1/userTrades", symbol="BTCUSDT", fromId=trades[1]["id"], limit=2)

    assert page == trades[1:3]
    assert ann.ask("GET", "v1/userTrades", symbol="BTCUSDT", limit=2) == trades[-2:]
    last_time = trades[-1]["time"]
    later = ann.ask("GET", "v1/userTrades", symbol="BTCUSDT", startTime=last_time + 1)
    assert later == []
    week = 7 * 86_400_000
    too_wide = {"symbol": "BTCUSDT", "startTime": last_time - week - 1, "endTime": last_time}
    assert ann.code("GET", "v1/userTrades", **too_wide) == (400, -4166)


def test_positions_and_balances_follow_the_fills(ann: Trader, bob: Trader) -> None:
    ann.place("BUY", "0.300")
    ann.place("SELL", "0.100")

    (position,) = ann.ask("GET", "v3/positionRisk")
    trades = ann.ask("GET", "v1/userTrades", symbol="BTCUSDT")
    change = sum(Decimal(t["realizedPnl"]) - Decimal(t["commission"]) for t in trades)

    assert position["positionAmt"] == "0.200"
    assert Decimal(ann.ask("GET", "v3/balance")[0]["balance"]) == Decimal(100_000) + change
    assert ann.ask("GET", "v3/account")["positions"] == [position]
    assert bob.ask("GET", "v3/positionRisk") == []


def test_income_tells_commissions_and_results(ann: Trader) -> None:
    ann.place("BUY", "0.300")
    ann.place("SELL", "0.300")
    trades = ann.ask("GET", "v1/userTrades", symbol="BTCUSDT")

    rows = ann.ask("GET", "v1/income", limit=1000)
    fees = [row for row in rows if row["incomeType"] == "COMMISSION"]
    results = ann.ask("GET", "v1/income", incomeType="REALIZED_PNL", symbol="BTCUSDT")

    assert {row["tradeId"] for row in fees} == {str(trade["id"]) for trade in trades}
    paid = sum(Decimal(row["income"]) for row in fees)
    assert paid == -sum(Decimal(trade["commission"]) for trade in trades)
    earned = sum(Decimal(row["income"]) for row in results)
    assert earned == sum(Decimal(trade["realizedPnl"]) for trade in trades)


def test_hedge_mode_is_chosen_while_flat(ann: Trader) -> None:
    assert ann.ask("GET", "v1/positionSide/dual") == {"dualSidePosition": False}
    ann.ask("POST", "v1/positionSide/dual", dualSidePosition="true")

    ann.place("BUY", "0.100", positionSide="LONG")
    ann.place("SELL", "0.100", positionSide="SHORT")

    assert ann.refused("SELL", "0.200", positionSide="LONG") == -2022
    amounts = {p["positionSide"]: p["positionAmt"] for p in ann.ask("GET", "v3/positionRisk")}
    assert amounts == {"LONG": "0.100", "SHORT": "-0.100"}
    refused = ann.code("POST", "v1/positionSide/dual", dualSidePosition="false")
    assert refused == (400, -4068)


def test_weights_and_order_counts_are_told_in_headers(ann: Trader) -> None:
    placed = ann.send("POST", "v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1")
    listed = ann.send("GET", "v1/openOrders")

    assert placed.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert placed.headers["X-MBX-ORDER-COUNT-1M"] == "1"
    assert int(listed.headers["X-MBX-USED-WEIGHT-1M"]) == 40


def test_too_much_weight_is_refused_and_then_banned(
    simulator: SimulatorThread, ann: Trader
) -> None:
    simulator.configure(weight_limit=80, ban_after=1)
    answers = [ann.send("GET", "v1/openOrders") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 418, 418]
    assert int(answers[2].headers["Retry-After"]) <= 61
    assert answers[4].json()["code"] == -1003

    counted = simulator.ledger(summary=True)
    assert (counted["bans"], counted["requests_during_ban"]) == (1, 1)
    simulator.faults(ban=0)
    simulator.configure(enforce_limits=False)
    assert ann.ask("GET", "v1/openOrders") == []


def test_an_unfilled_order_is_forgotten_and_a_filled_one_is_not(
    simulator: SimulatorThread, ann: Trader
) -> None:
    empty = ann.place(price="59000.0")["orderId"]
    filled = ann.place()["orderId"]
    ann.ask("DELETE", "v1/order", symbol="BTCUSDT", orderId=empty)

    simulator.configure(unfilled_retention_ms=-1000)

    assert ann.code("GET", "v1/order", symbol="BTCUSDT", orderId=empty) == (400, -2013)
    orders = ann.ask("GET", "v1/allOrders", symbol="BTCUSDT")
    assert [order["orderId"] for order in orders] == [filled]


def test_all_open_orders_of_a_symbol_are_cancelled_at_once(ann: Trader) -> None:
    ann.place(price="59000.0")
    ann.place(price="58000.0")
    ann.place(symbol="ETHUSDT", price="2900.00")

    answer = ann.ask("DELETE", "v1/allOpenOrders", symbol="BTCUSDT")

    assert answer["code"] == 200
    assert [order["symbol"] for order in ann.ask("GET", "v1/openOrders")] == ["ETHUSDT"]


def test_a_stop_waits_in_its_own_list_and_becomes_an_order(
    simulator: SimulatorThread, ann: Trader
) -> None:
    stream = ann.listen(events="ALGO_UPDATE/ORDER_TRADE_UPDATE")
    stop = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "BUY", "type": "STOP_MARKET"}
    early = stop | {"quantity": "0.100", "triggerPrice": "59000.0"}
    assert ann.code("POST", "v1/algoOrder", **early) == (400, -2021)
    algo = ann.ask("POST", "v1/algoOrder", **stop, quantity="0.100", triggerPrice="60500.0")
    assert ann.ask("GET", "v1/openOrders") == []
    assert ann.ask("GET", "v1/openAlgoOrders")[0]["algoId"] == algo["algoId"]

    simulator.price("BTCUSDT", "60600.0")

    told = [stream.next() for _ in range(3)]
    assert [frame["o"]["X"] for frame in told] == ["NEW", "TRIGGERING", "NEW"]
    ended = ann.ask("GET", "v1/algoOrder", algoId=algo["algoId"])
    assert (ended["algoStatus"], ended["actualQty"]) == ("FINISHED", "0.100")
    child = ann.ask("GET", "v1/order", symbol="BTCUSDT", orderId=ended["actualOrderId"])
    assert (child["status"], child["type"]) == ("FILLED", "MARKET")
    assert ann.ask("GET", "v1/openAlgoOrders") == []


def test_a_waiting_stop_can_be_cancelled_once(ann: Trader) -> None:
    algo = ann.ask(
        "POST", "v1/algoOrder", algoType="CONDITIONAL", symbol="BTCUSDT", side="SELL",
        type="TAKE_PROFIT", quantity="0.100", price="61000.0", triggerPrice="61000.0",
        clientAlgoId="tp-1",
    )  # fmt: skip
    assert algo["clientAlgoId"] == "tp-1"

    ann.ask("DELETE", "v1/algoOrder", clientAlgoId="tp-1")

    assert ann.code("DELETE", "v1/algoOrder", algoId=algo["algoId"]) == (400, -2011)
    listed = ann.ask("GET", "v1/allAlgoOrders", symbol="BTCUSDT")
    assert [each["algoStatus"] for each in listed] == ["CANCELED"]


def test_prices_and_rules_are_public(simulator: SimulatorThread, ann: Trader) -> None:
    base = f"{simulator.url}/fapi/v1"
    rules = ann.http.get(f"{base}/exchangeInfo", timeout=5).json()
    prices = ann.http.get(f"{base}/ticker/price", timeout=5).json()
    quote = ann.http.get(f"{base}/ticker/bookTicker?symbol=BTCUSDT", timeout=5).json()

    assert {row["symbol"] for row in rules["symbols"]} == {row["symbol"] for row in prices}
    assert Decimal(quote["bidPrice"]) < Decimal(quote["askPrice"])
    assert ann.http.get(f"{base}/time", timeout=5).json()["serverTime"] > 0
    assert ann.http.get(f"{base}/nothing", timeout=5).status_code == 404
