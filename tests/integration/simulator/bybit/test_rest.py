"""Bybit's REST, over plain HTTP."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
import requests

from tests.integration.simulator.bybit.trader import HOUSE_OF, HOUSES, BybitTrader, now_ms

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread

DATA = Path(__file__).parents[3] / "data" / "bybit"
LINEAR: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT"}
CATEGORIES = ("linear", "spot", "inverse")
SYMBOLS = {"linear": "BTCUSDT", "spot": "BTCUSDT", "inverse": "BTCUSD"}


def test_placing_answers_ids_alone_and_the_ledger_has_the_same(ann: BybitTrader) -> None:
    for category in CATEGORIES:
        terms = {"side": "Buy", "orderType": "Limit", "price": "59000", "qty": "1"}
        symbol = SYMBOLS[category]
        placed = ann.ask(
            "POST", "order/create", category=category, symbol=symbol, orderLinkId="mine", **terms
        )
        (booked,) = ann.ledger(category)["orders"]
        assert placed == {
            "orderId": booked["exchange_order_id"],
            "orderLinkId": booked["client_order_id"],
        }


@pytest.mark.parametrize("category", CATEGORIES)
def test_an_order_is_found_by_either_id_whatever_became_of_it(
    ann: BybitTrader, category: str
) -> None:
    symbol = SYMBOLS[category]
    order_id = ann.place(category, price="59000", orderLinkId="mine")
    ann.ask("POST", "order/cancel", category=category, symbol=symbol, orderLinkId="mine")

    for name in ({"orderId": order_id}, {"orderLinkId": "mine"}):
        for path in ("order/realtime", "order/history"):
            found = ann.ask("GET", path, category=category, symbol=symbol, **name)
            assert [row["orderStatus"] for row in found["list"]] == ["Cancelled"]
    assert ann.realtime(category, symbol=symbol) == []
    assert len(ann.realtime(category, symbol=symbol, openOnly="1")) == 1


@pytest.mark.parametrize(("category", "code"), [("linear", 110001), ("spot", 170213)])
def test_what_is_unknown_is_an_empty_list_and_cannot_be_cancelled(
    ann: BybitTrader, category: str, code: int
) -> None:
    symbol = SYMBOLS[category]
    order_id = ann.place(category, price="59000")
    other = ann.place("inverse", price="59000")
    for name in ({"orderId": other}, {"orderId": "nonsense"}, {"orderLinkId": "nobodys"}):
        for path in ("order/realtime", "order/history", "execution/list"):
            found = ann.ask("GET", path, category=category, symbol=symbol, **name)
            assert found["list"] == []
        assert ann.code("POST", "order/cancel", category=category, symbol=symbol, **name) == code
    ann.ask("POST", "order/cancel", category=category, symbol=symbol, orderId=order_id)
    again = {"category": category, "symbol": symbol, "orderId": order_id}
    assert ann.code("POST", "order/cancel", **again) == code
    assert ann.code("POST", "order/amend", **again, qty="0.2") == code


@pytest.mark.parametrize(("category", "code"), [("linear", 110072), ("spot", 170141)])
def test_a_name_is_used_once_for_ever_and_for_every_symbol(
    ann: BybitTrader, category: str, code: int
) -> None:
    order_id = ann.place(category, price="59000", orderLinkId="mine")
    symbol = SYMBOLS[category]
    ann.ask("POST", "order/cancel", category=category, symbol=symbol, orderId=order_id)
    assert ann.refused(category, price="59000", orderLinkId="mine") == code
    other = {"symbol": "ETHUSDT", "qty": "1", "price": "2900"}
    assert ann.refused(category, **other, orderLinkId="mine") == code
    for _ in range(2):
        ann.place(category, price="59000")
    assert ann.ledger(category)["client_ids_reused"] == []


@pytest.mark.parametrize(
    ("category", "terms", "code"),
    [
        ("linear", {"symbol": "XXXUSDT"}, 10001),
        ("spot", {"symbol": "XXXUSDT"}, 170121),
        ("linear", {"qty": "0.0001"}, 10001),
        ("linear", {"qty": "-1"}, 10001),
        ("linear", {"qty": "NaN"}, 10001),
        ("linear", {"triggerPrice": "1e400", "triggerDirection": 1}, 10001),
        ("spot", {"qty": "0.0000001", "price": "59000"}, 170137),
        ("linear", {"price": "59000.05"}, 10001),
        ("spot", {"price": "59000.001"}, 170134),
        ("linear", {"qty": "90", "price": "59000"}, 110007),
        ("spot", {"qty": "90", "price": "59000"}, 170131),
        ("spot", {"qty": "0.00001", "price": "59000"}, 170140),
        ("linear", {"side": "Buy", "reduceOnly": True}, 110017),
        ("linear", {"positionIdx": 1}, 10001),
        ("linear", {"side": "Up"}, 10001),
        ("linear", {"orderLinkId": "no blanks"}, 10001),
        ("linear", {"triggerPrice": "59000", "triggerDirection": 1}, 110092),
        ("linear", {"triggerPrice": "61000", "triggerDirection": 2}, 110093),
        ("linear", {"triggerPrice": "61000"}, 10001),
    ],
)
def test_orders_that_cannot_be_are_refused(
    ann: BybitTrader, category: str, terms: dict[str, Any], code: int
) -> None:
    assert ann.refused(category, **terms) == code
    assert ann.ledger(category)["orders"] == []


def test_linear_must_be_told_which_orders(ann: BybitTrader) -> None:
    ann.place("linear", price="59000")
    ann.place("linear", symbol="BTCPERP", price="59000")
    assert ann.code("GET", "order/realtime", category="linear") == 10001
    counts = [
        len(ann.realtime("linear", **scope))
        for scope in ({"settleCoin": "USDC"}, {"baseCoin": "BTC"}, {"symbol": "BTCUSDT"})
    ]
    assert counts == [1, 2, 1]
    assert ann.code("GET", "position/list", category="linear") == 10001


def test_ids_win_over_names_and_names_over_symbols(ann: BybitTrader) -> None:
    first = ann.place("linear", price="59000", orderLinkId="first")
    second = ann.place("linear", symbol="ETHUSDT", qty="1", price="2900", orderLinkId="second")
    both = ann.realtime("linear", symbol="SOLUSDT", orderId=first, orderLinkId="second")
    named = ann.realtime("linear", symbol="SOLUSDT", orderLinkId="second")
    assert [row["orderId"] for row in both + named] == [first, second]


def test_pages_lead_on_until_the_cursor_is_empty(ann: BybitTrader) -> None:
    placed = [ann.place("linear", price="59000") for _ in range(7)]
    seen, cursor, pages = [], "", 0
    while cursor or not pages:
        query = f"category=linear&cursor={cursor}&limit=3&symbol=BTCUSDT"
        result = raw(ann, query)
        seen += [row["orderId"] for row in result["list"]]
        cursor, pages = result["nextPageCursor"], pages + 1
        if pages == 1:
            placed.append(ann.place("linear", price="59000"))
    assert (seen, pages) == (placed[6::-1], 3)
    assert len(ann.realtime("linear", symbol="BTCUSDT", limit=500)) == 8
    assert ann.code("GET", "order/realtime", **LINEAR, cursor="elsewhere") == 10001


def raw(ann: BybitTrader, query: str) -> Any:
    """Ask with the query exactly as it is: cursors come encoded."""
    prepared = ann.send("GET", f"order/realtime?{query}", headers=ann.signing(query))
    told = prepared.json()
    assert told["retCode"] == 0, told
    return told["result"]


def test_conditional_orders_are_listed_apart(ann: BybitTrader) -> None:
    ann.place("linear", price="59000")
    ann.place("linear", triggerPrice="61000", triggerDirection=1)
    kinds = {
        kind: [row["orderStatus"] for row in ann.realtime("linear", orderFilter=kind)]
        for kind in ("Order", "StopOrder", "tpslOrder")
    }
    assert kinds == {"Order": ["New"], "StopOrder": ["Untriggered"], "tpslOrder": []}
    ann.ask("POST", "order/cancel-all", **LINEAR, orderFilter="StopOrder")
    assert [row["orderStatus"] for row in ann.realtime("linear")] == ["New"]


def test_realtime_keeps_the_last_that_ended_and_history_what_filled(
    simulator: SimulatorThread, ann: BybitTrader
) -> None:
    cancelled = ann.place("linear", price="59000")
    ann.ask("POST", "order/cancel", **LINEAR, orderId=cancelled)
    filled = ann.place("linear")
    assert [row["orderId"] for row in history(ann)] == [filled, cancelled]
    simulator.configure(recent_closed=1, unfilled_retention_ms=0)
    time.sleep(0.002)
    assert [row["orderId"] for row in ann.realtime("linear", openOnly="1")] == [filled]
    assert ann.realtime("linear", orderId=cancelled) == []
    assert [row["orderId"] for row in history(ann)] == [filled]
    assert history(ann, orderStatus="Cancelled") == []


def history(ann: BybitTrader, **params: Any) -> Any:
    return ann.ask("GET", "order/history", **LINEAR, **params)["list"]


def test_no_span_is_longer_than_seven_days(ann: BybitTrader) -> None:
    ann.place("linear")
    day, now = 86_400_000, now_ms()
    for path in ("order/history", "execution/list"):
        long = {"startTime": now - 8 * day, "endTime": now}
        assert ann.code("GET", path, **LINEAR, **long) == 10001
        assert ann.ask("GET", path, **LINEAR, startTime=now - 9 * day)["list"] == []
        assert ann.ask("GET", path, **LINEAR, startTime=now - 6 * day)["list"] != []


def test_executions_are_newest_first_and_those_of_an_order_whatever_else_is_asked(
    ann: BybitTrader,
) -> None:
    first = ann.place("linear", price="59000")
    ann.act("linear", action="fill", symbol="BTCUSDT", orderId=first, counterparties=3)
    ann.place("linear", symbol="ETHUSDT", qty="0.01")
    booked = [fill["exchange_trade_id"] for fill in ann.ledger()["executions"]]
    rows = ann.ask("GET", "execution/list", category="linear", limit=100)["list"]
    assert sorted(row["execId"] for row in rows) == sorted(booked)
    times = [int(row["execTime"]) for row in rows]
    assert times == sorted(times, reverse=True)
    mine = ann.ask(
        "GET", "execution/list", category="linear", symbol="SOLUSDT", orderId=first, startTime=1,
        endTime=2,
    )["list"]  # fmt: skip
    assert {row["execId"] for row in mine} == set(booked[:3])
    assert "0" in {row["leavesQty"] for row in mine}


def test_positions_are_signed_by_their_side(ann: BybitTrader) -> None:
    ann.place("linear", side="Sell")
    ann.place("inverse")
    (short,) = ann.ask("GET", "position/list", category="linear", settleCoin="USDT")["list"]
    (long,) = ann.ask("GET", "position/list", category="inverse")["list"]
    assert (short["side"], short["size"]) == ("Sell", "0.100")
    assert (long["side"], long["size"], long["symbol"]) == ("Buy", "6000", "BTCUSD")
    ann.place("linear", side="Buy")
    assert ann.ask("GET", "position/list", category="linear", settleCoin="USDT")["list"] == []
    (flat,) = ann.ask("GET", "position/list", category="linear", symbol="ETHUSDT")["list"]
    assert (flat["side"], flat["size"], flat["seq"]) == ("", "0", -1)


def test_hedge_mode_keeps_both_sides(ann: BybitTrader) -> None:
    ann.ask("POST", "position/switch-mode", category="linear", coin="USDT", mode=3)
    assert ann.code("POST", "position/switch-mode", category="linear", mode=3) == 110025
    assert ann.refused("linear") == 10001
    ann.place("linear", positionIdx=1)
    ann.place("linear", positionIdx=2, side="Sell", qty="0.2")
    rows = ann.ask("GET", "position/list", **LINEAR)["list"]
    assert [(row["positionIdx"], row["size"]) for row in rows] == [(1, "0.100"), (2, "0.200")]
    assert ann.code("POST", "position/switch-mode", category="linear", mode=0) == 110024


def test_the_wallet_is_that_of_the_unified_account(ann: BybitTrader) -> None:
    ann.place("spot", price="59000")
    (row,) = ann.ask("GET", "account/wallet-balance", accountType="UNIFIED", coin="BTC,MNT")["list"]
    assert {coin["coin"] for coin in row["coin"]} == {"BTC", "MNT"}
    assert ann.code("GET", "account/wallet-balance", accountType="SPOT") == 10001
    told = ann.ask("GET", "user/query-api")
    assert told["apiKey"] == ann.key
    sample = json.loads((DATA / "rest_query_api__plain.json").read_text())["result"]
    assert set(sample) <= set(told)
    assert {name: type(value) for name, value in sample.items()} == {
        name: type(told[name]) for name in sample
    }
    assert ann.ask("GET", "account/info")["unifiedMarginStatus"] == 5
    assert wallet_log(ann) == []


def test_the_log_tells_each_change_of_the_wallet_whatever_house_made_it(ann: BybitTrader) -> None:
    owned = wallet(ann)
    ann.place("linear")
    ann.place("linear", side="Sell", qty="0.050")
    ann.place("inverse")
    ann.place("spot", side="Sell")
    ann.act("linear", action="funding", symbol="BTCUSDT", amount="-1.5")
    ann.act("spot", action="transfer", asset="USDT", amount="100")

    told = wallet_log(ann, limit=50)

    assert {(row["category"], row["type"], row["currency"]) for row in told} == {
        ("inverse", "TRADE", "BTC"),
        ("linear", "SETTLEMENT", "USDT"),
        ("linear", "TRADE", "USDT"),
        ("spot", "TRADE", "BTC"),
        ("spot", "TRADE", "USDT"),
        ("spot", "TRANSFER_IN", "USDT"),
    }
    for coin, balance in wallet(ann).items():
        changes = (Decimal(row["change"]) for row in told if row["currency"] == coin)
        assert owned[coin] + sum(changes) == balance
    assert len({(row["id"], row["currency"]) for row in told}) == len(told)
    assert {row["category"] for row in wallet_log(ann, category="inverse")} == {"inverse"}
    assert [row["change"] for row in wallet_log(ann, type="SETTLEMENT")] == ["-1.5"]
    first = ann.ask("GET", "account/transaction-log", limit=4)
    cursor = unquote(first["nextPageCursor"])
    assert first["list"] + wallet_log(ann, limit=50, cursor=cursor) == told


def wallet_log(ann: BybitTrader, **params: Any) -> list[Any]:
    """What moved the wallet."""
    rows: list[Any] = ann.ask("GET", "account/transaction-log", **params)["list"]
    return rows


def wallet(ann: BybitTrader) -> dict[str, Decimal]:
    """What is in it."""
    (row,) = ann.ask("GET", "account/wallet-balance", accountType="UNIFIED")["list"]
    return {coin["coin"]: Decimal(coin["walletBalance"]) for coin in row["coin"]}


def test_instruments_are_those_of_the_category(ann: BybitTrader) -> None:
    listed = {
        category: [row["symbol"] for row in public(ann, "instruments-info", category=category)]
        for category in (*CATEGORIES, "option")
    }
    assert listed["linear"] == ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BTCPERP"]
    assert listed["inverse"] == ["BTCUSD", "ETHUSD"]
    assert ("BTCUSDT" in listed["spot"], listed["option"]) == (True, [])
    assert public(ann, "instruments-info", category="linear", status="PreLaunch") == []
    (ticker,) = public(ann, "tickers", **LINEAR)
    assert ticker["lastPrice"] == "60000.00"
    assert len(public(ann, "kline", **LINEAR, interval="1")) == 1


def public(ann: BybitTrader, path: str, **params: Any) -> Any:
    """Ask as nobody."""
    told = requests.get(f"{ann.simulator.url}/v5/market/{path}", params=params, timeout=5).json()
    assert told["retCode"] == 0
    return told["result"]["list"]


def test_requests_must_be_signed_and_in_time(ann: BybitTrader) -> None:
    codes = [
        ann.send("GET", "order/realtime", headers=headers, **LINEAR).json()["retCode"]
        for headers in (
            {"X-BAPI-SIGN": "0" * 64},
            {"X-BAPI-API-KEY": "nobody"},
            {"X-BAPI-TIMESTAMP": str(now_ms() - 6_000)},
            {"X-BAPI-TIMESTAMP": str(now_ms() + 2_000)},
        )
    ]
    assert codes == [10004, 10003, 10002, 10002]
    assert ann.code("GET", "order/realtime", category="future") == 10001
    assert ann.send("GET", "order/nothing").status_code == 404


def test_a_key_of_one_house_owns_nothing_in_another(simulator: SimulatorThread) -> None:
    bob = BybitTrader(simulator)
    bob.key, bob.secret = "bob-key", "bob-secret"
    simulator.house("BYBIT", "FUTURES").account(bob.key, bob.secret)
    assert bob.realtime("spot") == []
    assert bob.refused("spot", price="59000") == 170131
    bob.close()


def test_more_than_an_accounts_share_is_10006_with_headers(
    simulator: SimulatorThread, ann: BybitTrader
) -> None:
    simulator.configure(reads_per_second=2)
    answers = [ann.send("GET", "order/realtime", **LINEAR) for _ in range(5)]
    codes = [answer.json()["retCode"] for answer in answers]
    assert 10006 in codes
    assert {answer.headers["X-Bapi-Limit"] for answer in answers} == {"2"}
    refused = answers[codes.index(10006)]
    assert refused.headers["X-Bapi-Limit-Status"] == "0"
    assert int(refused.headers["X-Bapi-Limit-Reset-Timestamp"]) <= now_ms() + 1_000
    assert ann.send("GET", "order/history", **LINEAR).json()["retCode"] == 0


def test_more_than_an_address_share_is_403_for_every_house(
    simulator: SimulatorThread, ann: BybitTrader
) -> None:
    simulator.configure(weight_limit=0)
    answer = ann.send("GET", "order/realtime", category="spot")
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html")
    assert b"access too frequent" in answer.content
    simulator.configure(weight_limit=600)
    assert ann.send("GET", "market/time").status_code == 403
    simulator.faults(ban=0)
    assert ann.send("GET", "market/time").status_code == 200
    assert simulator.ledger(summary=True)["requests_during_ban"] == 1


@pytest.mark.parametrize(
    ("category", "how", "told"),
    [
        ("linear", "timeout", (200, 10000)),
        ("spot", "timeout", (200, 170146)),
        ("linear", "502", (502, None)),
    ],
)
def test_an_answer_may_be_lost_while_the_order_is_there(
    ann: BybitTrader, category: str, how: str, told: tuple[int, int | None]
) -> None:
    for house in HOUSES:
        ann.simulator.house(*house).faults(accept_but_lose_answer={"order/create": how})
    terms: dict[str, Any] = {"side": "Buy", "orderType": "Limit", "price": "59000", "qty": "0.1"}
    answer = ann.send("POST", "order/create", category=category, symbol="BTCUSDT", **terms)
    is_json = answer.headers["Content-Type"].startswith("application/json")
    assert (answer.status_code, answer.json()["retCode"] if is_json else None) == told
    assert len(ann.ledger(category)["orders"]) == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(429, "application/json"), (503, "text/html"), (403, "text/html")]
)
def test_servers_in_front_fail_as_theirs_do(
    simulator: SimulatorThread, ann: BybitTrader, status: int, kind: str
) -> None:
    simulator.faults(rest_status={"order/realtime": status})
    answer = ann.send("GET", "order/realtime", **LINEAR)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, kind)


def test_queries_may_show_the_past_and_not_yet_the_young(
    simulator: SimulatorThread, ann: BybitTrader
) -> None:
    order_id = ann.place("linear", price="59000")
    simulator.faults(stale_rest_ms={"order/realtime": 60_000}, not_found_window_ms=60_000)
    assert ann.realtime("linear", orderId=order_id) == []
    simulator.faults(reset=True, invalid_key=True)
    assert ann.code("GET", "order/realtime", **LINEAR) == 33004


def test_one_address_has_one_clock(simulator: SimulatorThread, ann: BybitTrader) -> None:
    simulator.house("BYBIT", "SPOT").faults(clock_skew_ms=60_000)
    told = requests.get(f"{simulator.url}/v5/market/time", timeout=5).json()["result"]
    assert int(told["timeSecond"]) * 1000 > now_ms() + 50_000
    assert ann.code("GET", "order/realtime", **LINEAR) == 10002
    assert ann.connect().auth(ann.key, ann.secret)["ret_msg"] == "Params Error"


def batch(ann: BybitTrader, wanted: object, category: str = "linear") -> Any:
    """Send several orders in one request; returns the whole answer."""
    told = ann.send("POST", "order/create-batch", category=category, request=wanted)
    return told.json()


def several(*names: str, **terms: object) -> list[dict[str, object]]:
    usual = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "price": "30000"}
    return [{**usual, "qty": "0.1", "orderLinkId": name, **terms} for name in names]


def test_each_of_several_orders_is_taken_or_refused_for_itself(ann: BybitTrader) -> None:
    wanted = several("first", "second") + several("third", qty="0.00001")

    told = batch(ann, wanted)

    assert told["retCode"] == 0
    assert [row["orderLinkId"] for row in told["result"]["list"]] == ["first", "second", ""]
    assert [row["code"] for row in told["retExtInfo"]["list"]] == [0, 0, 10001]
    assert len(ann.realtime()) == 2
    duplicate = {"code": 110072, "msg": "OrderLinkedID is duplicate"}
    assert batch(ann, wanted[:1])["retExtInfo"]["list"] == [duplicate]


@pytest.mark.parametrize(("category", "count"), [("linear", 21), ("spot", 11), ("spot", 0)])
def test_a_request_has_room_for_so_many_orders(ann: BybitTrader, category: str, count: int) -> None:
    ann.simulator.house("BYBIT", HOUSE_OF[category]).configure(enforce_limits=False)

    told = batch(ann, several(*(f"n{number}" for number in range(count))), category)

    assert told["retCode"] == 10001
    assert batch(ann, "none")["retCode"] == 10001


def test_every_order_of_a_request_counts_against_the_second(ann: BybitTrader) -> None:
    names = [f"n{number}" for number in range(11)]

    assert batch(ann, several(*names))["retCode"] == 10006

    assert batch(ann, several(*names[:10]), "spot")["retCode"] == 0
    assert ann.realtime() == []
