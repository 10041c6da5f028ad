"""SIM-E: what looks like a fill and is none, and fills that nobody ordered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.scenarios.stories import (
    anomalies,
    assert_settled,
    executions,
    fill,
    hear,
    open_orders,
    place,
    positions,
    quiesce,
    told,
    trade_ids,
    trades,
)
from tracking.models import TradeExecution

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange

SYMBOL = "BTC/USDT:USDT"


@pytest.mark.parametrize("by", ["stream", "sync"])
def test_sim_e1_only_what_moved_the_position_is_a_fill_and_each_fill_says_why_it_happened(
    exchange: Exchange, by: str
) -> None:
    orders = []
    for action in ("deleverage", "liquidate", "settle"):
        orders.append(place(exchange, "0.2"))
        fill(exchange, orders[-1], "0.2")
        exchange.act("funding", symbol="BTCUSDT", amount="-3")
        exchange.act(action, symbol="BTCUSDT", price="30000")
    frames = exchange.frames(12)

    if by == "stream":
        hear(exchange, *frames)
    quiesce(exchange)

    rows = TradeExecution.objects.order_by("executed_at", "exchange_trade_id")
    # the lists of REST do not say why a fill happened, but its order's name does
    assert [(e.side, e.kind) for e in rows] == [
        ("BUY", "TRADE"),
        ("SELL", "ADL"),
        ("BUY", "TRADE"),
        ("SELL", "LIQUIDATION"),
        ("BUY", "TRADE"),
        ("SELL", "SETTLEMENT"),
    ]
    assert [row[:3] for row in executions()] == [(i, "0.2", "30000") for i in trade_ids(exchange)]
    assert [row[1:] for row in trades()] == [
        ("BUY", "0.2", "6000", 1),
        ("SELL", "0.2", "6000", 1),
    ] * 3
    assert positions() == [(SYMBOL, "0", "0")]
    assert told("order_filled") == ["order_filled"] * 6
    assert anomalies() == []
    assert_settled(exchange)


#: told of an order that has not filled: Bybit's and Binance's names for what is no trade
NO_TRADES = ("TRADE_PREVENTION", "Funding", "MovePosition", "AMENDMENT", "CALCULATED", "TRADE")


@pytest.mark.parametrize("execution_type", NO_TRADES)
def test_sim_e1_a_quantity_that_was_not_traded_is_not_booked(
    exchange: Exchange, execution_type: str
) -> None:
    order_id = place(exchange, "0.5")
    (new,) = exchange.frames(1)
    frame = json.loads(new)
    frame["o"] |= {"x": execution_type, "l": "0.5", "L": "30000", "t": -1, "z": "0"}
    exchange.act("say", text=json.dumps(frame))

    hear(exchange, new, *exchange.frames(1))

    assert open_orders() == [(str(order_id), "NEW", "0")]
    assert executions() == []
    assert positions() == []
    quiesce(exchange)
    assert_settled(exchange)
