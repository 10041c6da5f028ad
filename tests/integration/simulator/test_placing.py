"""What Binance takes and refuses of orders, and what the simulator notes of them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from exchanges.simulator.errors import ControlError
from exchanges.simulator.thread import SimulatorThread
from tests.integration.simulator.conftest import Trader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.simulator.control_client import ControlClient

HOUSES = (("BINANCE", "FUTURES"), ("BINANCE", "COIN_FUTURES"), ("BINANCE", "SPOT"))
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.100",
    "price": "59000",
}
STOP = {
    "algoType": "CONDITIONAL",
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "STOP_MARKET",
    "quantity": "0.100",
    "triggerPrice": "90000",
}
SPOT_LIMIT = LIMIT | {"quantity": "0.1"}


class SpotCalls(Trader):
    root = "/api"


@pytest.fixture(scope="module")
def exchange() -> Iterator[SimulatorThread]:
    with SimulatorThread(houses=HOUSES) as running:
        for house in HOUSES:
            running.house(*house).configure(price_interval=0)
        yield running


@pytest.fixture
def house(exchange: SimulatorThread) -> Iterator[ControlClient]:
    futures = exchange.house("BINANCE", "FUTURES")
    yield futures
    for each in HOUSES:
        exchange.house(*each).configure(
            maximum_open_orders=0, price_band=0.0, orders_per_10s=300, enforce_limits=True
        )
        exchange.house(*each).faults(reset=True)


@pytest.fixture
def ann(exchange: SimulatorThread, house: ControlClient) -> Trader:
    del house
    return Trader(exchange, f"ann{time.time_ns()}")


@pytest.fixture
def spot(exchange: SimulatorThread, house: ControlClient) -> SpotCalls:
    del house
    key = f"ann{time.time_ns()}"
    exchange.house("BINANCE", "SPOT").account(key, "ann-secret", balances={"USDT": "100000"})
    return SpotCalls(exchange, key)


def batch(*orders: dict[str, str]) -> str:
    return json.dumps(orders)


# -------------------------------------------------------------------------------- several at once


def test_several_orders_are_each_taken_or_refused(ann: Trader) -> None:
    orders = batch(
        LIMIT | {"newClientOrderId": "one"},
        LIMIT | {"price": "0.01"},
        LIMIT | {"type": "STOP_MARKET"},
        LIMIT | {"newClientOrderId": "two"},
    )

    first, second, third, fourth = ann.ask("POST", "v1/batchOrders", batchOrders=orders)

    assert (first["clientOrderId"], fourth["clientOrderId"]) == ("one", "two")
    assert (second["code"], third["code"]) == (-4014, -4120)
    assert {row["clientOrderId"] for row in ann.ask("GET", "v1/openOrders")} == {"one", "two"}


@pytest.mark.parametrize(
    ("orders", "code"),
    [
        (batch(), -4082),
        (batch(*[LIMIT] * 6), -4082),
        ("", -1102),
        ("{", -1102),
        ('["a"]', -1102),
        ("7", -1102),
    ],
)
def test_what_is_no_batch_is_refused(ann: Trader, orders: str, code: int) -> None:
    assert ann.code("POST", "v1/batchOrders", batchOrders=orders) == (400, code)


def test_a_batch_counts_as_five_orders_of_ten_seconds(ann: Trader) -> None:
    answer = ann.send("POST", "v1/batchOrders", batchOrders=batch(LIMIT))

    assert answer.headers["X-MBX-ORDER-COUNT-10S"] == "5"
    assert answer.headers["X-MBX-ORDER-COUNT-1M"] == "1"


# -------------------------------------------------------------------------------------- refusals


def test_no_more_orders_rest_than_there_is_room_for(ann: Trader, house: ControlClient) -> None:
    house.configure(maximum_open_orders=2)
    resting = [ann.ask("POST", "v1/order", **LIMIT) for _ in range(2)]

    assert ann.code("POST", "v1/order", **LIMIT) == (400, -2025)
    ann.ask("DELETE", "v1/order", symbol="BTCUSDT", orderId=resting[0]["orderId"])
    ann.ask("POST", "v1/order", **LIMIT)


def test_no_more_orders_wait_than_there_is_room_for(ann: Trader, house: ControlClient) -> None:
    house.configure(maximum_open_orders=1)
    ann.ask("POST", "v1/algoOrder", **STOP)

    assert ann.code("POST", "v1/algoOrder", **STOP) == (400, -4045)


def test_a_waiting_order_s_name_is_its_own(ann: Trader) -> None:
    ann.ask("POST", "v1/algoOrder", **STOP, clientAlgoId="mine")

    assert ann.code("POST", "v1/algoOrder", **STOP, clientAlgoId="mine") == (400, -4116)


@pytest.mark.parametrize(
    ("terms", "code"),
    [({"price": "70000"}, -4016), ({"side": "SELL", "price": "50000"}, -4024)],
)
def test_a_price_far_beyond_the_market_is_refused(
    ann: Trader, house: ControlClient, terms: dict[str, str], code: int
) -> None:
    house.configure(price_band=0.05)

    assert ann.code("POST", "v1/order", **(LIMIT | terms)) == (400, code)
    ann.ask("POST", "v1/order", **(LIMIT | {"price": "20000"}))


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"quantity": "0.100", "price": "59000"}, -5027),
        ({"quantity": "0.001", "price": "2000"}, -5029),
        ({"quantity": "0.100", "price": "70000"}, -4016),
        ({"quantity": "9000", "price": "59000"}, -2019),
    ],
)
def test_an_amendment_must_make_sense(
    ann: Trader, house: ControlClient, terms: dict[str, str], code: int
) -> None:
    order = ann.ask("POST", "v1/order", **LIMIT)
    house.configure(price_band=0.05)
    named = {"symbol": "BTCUSDT", "side": "BUY", "orderId": order["orderId"]}

    assert ann.code("PUT", "v1/order", **named, **terms) == (400, code)
    assert ann.ask("GET", "v1/order", **named)["origQty"] == "0.100"


def test_a_post_only_order_is_not_amended_into_the_market(ann: Trader) -> None:
    order = ann.ask("POST", "v1/order", **(LIMIT | {"timeInForce": "GTX"}))
    named = {"symbol": "BTCUSDT", "side": "BUY", "orderId": order["orderId"]}

    assert ann.code("PUT", "v1/order", **named, quantity="0.1", price="70000") == (400, -5022)


def test_spot_names_the_filter_that_failed(exchange: SimulatorThread, spot: SpotCalls) -> None:
    house = exchange.house("BINANCE", "SPOT")
    house.configure(price_band=0.05, maximum_open_orders=1)

    far = spot.send("POST", "v3/order", **(SPOT_LIMIT | {"price": "70000"})).json()
    spot.ask("POST", "v3/order", **SPOT_LIMIT)
    full = spot.send("POST", "v3/order", **SPOT_LIMIT).json()

    assert far == {"code": -1013, "msg": "Filter failure: PERCENT_PRICE_BY_SIDE"}
    assert full == {"code": -1013, "msg": "Filter failure: MAX_NUM_ORDERS"}


def test_an_amended_order_of_spot_gets_a_new_name_unless_its_own_is_sent(spot: SpotCalls) -> None:
    order = spot.ask("POST", "v3/order", **SPOT_LIMIT, newClientOrderId="mine")
    named = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    path = "v3/order/amend/keepPriority"

    kept = spot.ask("PUT", path, **named, newQty="0.08", newClientOrderId="mine")
    renamed = spot.ask("PUT", path, **named, newQty="0.05")

    assert kept["amendedOrder"]["clientOrderId"] == "mine"
    assert renamed["amendedOrder"]["origClientOrderId"] == "mine"
    assert renamed["amendedOrder"]["clientOrderId"] not in {"", "mine"}
    assert renamed["amendedOrder"]["qty"] == "0.05000000"


# ------------------------------------------------------------------------------------ submissions


def test_orders_are_counted_as_they_arrive(ann: Trader, house: ControlClient) -> None:
    ann.ask("POST", "v1/order", **LIMIT, newClientOrderId="placed")
    ann.code("POST", "v1/order", **(LIMIT | {"price": "0.01"}), newClientOrderId="refused")
    ann.code("POST", "v1/order", **LIMIT, newClientOrderId="placed")
    ann.ask("POST", "v1/algoOrder", **STOP, clientAlgoId="waiting")
    several = batch(LIMIT | {"newClientOrderId": "a"}, LIMIT | {"newClientOrderId": "b"})
    ann.ask("POST", "v1/batchOrders", batchOrders=several)
    ann.send("POST", "v1/batchOrders", batchOrders="{")

    counted = house.submissions(ann.key)

    assert counted == {"placed": 2, "refused": 1, "waiting": 1, "a": 1, "b": 1}
    assert house.submissions("nobody") == {}
    assert house.submissions().items() >= counted.items()


def test_orders_are_counted_before_anything_strikes(ann: Trader, house: ControlClient) -> None:
    house.faults(account=ann.key, rest_status={"POST order": 503})
    ann.send("POST", "v1/order", **LIMIT, newClientOrderId="struck")
    house.faults(account=ann.key, reset=True)
    ann.secret = "another"
    ann.send("POST", "v1/order", **LIMIT, newClientOrderId="forged")

    assert house.submissions(ann.key) == {"struck": 1, "forged": 1}


# ------------------------------------------------------------------------------------ permissions


def restrictions(trader: Trader) -> Any:
    trader.root = "/sapi"
    return trader.ask("GET", "v1/account/apiRestrictions")


def test_a_key_is_good_for_trading_unless_it_is_said(ann: Trader, house: ControlClient) -> None:
    told = restrictions(ann)

    assert (told["enableFutures"], told["ipRestrict"]) == (True, True)
    assert not told["enableWithdrawals"]
    assert "tradingAuthorityExpirationTime" not in told
    assert house.permissions(ann.key)["can_trade"] is True


def test_a_key_may_do_what_is_said(ann: Trader, house: ControlClient) -> None:
    at = int(time.time() * 1000) + 86_400_000
    house.permissions(ann.key, can_withdraw=True, ip_bound=False, expires_at=at)

    told = restrictions(ann)

    assert (told["enableWithdrawals"], told["ipRestrict"]) == (True, False)
    assert told["tradingAuthorityExpirationTime"] == at


@pytest.mark.parametrize("terms", [{"can_trade": False}, {"expires_at": 1}])
def test_a_key_without_permission_changes_nothing_and_sees_everything(
    ann: Trader, house: ControlClient, terms: dict[str, Any]
) -> None:
    order = ann.ask("POST", "v1/order", **LIMIT)
    house.permissions(ann.key, **terms)

    assert ann.code("POST", "v1/order", **LIMIT) == (401, -2015)
    named = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    assert ann.code("DELETE", "v1/order", **named) == (401, -2015)
    assert len(ann.ask("GET", "v1/openOrders")) == 1


def test_a_key_is_the_same_in_every_house(exchange: SimulatorThread, ann: Trader) -> None:
    spot = exchange.house("BINANCE", "SPOT")
    spot.account(ann.key, ann.secret)

    spot.permissions(ann.key, can_withdraw=True)

    assert restrictions(ann)["enableWithdrawals"] is True


@pytest.mark.parametrize("terms", [{"can_trade": 1}, {"expires_at": "soon"}, {"can_fly": True}])
def test_permissions_that_make_no_sense_are_refused(
    ann: Trader, house: ControlClient, terms: dict[str, Any]
) -> None:
    with pytest.raises(ControlError):
        house.permissions(ann.key, **terms)
    with pytest.raises(ControlError):
        house.permissions("nobody", can_trade=True)
