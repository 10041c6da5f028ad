"""Binance spot's WebSocket API: sessions, subscriptions, what they hear, and how they end."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import websocket
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from exchanges.simulator.binance_spot.house import spot_config
from exchanges.simulator.thread import SimulatorThread
from tests.integration.simulator.conftest import eventually
from tests.integration.simulator.spot_trader import (
    LIMIT,
    Connection,
    PrivateKey,
    SpotTrader,
    asymmetric,
    public_pem,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SUBSCRIBE = "userDataStream.subscribe.signature"
CONFIG = spot_config(price_interval=0)


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(houses=[("BINANCE", "SPOT")], config=CONFIG) as running:
        yield running


@pytest.fixture
def trader(simulator: SimulatorThread) -> Iterator[Callable[..., SpotTrader]]:
    """Make traders; afterwards everything is as before."""
    made: list[SpotTrader] = []

    def make(key: str = "ann-key", **terms: object) -> SpotTrader:
        made.append(SpotTrader(simulator, key, **terms))  # type: ignore[arg-type]
        return made[-1]

    yield make
    house = simulator.house("BINANCE", "SPOT")
    house.faults(reset=True)
    house.act(action="reset", account=made[0].key)
    house.price("BTCUSDT", "60000", fill="none")
    house.configure(ping_interval=20, pong_timeout=60, socket_lifetime=86_400)
    for each in made:
        each.close()


@pytest.fixture
def ann(trader: Callable[..., SpotTrader]) -> SpotTrader:
    return trader()


def test_an_orders_life_is_told_in_wrapped_frames(ann: SpotTrader) -> None:
    stream = ann.listen()
    order = ann.rest("0.02", newClientOrderId="mine")
    chosen = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    ann.house.act(action="fill", account=ann.key, quantity="0.005", **chosen)
    ann.ask("DELETE", "order", **chosen, newClientOrderId="theirs")
    new, trade, cancel = stream.events(3)

    assert [(each["x"], each["X"], each["c"], each["C"]) for each in (new, trade, cancel)] == [
        ("NEW", "NEW", "mine", ""),
        ("TRADE", "PARTIALLY_FILLED", "mine", ""),
        ("CANCELED", "CANCELED", "theirs", "mine"),
    ]
    assert (trade["l"], trade["z"], trade["L"]) == ("0.00500000", "0.00500000", "59000.01000000")
    assert (trade["n"], trade["N"], trade["Z"]) == ("0.00000500", "BTC", "295.00005000")
    assert (new["t"], new["N"], new["w"], cancel["w"]) == (-1, None, True, False)
    assert new["I"] < trade["I"] < cancel["I"]


def test_every_documented_field_is_there(ann: SpotTrader) -> None:
    stream = ann.connect()
    assert stream.signed(SUBSCRIBE)["result"] == {"subscriptionId": 0}
    ann.rest()
    frame = stream.read()
    assert frame["subscriptionId"] == 0
    assert set(frame["event"]) == {"e", "E", "u", "B"}
    documented = "e E s c S o f q p P F g C x X r i l z L n N T t I w m M O Z Y Q W V"
    assert set(stream.events(1)[0]) == set(documented.split())


def test_balances_follow_locks_and_fills(ann: SpotTrader) -> None:
    stream = ann.listen()
    ann.rest("0.02", "50000")
    (locked,) = stream.events(1, "outboundAccountPosition")
    assert locked["B"] == [{"a": "USDT", "f": "99000.00000000", "l": "1000.00000000"}]

    ann.house.act(action="transfer", account=ann.key, asset="BTC", amount="0.5")
    (moved,) = stream.events(1, "balanceUpdate")
    assert (moved["a"], moved["d"]) == ("BTC", "0.50000000")


def test_what_is_amended_prevented_or_unfillable_is_told(ann: SpotTrader) -> None:
    stream = ann.listen()
    order = ann.rest("0.02", newClientOrderId="mine")
    chosen = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    ann.ask("PUT", "order/amend/keepPriority", **chosen, newQty="0.01", newClientOrderId="less")
    ann.house.price("BTCUSDT", "59000.02", fill="none")
    ann.ask("POST", "order", **{**LIMIT, "side": "SELL"}, quantity="0.02", price="59000")
    ann.ask("POST", "order", **{**LIMIT, "timeInForce": "IOC"}, quantity="0.02", price="50000")
    told = told_until(stream, "EXPIRED")

    assert (told["REPLACED"]["c"], told["REPLACED"]["C"]) == ("less", "mine")
    assert told["REPLACED"]["q"] == "0.01000000"
    prevented = told["TRADE_PREVENTION"]
    assert (prevented["X"], prevented["i"], prevented["pl"]) == (
        "EXPIRED_IN_MATCH",
        order["orderId"],
        "0.01000000",
    )
    assert told["EXPIRED"]["eR"] == "UNFILLED_IOC_QUANTITY_EXPIRED"


def test_a_stop_order_is_told_when_it_begins_to_work(ann: SpotTrader) -> None:
    stream = ann.listen()
    stop = {**LIMIT, "side": "SELL", "type": "STOP_LOSS_LIMIT", "quantity": "0.02"}
    ann.ask("POST", "order", **stop, price="58000", stopPrice="59000")
    (waiting,) = stream.events(1)
    assert (waiting["o"], waiting["w"], waiting["P"]) == (
        "STOP_LOSS_LIMIT",
        False,
        "59000.00000000",
    )
    assert "W" not in waiting

    ann.house.price("BTCUSDT", "58900")
    working, trade = stream.events(2)
    assert (working["x"], working["w"], trade["x"]) == ("NEW", True, "TRADE")
    assert working["W"] >= waiting["T"]


def test_one_connection_hears_an_account_once_and_several_accounts(
    trader: Callable[..., SpotTrader],
) -> None:
    ann, bob = trader(), trader("bob-key", secret="bob-secret")
    stream = ann.listen()
    assert stream.signed(SUBSCRIBE)["error"]["code"] == -2035
    stream.trader = bob
    assert stream.signed(SUBSCRIBE)["result"] == {"subscriptionId": 1}
    assert len(stream.call("session.subscriptions")["result"]) == 2

    bob.rest()
    assert stream.read()["subscriptionId"] == 1
    assert stream.call("userDataStream.unsubscribe", subscriptionId=1)["result"] == {}
    (ended,) = stream.events(1, "eventStreamTerminated")
    assert ended["E"] > 0
    bob.rest()
    assert stream.is_silent()


def test_keys_of_every_kind_sign(trader: Callable[..., SpotTrader]) -> None:
    keys: dict[str, PrivateKey] = {
        "rsa": generate_private_key(public_exponent=65_537, key_size=2048),
        "ed25519": Ed25519PrivateKey.generate(),
    }
    for name, key in keys.items():
        owner = trader(f"{name}-key", secret=public_pem(key), sign=asymmetric(key))
        assert owner.ask("GET", "account")["canTrade"]
        stream = owner.listen()
        owner.sign = lambda _payload: "bm90IGEgc2lnbmF0dXJl"
        assert stream.signed("order.status", symbol="BTCUSDT", orderId=1)["error"]["code"] == -1022


def test_a_session_needs_no_more_signatures(trader: Callable[..., SpotTrader]) -> None:
    key = Ed25519PrivateKey.generate()
    eve = trader("eve-key", secret=public_pem(key), sign=asymmetric(key))
    stream = eve.connect()
    assert stream.call("userDataStream.subscribe")["error"]["code"] == -2015
    assert stream.signed("session.logon")["result"]["apiKey"] == "eve-key"
    assert stream.call("userDataStream.subscribe")["result"] == {"subscriptionId": 0}
    assert stream.call("session.status")["result"]["userDataStream"] is True

    now = int(time.time() * 1000)
    terms = {**LIMIT, "quantity": "0.02", "price": "59000"}
    assert stream.call("order.place", **terms, timestamp=now)["result"]["status"] == "NEW"
    assert stream.call("session.logout")["result"]["apiKey"] is None
    stream.events(1, "eventStreamTerminated")
    assert stream.call("order.place", **terms, timestamp=now)["error"]["code"] == -1102


def test_who_has_no_ed25519_key_cannot_log_on(ann: SpotTrader) -> None:
    assert ann.connect().signed("session.logon")["error"]["code"] == -4056


def test_orders_live_and_die_on_the_connection(ann: SpotTrader) -> None:
    stream = ann.connect()
    placed = stream.signed("order.place", **LIMIT, quantity="0.02", price="59000.01")["result"]
    chosen = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}

    assert stream.signed("order.status", **chosen)["result"]["status"] == "NEW"
    assert len(stream.signed("openOrders.status", symbol="BTCUSDT")["result"]) == 1
    assert stream.signed("order.cancel", **chosen)["result"]["status"] == "CANCELED"
    refused = stream.signed("order.cancel", **chosen)
    assert (refused["status"], refused["error"]["code"]) == (400, -2011)
    assert stream.call("time")["rateLimits"][0]["limit"] == 6000
    assert "rateLimits" not in ann.connect("?returnRateLimits=false").call("ping")


@pytest.mark.parametrize(
    ("params", "code", "status"),
    [
        ({"apiKey": "nobody"}, -2015, 401),
        ({"timestamp": 1}, -1021, 400),
        ({"signature": "00"}, -1022, 400),
        ({"signature": None}, -1102, 400),
    ],
)
def test_a_wrong_subscription_is_refused(
    ann: SpotTrader, params: dict[str, object], code: int, status: int
) -> None:
    values = {"apiKey": ann.key, "timestamp": int(time.time() * 1000)} | params
    payload = "&".join(f"{name}={values[name]}" for name in sorted(values))
    answer = ann.connect().call(SUBSCRIBE, **{"signature": ann.sign(payload), **values})
    assert (answer["error"]["code"], answer["status"]) == (code, status)


def test_what_is_no_request_is_answered_all_the_same(ann: SpotTrader) -> None:
    stream = ann.connect()
    assert stream.call("userDataStream.start")["error"]["code"] == -1020
    for text in ("no json", "[]", json.dumps({"method": "ping", "params": [1]})):
        stream.socket.send(text)
        answer = stream.read()
        assert (answer["id"], answer["error"]["code"]) == (None, -1135)


def test_faults_strike_the_connection_as_they_strike_rest(ann: SpotTrader) -> None:
    stream = ann.connect()
    ann.house.faults(rest_status={"POST order": {"status": 429, "count": 1}})
    answer = stream.signed("order.place", **LIMIT, quantity="0.02", price="59000")
    assert (answer["status"], answer["error"]["code"]) == (429, -1003)
    assert answer["error"]["data"]["retryAfter"] > answer["error"]["data"]["serverTime"]

    ann.house.faults(accept_but_lose_answer={"POST order": {"how": "drop", "count": 1}})
    with pytest.raises((websocket.WebSocketException, OSError)):
        stream.signed("order.place", **LIMIT, quantity="0.02", price="59000")
    assert len(ann.ask("GET", "openOrders")) == 1
    ann.house.faults(invalid_key=True)
    assert ann.connect().signed(SUBSCRIBE)["error"]["code"] == -2015


def test_one_account_may_be_kept_out(trader: Callable[..., SpotTrader]) -> None:
    ann, bob = trader(), trader("bob-key", secret="bob-secret")
    ann.house.faults(account=ann.key, refuse_connect=True)
    with pytest.raises((websocket.WebSocketException, OSError)):
        ann.listen()
    bob.listen()
    ann.house.faults(refuse_connect=True)
    with pytest.raises(websocket.WebSocketBadStatusException, match="503"):
        bob.listen()


def test_subscriptions_end_with_a_word_or_without(ann: SpotTrader) -> None:
    stream = ann.listen()
    ann.house.faults(account=ann.key, expire_listen_key=True)
    stream.events(1, "eventStreamTerminated")
    assert stream.signed(SUBSCRIBE)["result"] == {"subscriptionId": 1}
    ann.house.faults(account=ann.key, expire_listen_key="silent")
    ann.rest()
    assert stream.is_silent()


def test_a_ban_keeps_everybody_out(ann: SpotTrader) -> None:
    stream = ann.listen()
    ann.house.faults(ban=60)
    try:
        answer = stream.call("time")
        assert (answer["status"], answer["error"]["code"]) == (418, -1003)
        with pytest.raises(websocket.WebSocketBadStatusException, match="418"):
            ann.connect()
    finally:
        ann.house.faults(ban=0)


def test_a_shutdown_is_announced(ann: SpotTrader) -> None:
    stream = ann.listen()
    ann.house.faults(server_shutdown=0.1)
    frame = stream.read()
    assert (frame["event"]["e"], "subscriptionId" in frame) == ("serverShutdown", False)
    assert has_ended(stream.socket) == 1001


def test_a_day_ends_with_a_word(ann: SpotTrader) -> None:
    ann.house.configure(socket_lifetime=0.4)
    stream = ann.listen()
    stream.events(1, "serverShutdown")
    assert has_ended(stream.socket) == 1001


def test_who_answers_no_ping_is_dropped(ann: SpotTrader) -> None:
    ann.house.configure(ping_interval=0.05, pong_timeout=0.2)
    stream = ann.listen()
    stream.socket.settimeout(5)
    kinds = {stream.frame_kind() for _ in range(3)}
    assert kinds == {websocket.ABNF.OPCODE_PING}
    eventually(lambda: ann.house.ledger(summary=True)["open_sockets"] == 0)


def told_until(stream: Connection, kind: str) -> dict[str, Any]:
    """The last report of every kind, up to the first of one kind."""
    told: dict[str, Any] = {}
    while kind not in told:
        (report,) = stream.events(1)
        told[report["x"]] = report
    return told


def has_ended(socket: websocket.WebSocket) -> int:
    """Read up to the close frame; returns its code."""
    socket.settimeout(5)
    while True:
        opcode, data = socket.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2])
