"""Each fault, from the outside: what the exchange did, and what its client was told of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
import websocket

from exchanges.simulator.errors import ControlError
from exchanges.simulator.fault_board import as_json
from exchanges.simulator.faults import Faults

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread
    from tests.integration.simulator.conftest import Stream, Trader


def fill(ann: Trader, quantity: str = "0.001") -> Any:
    return ann.place(quantity=quantity)


def test_switches_are_told_back_and_unknown_ones_refused(simulator: SimulatorThread) -> None:
    assert simulator.faults() == as_json(Faults())
    assert simulator.faults(lose=0.5)["lose"] == 0.5
    with pytest.raises(ControlError, match="unknown switch: loose"):
        simulator.faults(loose=0.5)
    assert simulator.faults(profile="demo")["drop_every"] > 0
    assert simulator.faults(reset=True) == as_json(Faults())


def test_lost_frames_are_counted_with_their_orders(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen(events="ORDER_TRADE_UPDATE")
    simulator.faults(lose=1)
    order = ann.place(price="59000.0")
    simulator.faults(lose=0)
    ann.place(price="58000.0")

    assert stream.next()["o"]["p"] == "58000.00"
    counted = simulator.ledger(summary=True)
    assert (counted["frames_lost"], counted["frames_sent"]) == (1, 1)
    assert counted["lost_frames"][0]["exchange_order_id"] == str(order["orderId"])
    assert counted["lost_frames"][0]["kind"] == "NEW"


def test_only_frames_about_fills_can_be_lost(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen(events="ORDER_TRADE_UPDATE")
    simulator.faults(lose_trade_frames=1)
    fill(ann)
    ann.place(price="59000.0")
    assert [stream.next()["o"]["x"] for _ in range(2)] == ["NEW", "NEW"]


def test_frames_can_come_twice(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen()
    simulator.faults(repeat=1)
    ann.place(price="59000.0")
    assert stream.next() == stream.next()


def test_frames_can_change_places(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen(events="ORDER_TRADE_UPDATE")
    simulator.faults(reorder=1)
    fill(ann)
    assert [stream.next()["o"]["x"] for _ in range(2)] == ["TRADE", "NEW"]


def test_a_swapped_frame_comes_even_if_no_other_follows(
    simulator: SimulatorThread, ann: Trader
) -> None:
    stream = ann.listen()
    simulator.faults(reorder=1)
    ann.place(price="59000.0")
    assert stream.next()["o"]["x"] == "NEW"


def test_frames_can_be_late_and_keep_their_order(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen(events="ORDER_TRADE_UPDATE")
    simulator.faults(delay_ms=150)
    began = time.monotonic()
    fill(ann)
    assert [stream.next()["o"]["x"] for _ in range(2)] == ["NEW", "TRADE"]
    assert time.monotonic() - began >= 0.15


def test_a_mute_socket_still_answers_pings(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen()
    simulator.faults(mute=True)
    fill(ann)
    assert stream.is_silent()
    stream.socket.ping()
    stream.socket.settimeout(5)
    assert stream.socket.recv_data(control_frame=True)[0] == websocket.ABNF.OPCODE_PONG
    assert ann.listen().is_silent()
    assert simulator.faults(profile="none")["mute"] is False
    ann.place(price="59000.0")
    assert stream.next()["o"]["x"] == "NEW"


def test_only_the_present_sockets_can_be_mute(simulator: SimulatorThread, ann: Trader) -> None:
    old = ann.listen()
    assert simulator.faults(mute="current")["mute"] is False
    new = ann.listen()
    ann.place(price="59000.0")
    assert new.next()["o"]["x"] == "NEW"
    assert old.is_silent()


def test_a_half_open_socket_neither_reads_nor_writes(
    simulator: SimulatorThread, ann: Trader
) -> None:
    stream = ann.listen()
    simulator.faults(half_open=True, account=ann.key)
    stream.socket.ping()
    stream.socket.settimeout(0.15)
    with pytest.raises(websocket.WebSocketTimeoutException):
        stream.socket.recv_data(control_frame=True)
    simulator.faults(half_open=False, account=ann.key)
    stream.socket.settimeout(5)
    assert stream.socket.recv_data(control_frame=True)[0] == websocket.ABNF.OPCODE_PONG


def test_sockets_can_be_closed_with_a_code(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen()
    simulator.faults(disconnect=1012)
    opcode, payload = stream.socket.recv_data()
    assert (opcode, payload[:2]) == (websocket.ABNF.OPCODE_CLOSE, (1012).to_bytes(2, "big"))
    assert simulator.ledger(summary=True)["interruptions"] == 1


def test_sockets_can_be_cut(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen()
    simulator.faults(disconnect="abort", account=ann.key)
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
        stream.next()


def test_sockets_can_be_dropped_now_and_then(simulator: SimulatorThread, ann: Trader) -> None:
    stream = ann.listen()
    simulator.faults(drop_every=0.2)
    with pytest.raises((websocket.WebSocketConnectionClosedException, ValueError)):
        stream.next()


def test_connections_can_be_refused(simulator: SimulatorThread, ann: Trader) -> None:
    simulator.faults(refuse_connect=True)
    with pytest.raises(websocket.WebSocketBadStatusException):
        ann.listen()


@pytest.mark.parametrize(("how", "is_announced"), [(True, True), ("silent", False)])
def test_a_key_can_expire(
    simulator: SimulatorThread, ann: Trader, how: object, *, is_announced: bool
) -> None:
    stream, key = ann.listen(), ann.listen_key()
    simulator.faults(expire_listen_key=how)
    if is_announced:
        assert stream.next()["listenKey"] == key
    fill(ann)
    assert stream.is_silent()
    gone = ann.http.put(f"{simulator.url}/fapi/v1/listenKey", timeout=5)
    assert gone.json()["code"] == -1125


def test_answers_can_be_late_while_the_stream_is_not(
    simulator: SimulatorThread, ann: Trader
) -> None:
    stream = ann.listen(events="ORDER_TRADE_UPDATE")
    simulator.faults(rest_latency_ms={"POST order": 300})
    placing = threading.Thread(target=fill, args=(ann,))
    placing.start()

    told = [stream.next()["o"]["x"] for _ in range(2)]

    assert told == ["NEW", "TRADE"]
    assert placing.is_alive()
    placing.join()


@pytest.mark.parametrize("status", [400, 403, 418, 429, 500, 502, 503])
def test_requests_can_fail_before_anything_happens(
    simulator: SimulatorThread, ann: Trader, status: int
) -> None:
    simulator.faults(rest_status={"POST order": {"status": status, "count": 1}})
    terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
    answer = ann.send("POST", "v1/order", **terms)
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) == (status in {418, 429})
    assert simulator.ledger(summary=True)["orders"] == 0
    ann.place()


def test_answers_can_be_empty_or_rubbish(simulator: SimulatorThread, ann: Trader) -> None:
    simulator.faults(rest_empty={"openOrders": 1}, rest_garbage={"openOrders": {"count": 2}})
    answers = [ann.send("GET", "v1/openOrders", symbol="BTCUSDT") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert [answer.text[:6] for answer in answers] == ["", "<html>", "<html>", "[]"]


@pytest.mark.parametrize(("how", "status"), [("503", 503), ("-1007", 408), ("drop", None)])
@pytest.mark.parametrize("is_done", [True, False])
def test_an_answer_can_be_lost(
    simulator: SimulatorThread, ann: Trader, how: str, status: int | None, *, is_done: bool
) -> None:
    name = "accept_but_lose_answer" if is_done else "refuse_and_lose_answer"
    simulator.faults(**{name: {"POST order": {"how": how, "count": 1}}})
    terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
    if status is None:
        with pytest.raises(requests.ConnectionError):
            ann.send("POST", "v1/order", **terms)
    else:
        assert ann.send("POST", "v1/order", **terms).status_code == status
    assert simulator.ledger(summary=True)["orders"] == int(is_done)


def test_a_cancel_can_succeed_without_an_answer(simulator: SimulatorThread, ann: Trader) -> None:
    order_id = ann.place(price="59000.0")["orderId"]
    simulator.faults(accept_but_lose_answer={"DELETE order": True})
    with pytest.raises(requests.ConnectionError):
        ann.send("DELETE", "v1/order", symbol="BTCUSDT", orderId=order_id)
    assert ann.ask("GET", "v1/order", symbol="BTCUSDT", orderId=order_id)["status"] == "CANCELED"


def test_rest_can_show_the_past(simulator: SimulatorThread, ann: Trader) -> None:
    order_id = ann.place(price="60000.0")["orderId"]
    ten_minutes, five_minutes = 600_000, 300_000
    simulator.faults(stale_rest_ms=five_minutes, clock_skew_ms=ten_minutes)
    simulator.price("BTCUSDT", "59000.0", "all")
    now = {"timestamp": int(time.time() * 1000) + ten_minutes, "recvWindow": 60_000}
    named = {"symbol": "BTCUSDT"} | now

    order = ann.ask("GET", "v1/order", orderId=order_id, **named)
    assert (order["status"], order["executedQty"]) == ("NEW", "0")
    assert len(ann.ask("GET", "v1/openOrders", **named)) == 1
    assert ann.ask("GET", "v1/userTrades", **named) == []
    simulator.faults(stale_rest_ms={})
    assert ann.ask("GET", "v1/order", orderId=order_id, **named)["status"] == "FILLED"
    assert ann.ask("GET", "v1/openOrders", **named) == []


def test_a_young_order_can_be_hidden(simulator: SimulatorThread, ann: Trader) -> None:
    simulator.faults(not_found_window_ms=60_000)
    order_id = ann.place(price="59000.0")["orderId"]
    assert ann.code("GET", "v1/order", symbol="BTCUSDT", orderId=order_id) == (400, -2013)
    assert ann.ask("GET", "v1/openOrders", symbol="BTCUSDT") == []
    simulator.faults(not_found_window_ms=0)
    assert ann.ask("GET", "v1/order", symbol="BTCUSDT", orderId=order_id)["status"] == "NEW"


def test_a_key_can_be_revoked_for_one_account(
    simulator: SimulatorThread, ann: Trader, bob: Trader
) -> None:
    simulator.faults(invalid_key=True, account=ann.key)
    assert ann.code("GET", "v3/balance") == (401, -2015)
    assert bob.ask("GET", "v3/balance")


def test_the_clock_can_be_wrong(simulator: SimulatorThread, ann: Trader) -> None:
    simulator.faults(clock_skew_ms=60_000)
    assert ann.code("GET", "v3/balance") == (400, -1021)
    later = int(time.time() * 1000) + 60_000
    assert ann.ask("GET", "v3/balance", timestamp=later)


def test_nobody_may_offer_anything(simulator: SimulatorThread, ann: Trader) -> None:
    simulator.faults(thin_book=True)
    placed = ann.place(newOrderRespType="RESULT")
    assert (placed["status"], placed["executedQty"]) == ("EXPIRED", "0")


def test_a_ban_strikes_everybody_until_it_is_lifted(
    simulator: SimulatorThread, ann: Trader, bob: Trader
) -> None:
    simulator.faults(ban=30)
    assert ann.code("GET", "v3/balance") == (418, -1003)
    assert int(bob.send("GET", "v3/balance").headers["Retry-After"]) >= 30
    simulator.faults(ban=0)
    assert bob.ask("GET", "v3/balance")
    counted = simulator.ledger(summary=True)
    assert (counted["bans"], counted["requests_during_ban"]) == (1, 2)


def test_accounts_are_disturbed_alone(simulator: SimulatorThread, ann: Trader, bob: Trader) -> None:
    streams: list[Stream] = [ann.listen(), bob.listen()]
    simulator.faults(lose=1, account=ann.key)
    for trader in (ann, bob):
        trader.place(price="59000.0")
    assert streams[1].next()["o"]["x"] == "NEW"
    assert streams[0].is_silent()


def test_a_storm_does_not_break_the_exchange(simulator: SimulatorThread, ann: Trader) -> None:
    simulator.faults(profile="storm", rest_latency_ms={})
    terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    for _ in range(40):
        try:
            ann.send("POST", "v1/order", **terms)
        except (TimeoutError, requests.ConnectionError):
            continue
    simulator.faults(reset=True)
    position = ann.ask("GET", "v3/positionRisk")[0]["positionAmt"]
    fills = simulator.ledger(ann.key)["accounts"][ann.key]["executions"]
    assert float(position) == pytest.approx(sum(float(fill["quantity"]) for fill in fills))
