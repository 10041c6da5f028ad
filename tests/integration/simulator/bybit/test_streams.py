"""Bybit's private socket, over websocket-client."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import websocket

from tests.integration.simulator.bybit.trader import HOUSES

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread
    from tests.integration.simulator.bybit.trader import BybitTrader


@pytest.mark.parametrize(
    ("category", "symbol", "price"),
    [("linear", "BTCUSDT", "59000"), ("spot", "BTCUSDT", "59000"), ("inverse", "BTCUSD", "59000")],
)
def test_a_limit_order_is_told_from_new_to_filled(
    ann: BybitTrader, category: str, symbol: str, price: str
) -> None:
    stream = ann.listen("order", "execution")
    order_id = ann.place(category, price=price, orderLinkId="mine")
    ann.act(category, action="fill", symbol=symbol, orderId=order_id, counterparties=2)

    frames = [stream.next() for _ in range(5)]

    orders = [frame["data"][0] for frame in frames if frame["topic"] == "order"]
    fills = [frame["data"][0] for frame in frames if frame["topic"] == "execution"]
    assert [each["orderStatus"] for each in orders] == ["New", "PartiallyFilled", "Filled"]
    assert {each["orderId"] for each in orders + fills} == {order_id}
    assert {each["category"] for each in orders + fills} == {category}
    ledger = ann.ledger(category)
    assert [fill["execId"] for fill in fills] == [
        booked["exchange_trade_id"] for booked in ledger["executions"]
    ]
    assert [(fill["execFee"], fill["feeCurrency"]) for fill in fills] == [
        (booked["commission"], booked["commission_asset"]) for booked in ledger["executions"]
    ]
    assert ledger["orders"][0]["exchange_order_id"] == order_id
    assert Decimal(orders[-1]["cumExecQty"]) == Decimal(ledger["orders"][0]["filled_quantity"])


def test_a_socket_hears_its_own_categories_under_their_own_names(ann: BybitTrader) -> None:
    every = ann.listen("order", "wallet")
    linear = ann.listen("order.linear")
    ann.place("spot", price="59000")
    ann.place("linear", price="59000")

    assert [row["category"] for row in every.rows("order", 2)] == ["spot", "linear"]
    (row,) = linear.rows("order.linear", 1)
    assert row["category"] == "linear"
    assert linear.is_silent()


def test_nothing_is_heard_before_it_is_subscribed(ann: BybitTrader) -> None:
    stream = ann.connect()
    assert stream.ask("subscribe", ["order"], req_id="x")["ret_msg"] == "Request not authorized"
    assert stream.auth(ann.key, "wrong")["ret_msg"] == "Params Error"
    assert stream.auth(ann.key, ann.secret, ahead=100)["ret_msg"] == "Params Error"
    assert stream.auth(ann.key, ann.secret, as_text=True)["success"]
    ann.place(price="59000")
    assert stream.is_silent()
    assert stream.ask("ping", req_id="p")["op"] == "pong"


def test_what_was_partly_filled_is_cancelled_in_each_categorys_words(ann: BybitTrader) -> None:
    stream = ann.listen("order")
    told = {}
    for category, symbol, part in (
        ("linear", "BTCUSDT", "0.04"),
        ("spot", "BTCUSDT", "0.04"),
        ("inverse", "BTCUSD", "2000"),
    ):
        order_id = ann.place(category, price="59000")
        ann.act(category, action="fill", symbol=symbol, orderId=order_id, quantity=part)
        ann.ask("POST", "order/cancel", category=category, symbol=symbol, orderId=order_id)
        told[category] = stream.rows("order", 3)[-1]

    assert {category: row["orderStatus"] for category, row in told.items()} == {
        "linear": "Cancelled", "spot": "PartiallyFilledCanceled", "inverse": "Cancelled"
    }  # fmt: skip
    for row in told.values():
        assert (row["cancelType"], row["leavesQty"]) == ("CancelByUser", "0")
        assert Decimal(row["cumExecQty"]) > 0
    assert Decimal(told["inverse"]["cumExecValue"]) == Decimal("0.03389831")
    assert ("createType" in told["spot"], told["linear"]["createType"]) == (
        False, "CreateByUser"
    )  # fmt: skip


def test_a_market_order_is_told_once_when_it_has_ended(ann: BybitTrader) -> None:
    stream = ann.listen("order", "execution")
    order_id = ann.place("linear")
    (row,) = stream.rows("order", 1)
    assert (row["orderId"], row["orderStatus"], row["timeInForce"]) == (order_id, "Filled", "IOC")


def test_a_buy_by_value_ends_as_cancelled_for_the_dust_it_leaves(
    simulator: SimulatorThread, ann: BybitTrader
) -> None:
    stream = ann.listen("order")
    spent = ann.place("spot", qty="600")
    (row,) = stream.rows("order", 1)
    assert (row["orderId"], row["qty"], row["marketUnit"]) == (spent, "600", "quoteCoin")
    assert (row["orderStatus"], row["rejectReason"]) == (
        "PartiallyFilledCanceled", "EC_CancelByOrderValueZero"
    )  # fmt: skip
    assert Decimal(row["cumExecValue"]) + Decimal(row["leavesValue"]) == 600
    assert set(row["cumFeeDetail"]) == {"BTC"}

    simulator.house("BYBIT", "SPOT").configure(dust_cancels=False)
    ann.place("spot", qty="600")
    assert stream.rows("order", 1)[0]["orderStatus"] == "Filled"
    ann.place("spot", qty="0.01", marketUnit="baseCoin")
    (row,) = stream.rows("order", 1)
    assert (row["orderStatus"], row["cumExecQty"]) == ("Filled", "0.010000")


def test_orders_that_end_by_themselves_say_why(ann: BybitTrader) -> None:
    stream = ann.listen("order")
    ann.place("linear", price="61000", timeInForce="PostOnly")
    ann.place("linear", price="59000", timeInForce="IOC")
    ann.place("linear", price="59000", timeInForce="FOK")
    ended = [row for row in stream.rows("order", 6) if row["orderStatus"] == "Cancelled"]
    assert [row["rejectReason"] for row in ended] == [
        "EC_PostOnlyWillTakeLiquidity", "EC_NoImmediateQtyToFill", "EC_NoImmediateQtyToFill"
    ]  # fmt: skip


def test_a_conditional_order_keeps_its_id_when_it_is_triggered(
    simulator: SimulatorThread, ann: BybitTrader
) -> None:
    stream = ann.listen("order")
    waiting = {"triggerPrice": "61000", "triggerDirection": 1}
    order_id = ann.place("linear", price="60500", **waiting)
    given_up = ann.place("linear", price="60500", **waiting)
    ann.ask("POST", "order/cancel", category="linear", symbol="BTCUSDT", orderId=given_up)
    told = stream.rows("order", 3)
    assert [row["orderStatus"] for row in told] == ["Untriggered", "Untriggered", "Deactivated"]
    assert (told[0]["triggerPrice"], told[0]["triggerDirection"]) == ("61000.00", 1)
    assert told[0]["stopOrderType"] == "Stop"

    simulator.house("BYBIT", "FUTURES").price("BTCUSDT", "61000.00")

    told = stream.rows("order", 2)
    assert [(row["orderId"], row["orderStatus"]) for row in told] == [
        (order_id, "Triggered"), (order_id, "New")
    ]  # fmt: skip


def test_a_conditional_market_order_is_triggered_and_filled(
    simulator: SimulatorThread, ann: BybitTrader
) -> None:
    stream = ann.listen("order")
    ann.place("linear", triggerPrice="59000", triggerDirection=2)
    simulator.price("BTCUSDT", "59000.00")
    told = stream.rows("order", 3)
    assert [row["orderStatus"] for row in told] == ["Untriggered", "Triggered", "Filled"]
    assert told[-1]["createType"] == "CreateByStopOrder"


def test_funding_is_an_execution_that_is_no_trade(ann: BybitTrader) -> None:
    ann.place("linear")
    stream = ann.listen("execution")
    ann.act("linear", action="funding", symbol="BTCUSDT", amount="-0.5")
    (told,) = stream.rows("execution", 1)
    assert (told["execType"], told["execFee"], told["feeCurrency"]) == ("Funding", "0.5", "USDT")
    assert (told["execQty"], told["side"], told["orderLinkId"]) == ("0.100", "Buy", "")
    listed = ann.ask("GET", "execution/list", category="linear", execType="Funding")["list"]
    assert [row["execId"] for row in listed] == [told["execId"]]


def test_forced_closings_are_named(ann: BybitTrader) -> None:
    stream = ann.listen("order", "execution")
    heard: list[Any] = []
    told = []
    for action in ("liquidate", "deleverage", "settle"):
        ann.place("linear")
        ann.act("linear", action=action, symbol="BTCUSDT")
        heard += stream.rows("execution", len(ann.ledger()["executions"]) - len(heard))
        told.append(heard[-1])
    assert [row["execType"] for row in told] == ["BustTrade", "AdlTrade", "Delivery"]
    assert [row["createType"] for row in told] == [
        "CreateByTakeOver_PassThrough", "CreateByAdl_PassThrough", "CreateBySettle"
    ]  # fmt: skip
    assert {row["orderLinkId"] for row in told} == {""}
    listed = {row["orderId"] for row in ann.realtime(openOnly="1")}
    assert [row["orderId"] in listed for row in told] == [True, True, False]


def test_inverse_contracts_are_settled_not_delivered(ann: BybitTrader) -> None:
    ann.place("inverse")
    stream = ann.listen("order.inverse", "execution.inverse")
    ann.act("inverse", action="settle", symbol="BTCUSD")
    (row,) = stream.rows("execution.inverse", 1)
    assert (row["execType"], row["createType"]) == ("Settle", "CreateBySettle")
    assert stream.is_silent()


def test_a_fill_may_be_told_before_its_order_or_its_order_twice(
    simulator: SimulatorThread, ann: BybitTrader
) -> None:
    stream = ann.listen("order", "execution")
    simulator.configure(executions_first=True, filled_twice=True)
    order_id = ann.place("linear", price="59000")
    ann.act("linear", action="fill", symbol="BTCUSDT", orderId=order_id)
    frames = [stream.next() for _ in range(4)]
    assert [frame["topic"] for frame in frames] == ["order", "execution", "order", "order"]
    assert [frame["data"][0]["rejectReason"] for frame in frames[2:]] == [
        "EC_NoError", "EC_OrigClOrdIDDoesNotExist"
    ]  # fmt: skip
    assert {frame["data"][0]["orderStatus"] for frame in frames[2:]} == {"Filled"}


def test_rows_of_one_moment_may_share_a_frame(simulator: SimulatorThread, ann: BybitTrader) -> None:
    stream = ann.listen("order", "execution.linear")
    simulator.configure(batches_rows=True)
    order_id = ann.place("linear", price="59000")
    assert len(stream.next()["data"]) == 1
    ann.act("linear", action="fill", symbol="BTCUSDT", orderId=order_id, counterparties=3)
    frames = [stream.next() for _ in range(2)]
    assert [(frame["topic"], len(frame["data"])) for frame in frames] == [
        ("order", 3), ("execution.linear", 3)
    ]  # fmt: skip


def test_fast_executions_tell_less(ann: BybitTrader) -> None:
    stream = ann.listen("execution.fast")
    order_id = ann.place("linear", price="59000", orderLinkId="mine")
    ann.act("linear", action="fill", symbol="BTCUSDT", orderId=order_id)
    (row,) = stream.rows("execution.fast", 1)
    assert (row["isMaker"], row["orderLinkId"], "execFee" in row) == (True, "", False)
    assert row["execId"] == ann.ledger()["executions"][0]["exchange_trade_id"]


def test_positions_and_wallets_follow_fills(ann: BybitTrader) -> None:
    stream = ann.listen("position", "wallet")
    ann.place("linear", qty="0.001")
    position, wallet = stream.rows("position", 2)[-1], stream.rows("wallet", 1)[0]
    assert (position["side"], position["size"], position["positionIdx"]) == ("Buy", "0.001", 0)
    assert "avgPrice" not in position
    (usdt,) = (coin for coin in wallet["coin"] if coin["coin"] == "USDT")
    (asked,) = ann.ask("GET", "account/wallet-balance", accountType="UNIFIED", coin="USDT")["list"]
    assert usdt["walletBalance"] == asked["coin"][0]["walletBalance"]

    ann.place("spot", price="59000")
    (wallet,) = stream.rows("wallet", 1)
    (usdt,) = (coin for coin in wallet["coin"] if coin["coin"] == "USDT")
    assert usdt["locked"] == ann.ledger("spot")["balances"][0]["locked"]


def test_an_idle_socket_is_cut_and_a_busy_one_is_not(
    simulator: SimulatorThread, ann: BybitTrader
) -> None:
    for house in HOUSES:
        simulator.house(*house).configure(active_time_scale=0.005)
    idle = ann.listen("order", query="?max_active_time=30s")
    patient = ann.listen("order", query="?max_active_time=10m")
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
        idle.next()
    assert patient.ask("ping")["op"] == "pong"


def test_an_invalid_key_is_a_params_error_and_open_sockets_stay(
    simulator: SimulatorThread, ann: BybitTrader
) -> None:
    stream = ann.listen("order")
    for house in HOUSES:
        simulator.house(*house).faults(invalid_key=True, account=ann.key)
    assert ann.connect().auth(ann.key, ann.secret)["ret_msg"] == "Params Error"
    assert stream.ask("ping")["op"] == "pong"


@pytest.mark.parametrize("how", [{}, {"account": "ann-key"}])
def test_connections_are_refused_to_all_or_to_one(
    simulator: SimulatorThread, ann: BybitTrader, how: dict[str, str]
) -> None:
    simulator.house("BYBIT", "SPOT").faults(refuse_connect=True, **how)
    with pytest.raises((websocket.WebSocketException, ConnectionError)):
        ann.listen("order")


def test_frames_are_lost_as_everywhere_and_executions_keep_their_ids(
    simulator: SimulatorThread, ann: BybitTrader
) -> None:
    stream = ann.listen("order", "execution")
    simulator.faults(hide_trade_ids=True)
    order_id = ann.place("linear", price="59000")
    ann.act("linear", action="fill", symbol="BTCUSDT", orderId=order_id, quantity="0.01")
    assert stream.rows("execution", 1)[0]["execId"]

    simulator.faults(reset=True, lose=1.0)
    ann.ask("POST", "order/cancel", category="linear", symbol="BTCUSDT", orderId=order_id)
    assert stream.is_silent()
    (lost,) = simulator.ledger(summary=True)["lost_frames"]
    assert (lost["event"], lost["exchange_order_id"]) == ("order.linear", order_id)


def test_a_mute_socket_stays_so_whatever_other_houses_say(
    simulator: SimulatorThread, ann: BybitTrader
) -> None:
    simulator.faults(mute=True)
    stream = ann.listen("order")
    ann.place("linear", price="59000")
    assert stream.is_silent()
    assert stream.ask("ping")["op"] == "pong"
    simulator.faults(mute=False)
    ann.place("linear", price="59000")
    assert len(stream.rows("order", 1)) == 1
