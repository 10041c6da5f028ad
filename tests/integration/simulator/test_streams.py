"""The private stream, over websocket-client."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
import websocket

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.thread import SimulatorThread
from tests.integration.simulator.conftest import Trader


def test_a_limit_order_is_told_from_new_to_filled(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen()
    order = ann.place(price="59000.0")
    simulator.act(
        action="fill", account=ann.key, symbol="BTCUSDT", orderId=order["orderId"],
        quantity="0.060", counterparties=2,
    )  # fmt: skip
    simulator.price("BTCUSDT", "58000.0", "all")

    told = stream.orders(4)

    assert [(o["x"], o["X"]) for o in told[:3]] == [
        ("NEW", "NEW"), ("TRADE", "PARTIALLY_FILLED"), ("TRADE", "PARTIALLY_FILLED"),
    ]  # fmt: skip
    ledger = simulator.ledger(ann.key)["accounts"][ann.key]
    fills = ledger["executions"]
    assert [str(o["t"]) for o in told[1:]] == [f["exchange_trade_id"] for f in fills[:3]]
    assert ledger["orders"][0]["status"] == "FILLED"


def test_a_fill_is_hinted_told_and_booked(ann: Trader) -> None:
    stream = ann.listen()
    ann.place(quantity="0.001")
    new, first, second, third = (stream.next() for _ in range(4))

    assert new["o"]["x"] == "NEW"
    assert {first["e"], second["e"]} == {"ACCOUNT_UPDATE", "TRADE_LITE"}
    assert third["e"] == "ORDER_TRADE_UPDATE"
    account = first if first["e"] == "ACCOUNT_UPDATE" else second
    assert account["a"]["P"][0]["pa"] == "0.001"
    assert Decimal(account["a"]["B"][0]["wb"]) == 100_000 - Decimal(third["o"]["n"])


def test_only_what_was_asked_for_is_sent(ann: Trader) -> None:
    stream = ann.listen(events="ORDER_TRADE_UPDATE")
    ann.place(quantity="0.001")
    assert [stream.next()["e"] for _ in range(2)] == ["ORDER_TRADE_UPDATE"] * 2
    assert stream.is_silent()


@pytest.mark.parametrize("strict", [False, True])
def test_urls_without_events_are_silent_when_strict(
    simulator: SimulatorThread, ann: Trader, *, strict: bool
) -> None:
    simulator.configure(strict_events=strict)
    key = ann.listen_key()
    streams = [ann.listen(f"/private/ws/{key}"), ann.listen(f"/private/ws?listenKey={key}")]
    ann.place(price="59000.0")

    assert [stream.is_silent() for stream in streams] == [strict, strict]


def test_the_retired_path_connects_and_stays_silent(ann: Trader) -> None:
    stream = ann.listen(f"/ws/{ann.listen_key()}")
    ann.place()
    assert stream.is_silent()


def test_a_subscription_wraps_its_frames(ann: Trader) -> None:
    key = ann.listen_key()
    stream = ann.listen("/private/stream")
    stream.socket.send(json.dumps({"method": "SUBSCRIBE", "params": [key], "id": 7}))
    assert stream.next() == {"result": None, "id": 7}

    ann.place(price="59000.0")

    frame = stream.next()
    assert (frame["stream"], frame["data"]["o"]["x"]) == (key, "NEW")


def test_both_sockets_of_a_key_hear_the_same(ann: Trader) -> None:
    first, second = ann.listen(), ann.listen()
    ann.place(price="59000.0")
    assert first.next() == second.next()


def test_the_same_key_is_given_until_it_is_deleted(simulator: SimulatorThread, ann: Trader) -> None:
    url = f"{simulator.url}/fapi/v1/listenKey"
    key = ann.listen_key()
    assert ann.listen_key() == key
    assert ann.http.put(url, timeout=5).json() == {"listenKey": key}
    stream = ann.listen()

    assert ann.http.delete(url, timeout=5).json() == {}

    with pytest.raises(websocket.WebSocketConnectionClosedException):
        read_to_the_end(stream.socket)
    gone = ann.http.put(url, timeout=5)
    assert (gone.status_code, gone.json()["code"]) == (400, -1125)
    assert ann.listen_key() != key


def read_to_the_end(socket: websocket.WebSocket) -> None:
    while socket.recv():
        pass
    raise websocket.WebSocketConnectionClosedException


def test_a_key_that_runs_out_is_announced_and_then_silent() -> None:
    config = SimulatorConfig(price_interval=0, listen_key_lifetime=0.2)
    with SimulatorThread(config=config) as simulator:
        ann = Trader(simulator)
        stream = ann.listen()
        assert stream.next()["e"] == "listenKeyExpired"
        ann.place()
        assert stream.is_silent()
        assert ann.listen_key()
        ann.close()


def test_pings_come_and_the_silent_are_dropped() -> None:
    config = SimulatorConfig(price_interval=0, ping_interval=0.05, pong_timeout=0.12)
    with SimulatorThread(config=config) as simulator:
        ann = Trader(simulator)
        socket = ann.listen().socket
        assert socket.recv_data(control_frame=True)[0] == websocket.ABNF.OPCODE_PING
        assert socket.connected
        read_pings_without_answering(socket)
        ann.close()


def read_pings_without_answering(socket: websocket.WebSocket) -> None:
    opcode = websocket.ABNF.OPCODE_PING
    while opcode == websocket.ABNF.OPCODE_PING:
        frame = socket.recv_frame()  # type: ignore[no-untyped-call, unused-ignore]
        opcode = frame.opcode
    assert opcode == websocket.ABNF.OPCODE_CLOSE


def test_a_client_ping_is_answered(ann: Trader) -> None:
    socket = ann.listen().socket
    socket.ping(b"there?")
    opcode, payload = socket.recv_data(control_frame=True)
    assert (opcode, payload) == (websocket.ABNF.OPCODE_PONG, b"there?")


def test_a_connection_ends_after_its_day() -> None:
    config = SimulatorConfig(price_interval=0, socket_lifetime=0.1)
    with SimulatorThread(config=config) as simulator:
        ann = Trader(simulator)
        opcode, payload = ann.listen().socket.recv_data()
        assert (opcode, payload[:2]) == (websocket.ABNF.OPCODE_CLOSE, (1001).to_bytes(2, "big"))
        ann.close()


def test_accounts_do_not_hear_each_other(ann: Trader, bob: Trader) -> None:
    stream = bob.listen()
    ann.place(price="59000.0")
    assert stream.is_silent()


def test_two_accounts_that_meet_hear_the_same_trade(ann: Trader, bob: Trader) -> None:
    waiting, taking = ann.listen(), bob.listen()
    ann.place("BUY", "0.100", price="60000.0")
    bob.place("SELL", "0.100", price="60000.0")

    maker, taker = fill_of(waiting), fill_of(taking)

    assert maker["t"] == taker["t"]
    assert (maker["m"], taker["m"]) == (True, False)
    assert (maker["L"], taker["L"]) == ("60000.00", "60000.00")


def fill_of(stream: Any) -> Any:
    return stream.orders(2)[1]
