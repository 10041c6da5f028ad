"""Binance spot over REST: orders, fills, balances, limits and faults, as documented."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.thread import SimulatorThread
from tests.integration.simulator.spot_trader import LIMIT, SpotTrader

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
DAY = 86_400_000


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(
        houses=[("BINANCE", "SPOT")], config=SimulatorConfig(price_interval=0)
    ) as running:
        yield running


@pytest.fixture
def ann(simulator: SimulatorThread) -> Iterator[SpotTrader]:
    trader = SpotTrader(simulator)
    yield trader
    trader.house.faults(reset=True)
    trader.house.act(action="reset", account=trader.key)
    trader.house.price("BTCUSDT", "60000", fill="none")
    trader.close()


def test_a_full_answer_tells_the_fills(ann: SpotTrader) -> None:
    order = ann.ask("POST", "order", **MARKET, quantity="0.1")

    assert (order["status"], order["executedQty"]) == ("FILLED", "0.10000000")
    fills = order["fills"]
    assert sum(Decimal(each["qty"]) for each in fills) == Decimal("0.1")
    worth = sum(Decimal(each["qty"]) * Decimal(each["price"]) for each in fills)
    assert Decimal(order["cummulativeQuoteQty"]) == worth
    assert {each["commissionAsset"] for each in fills} == {"BTC"}
    trades = ann.ask("GET", "myTrades", symbol="BTCUSDT", orderId=order["orderId"])
    assert [each["id"] for each in trades] == [each["tradeId"] for each in fills]


def test_how_much_an_answer_tells_is_chosen(ann: SpotTrader) -> None:
    assert "fills" not in ann.rest(newOrderRespType="RESULT")
    assert "status" not in ann.rest(newOrderRespType="ACK")
    assert ann.rest()["fills"] == []


def test_an_order_by_quote_spends_no_more(ann: SpotTrader) -> None:
    order = ann.ask("POST", "order", **MARKET, quoteOrderQty="1000")

    assert order["origQuoteOrderQty"] == "1000.00000000"
    assert Decimal(990) < Decimal(order["cummulativeQuoteQty"]) <= 1000


def test_orders_lock_what_they_may_take(ann: SpotTrader) -> None:
    order = ann.rest("0.02", "50000")
    found = {each["asset"]: each for each in ann.ask("GET", "account")["balances"]}
    assert found["USDT"]["locked"] == "1000.00000000"

    ann.ask("DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"])
    found = {each["asset"]: each for each in ann.ask("GET", "account")["balances"]}
    assert Decimal(found["USDT"]["locked"]) == 0


def test_a_cancel_has_a_client_id_of_its_own(ann: SpotTrader) -> None:
    order = ann.rest(newClientOrderId="mine")
    chosen = {"symbol": "BTCUSDT", "origClientOrderId": "mine"}
    assert (
        ann.code("DELETE", "order", **chosen, cancelRestrictions="ONLY_PARTIALLY_FILLED") == -2011
    )
    cancelled = ann.ask("DELETE", "order", **chosen, newClientOrderId="theirs")

    assert (cancelled["origClientOrderId"], cancelled["clientOrderId"]) == ("mine", "theirs")
    assert ann.ask("GET", "order", **chosen)["orderId"] == order["orderId"]
    assert ann.code("DELETE", "order", **chosen) == -2011


def test_a_query_with_both_ids_checks_them(ann: SpotTrader) -> None:
    order = ann.rest(newClientOrderId="mine")
    chosen = {"symbol": "BTCUSDT", "orderId": order["orderId"]}

    assert ann.ask("GET", "order", **chosen, origClientOrderId="mine")["clientOrderId"] == "mine"
    assert ann.code("GET", "order", **chosen, origClientOrderId="other") == -2039
    assert ann.code("GET", "order", symbol="BTCUSDT", orderId=1) == -2013


def test_an_order_becomes_smaller_and_keeps_its_id(ann: SpotTrader) -> None:
    order = ann.rest("0.02")
    chosen = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    amended = ann.ask(
        "PUT", "order/amend/keepPriority", **chosen, newQty="0.01", newClientOrderId="smaller"
    )

    assert amended["amendedOrder"]["qty"] == "0.01000000"
    assert ann.ask("GET", "order", **chosen)["clientOrderId"] == "smaller"
    (row,) = ann.ask("GET", "order/amendments", **chosen)
    assert (row["origQty"], row["newQty"]) == ("0.02000000", "0.01000000")
    assert ann.code("PUT", "order/amend/keepPriority", **chosen, newQty="0.02") == -2038


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"price": "59000.001"}, -1013),
        ({"quantity": "0.000001"}, -1013),
        ({"quantity": "0.00001"}, -1013),
        ({"price": "59000.123456789"}, -1111),
        ({"quantity": "5"}, -2010),
        ({"symbol": "NONE"}, -1121),
        ({"type": "TRAILING"}, -1116),
        ({"timeInForce": "GTX"}, -1115),
        ({"quantity": "-1"}, -1013),
        ({"type": "LIMIT_MAKER", "price": "61000", "timeInForce": ""}, -2010),
        ({"type": "STOP_LOSS_LIMIT", "stopPrice": "59000"}, -2010),
        ({"newClientOrderId": "a b"}, -1100),
        ({"type": "MARKET"}, -1106),
    ],
)
def test_a_wrong_order_is_refused_with_binances_code(
    ann: SpotTrader, terms: dict[str, Any], code: int
) -> None:
    values = {**LIMIT, "quantity": "0.02", "price": "59000.01", **terms}
    assert ann.code("POST", "order", **values) == code
    assert ann.house.ledger(ann.key)["accounts"][ann.key]["orders"] == []


def test_a_client_id_may_be_used_again_when_its_order_has_ended(ann: SpotTrader) -> None:
    order = ann.rest(newClientOrderId="mine")
    assert ann.code("POST", "order", **LIMIT, quantity="0.02", price="59000",
                    newClientOrderId="mine") == -2010  # fmt: skip
    ann.ask("DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"])
    ann.rest(newClientOrderId="mine")


def test_a_stop_order_waits_among_the_others(ann: SpotTrader) -> None:
    stop = {**LIMIT, "side": "SELL", "type": "STOP_LOSS_LIMIT", "quantity": "0.02"}
    order = ann.ask("POST", "order", **stop, price="58000", stopPrice="59000")
    (row,) = ann.ask("GET", "openOrders", symbol="BTCUSDT")
    assert (row["type"], row["isWorking"], row["workingTime"]) == ("STOP_LOSS_LIMIT", False, -1)

    ann.house.price("BTCUSDT", "58900")
    found = ann.ask("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])
    assert (found["status"], found["isWorking"]) == ("FILLED", True)
    assert found["time"] <= found["workingTime"] <= found["updateTime"]


def test_what_cannot_fill_at_once_expires(ann: SpotTrader) -> None:
    whole = ann.ask(
        "POST", "order", **{**LIMIT, "timeInForce": "FOK"}, quantity="0.5", price="59000"
    )
    rest = ann.ask(
        "POST", "order", **{**LIMIT, "timeInForce": "IOC"}, quantity="0.5", price="59000"
    )

    assert (whole["status"], rest["status"]) == ("EXPIRED", "EXPIRED")
    found = ann.ask("GET", "order", symbol="BTCUSDT", orderId=whole["orderId"])
    assert found["expiryReason"] == "UNFILLED_FOK_ORDER_EXPIRED"


def test_trades_are_asked_for_in_known_ways_and_a_day_at_most(ann: SpotTrader) -> None:
    for _ in range(3):
        ann.ask("POST", "order", **MARKET, quantity="0.001")
    trades = ann.ask("GET", "myTrades", symbol="BTCUSDT")
    first, start = trades[1]["id"], trades[0]["time"]

    assert ann.ask("GET", "myTrades", symbol="BTCUSDT", fromId=first) == trades[1:]
    assert ann.ask("GET", "myTrades", symbol="BTCUSDT", startTime=start, limit=1) == trades[:1]
    assert ann.ask("GET", "myTrades", symbol="BTCUSDT", limit=1) == trades[-1:]
    for wrong, code in (
        ({"fromId": first, "startTime": start}, -1128),
        ({"startTime": start, "endTime": start + DAY + 1}, -1127),
    ):
        assert ann.code("GET", "myTrades", symbol="BTCUSDT", **wrong) == code
    assert ann.code("GET", "allOrders", symbol="BTCUSDT", startTime=1, endTime=2 + DAY) == -1127
    assert len(ann.ask("GET", "allOrders", symbol="BTCUSDT", startTime=start - 1000)) == 3


def test_an_unfilled_order_is_archived(ann: SpotTrader) -> None:
    order = ann.rest()
    ann.ask("DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"])
    ann.house.configure(unfilled_retention_ms=-1)
    try:
        assert ann.code("GET", "order", symbol="BTCUSDT", orderId=order["orderId"]) == -2026
        assert ann.ask("GET", "allOrders", symbol="BTCUSDT") == []
    finally:
        ann.house.configure(unfilled_retention_ms=90 * DAY)


def test_weights_are_told_and_success_is_free(ann: SpotTrader) -> None:
    def used() -> int:
        return sum(ann.house.ledger(summary=True)["weight_by_minute"].values())

    before = used()
    response = ann.send("POST", "order", **LIMIT, quantity="0.02", price="59000")
    assert int(response.headers["X-MBX-USED-WEIGHT-1M"]) >= 0
    assert response.headers["X-MBX-ORDER-COUNT-10S"] > "0"
    assert response.headers["X-MBX-ORDER-COUNT-1D"] > "0"
    number = response.json()["orderId"]
    ann.ask("GET", "myTrades", symbol="BTCUSDT", orderId=number)
    ann.ask("GET", "openOrders", symbol="BTCUSDT")
    ann.ask("DELETE", "order", symbol="BTCUSDT", orderId=number)
    assert used() - before == 5 + 6


def test_listen_keys_are_gone(ann: SpotTrader) -> None:
    url = f"{ann.simulator.url}/api/v3/userDataStream"
    for method in ("POST", "PUT", "DELETE"):
        response = requests.request(method, url, headers={"X-MBX-APIKEY": ann.key}, timeout=5)
        assert (response.status_code, response.headers["Content-Type"][:9]) == (410, "text/html")


def test_a_signature_covers_what_was_sent(ann: SpotTrader) -> None:
    sign, ann.sign = ann.sign, lambda payload: "0" * len(payload)
    assert ann.code("GET", "account") == -1022
    ann.sign = sign
    assert ann.code("GET", "account", timestamp=1) == -1021
    assert ann.code("GET", "order", symbol="BTCUSDT", orderId="1", recvWindow=70_000) == -1131


def test_an_answer_may_be_lost_when_all_is_done(ann: SpotTrader) -> None:
    ann.house.faults(accept_but_lose_answer={"POST order": {"how": "timeout", "count": 1}})
    response = ann.send(
        "POST", "order", **LIMIT, quantity="0.02", price="59000", newClientOrderId="lost"
    )
    assert (response.status_code, response.json()["code"]) == (408, -1007)
    assert ann.ask("GET", "order", symbol="BTCUSDT", origClientOrderId="lost")["status"] == "NEW"


def test_an_order_may_be_placed_by_hand(ann: SpotTrader) -> None:
    row = ann.house.act(
        action="place", account=ann.key, symbol="BTCUSDT", side="BUY", quantity="0.01"
    )
    found = ann.ask("GET", "order", symbol="BTCUSDT", orderId=row["exchange_order_id"])
    assert (found["status"], found["type"]) == ("FILLED", "MARKET")


def test_markets_are_described(ann: SpotTrader) -> None:
    url = f"{ann.simulator.url}/api/v3/exchangeInfo"
    told = requests.get(url, params={"symbols": '["BTCUSDT","ETHBTC"]'}, timeout=5).json()

    assert [each["symbol"] for each in told["symbols"]] == ["BTCUSDT", "ETHBTC"]
    assert "LIMIT_MAKER" in told["symbols"][0]["orderTypes"]
    assert {each["interval"] for each in told["rateLimits"]} == {"MINUTE", "SECOND", "DAY"}
