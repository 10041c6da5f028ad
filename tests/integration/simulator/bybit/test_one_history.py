"""What was streamed, what is listed and what was booked are one history."""

from __future__ import annotations

import contextlib
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from tests.integration.simulator.bybit.trader import HOUSE_OF, HOUSES

if TYPE_CHECKING:
    from tests.integration.simulator.bybit.trader import BybitStream, BybitTrader

STEPS = 120
MARKETS = {
    "linear": ("BTCUSDT", ["0.010", "0.100"]),
    "spot": ("BTCUSDT", ["0.010", "0.100"]),
    "inverse": ("BTCUSD", ["100", "5000"]),
}
TIMES = ["GTC", "GTC", "GTC", "IOC", "PostOnly"]


@pytest.mark.parametrize("category", MARKETS)
def test_streams_lists_and_books_agree(ann: BybitTrader, category: str) -> None:
    stream = ann.listen("order", "execution")
    for house in HOUSES:
        ann.simulator.house(*house).configure(enforce_limits=False)
    trade(ann, category, random.Random(7))

    ledger = ann.ledger(category)
    told = drain(stream)
    fills = {row["execId"]: row for row in told["execution"]}
    assert len(fills) == len(told["execution"]) > 20
    assert amounts(fills.values()) == {booked(each) for each in ledger["executions"]}
    assert amounts(every(ann, "execution/list", category)) == amounts(fills.values())

    ended = {row["orderId"]: row for row in told["order"]}
    for each in ledger["orders"]:
        row = ended[each["exchange_order_id"]]
        assert Decimal(row["cumExecQty"]) == Decimal(each["filled_quantity"])
        assert row["orderStatus"] == expected(each, category)
    listed = [
        *every(ann, "order/history", category),
        *every(ann, "order/realtime", category),
    ]
    assert {row["orderId"]: row["orderStatus"] for row in listed} == {
        order_id: row["orderStatus"] for order_id, row in ended.items()
    }


def trade(ann: BybitTrader, category: str, chance: random.Random) -> None:
    """Do this and that, by API and by hand."""
    symbol, quantities = MARKETS[category]
    house, placed = ann.simulator.house("BYBIT", HOUSE_OF[category]), []
    for _ in range(STEPS):
        doing = chance.choice(["place", "place", "market", "cancel", "fill", "price"])
        side, quantity = chance.choice(["Buy", "Sell"]), chance.choice(quantities)
        if doing == "place":
            price = str(chance.randrange(59_000, 61_000, 50))
            time = chance.choice(TIMES)
            placed.append(
                ann.place(category, side=side, qty=quantity, price=price, timeInForce=time)
            )
        elif doing == "market":
            ann.place(category, side=side, qty=quantity, marketUnit="baseCoin")
        elif doing == "price":
            house.price(symbol, f"{chance.randrange(59_500, 60_500, 50)}.00")
        elif placed:
            order_id = chance.choice(placed)
            named: dict[str, Any] = {"symbol": symbol, "orderId": order_id}
            if doing == "cancel":
                ann.send("POST", "order/cancel", category=category, **named)
            else:
                with contextlib.suppress(ValueError):
                    house.act(action="fill", account=ann.key, quantity=quantities[0], **named)


def drain(stream: BybitStream) -> dict[str, list[Any]]:
    """Everything that was told before an answer to what is asked now."""
    found: dict[str, list[Any]] = {"order": [], "execution": []}
    stream.socket.send('{"op":"ping"}')
    while "topic" in (frame := stream.next()):
        found[frame["topic"]] += frame["data"]
    return found


def every(ann: BybitTrader, path: str, category: str) -> list[Any]:
    """All pages of a list."""
    rows: list[Any] = []
    cursor, scope = "", {"category": category, "symbol": MARKETS[category][0], "limit": 20}
    while True:
        page = ann.ask("GET", path, **scope, **({"cursor": cursor} if cursor else {}))
        rows += page["list"]
        cursor = unquote(page["nextPageCursor"])
        if not cursor:
            return rows


def amounts(rows: Any) -> set[tuple[str, ...]]:
    names = ("execId", "orderId", "execPrice", "execQty", "execFee", "feeCurrency", "execTime")
    return {tuple(row[name] for name in names) for row in rows}


def booked(each: Any) -> tuple[str, ...]:
    names = (
        "exchange_trade_id",
        "exchange_order_id",
        "price",
        "quantity",
        "commission",
        "commission_asset",
    )
    return (*(each[name] for name in names), str(each["executed_at"]))


def expected(each: Any, category: str) -> str:
    """The word that Bybit has for where the order stands in the ledger."""
    has_fills = Decimal(each["filled_quantity"]) > 0
    status = each["status"]
    if status in {"NEW", "PARTIALLY_FILLED", "FILLED"}:
        return {"NEW": "New", "PARTIALLY_FILLED": "PartiallyFilled", "FILLED": "Filled"}[status]
    return "PartiallyFilledCanceled" if has_fills and category == "spot" else "Cancelled"
