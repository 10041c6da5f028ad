"""SIM-D: exchanges that number their trades badly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.stories import (
    anomalies,
    assert_settled,
    closed_orders,
    executions,
    fill,
    hear,
    open_orders,
    place,
    positions,
    quiesce,
    removals,
    trade_ids,
    trades,
    verify,
)
from tracking.models import TradeExecution

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange

SYMBOL = "BTC/USDT:USDT"
TRADE = 77


@pytest.mark.parametrize("second_is_lost", [False, True])
def test_sim_d1_one_trade_id_with_two_quantities_is_two_fills_and_is_told(
    exchange: Exchange, *, second_is_lost: bool
) -> None:
    order_id = place(exchange, "0.5")
    fill(exchange, order_id, "0.2", tradeId=TRADE)
    fill(exchange, order_id, "0.3", tradeId=TRADE)
    new, first, second = exchange.frames(3)
    exchange.simulator.faults(rest_status={"*": 503})
    hear(exchange, new, first)
    if not second_is_lost:
        hear(exchange, second, second)
    exchange.simulator.faults(reset=True)
    # the list of trades after this id does not show the other one: it is asked for by order
    quiesce(exchange)

    source = "REST_TRADES" if second_is_lost else "WS"
    assert executions() == [
        (str(TRADE), "0.2", "30000", "WS"),
        (str(TRADE), "0.3", "30000", source),
    ]
    rows = TradeExecution.objects.order_by("sequence").values_list("sequence", flat=True)
    assert list(rows) == [0, 1]
    assert closed_orders() == [(str(order_id), "FILLED", "0.5", "15000")]
    assert trades() == [(str(order_id), "BUY", "0.5", "15000", 2)]
    assert positions() == [(SYMBOL, "0.5", "30000")]
    assert anomalies() == ["SAME_TRADE_ID"]
    assert removals() == [(str(order_id), "FILLED")]
    assert_settled(exchange)


def test_sim_d2_fills_without_a_trade_id_are_asked_for_and_take_the_id_rest_tells(
    exchange: Exchange,
) -> None:
    exchange.simulator.faults(hide_trade_ids=True)
    order_id = place(exchange, "0.5")
    fill(exchange, order_id, "0.2")
    fill(exchange, order_id, "0.3")

    hear(exchange, *exchange.frames(3))

    first, second = trade_ids(exchange)
    assert executions() == [
        (first, "0.2", "30000", "REST_TRADES"),
        (second, "0.3", "30000", "REST_TRADES"),
    ]
    assert closed_orders() == [(str(order_id), "FILLED", "0.5", "15000")]
    assert trades() == [(str(order_id), "BUY", "0.5", "15000", 2)]
    assert positions() == [(SYMBOL, "0.5", "30000")]
    assert removals() == [(str(order_id), "FILLED")]
    assert_settled(exchange)


def test_sim_d2_fills_without_a_trade_id_keep_their_order_open_while_rest_is_away(
    exchange: Exchange,
) -> None:
    exchange.simulator.faults(hide_trade_ids=True, rest_status={"*": 503})
    order_id = place(exchange, "0.5")
    fill(exchange, order_id, "0.5")

    hear(exchange, *exchange.frames(2))

    assert open_orders() == [(str(order_id), "PARTIALLY_FILLED", "0.5")]
    assert executions() == []
    exchange.simulator.faults(reset=True)
    verify(exchange)
    assert executions() == [(*trade_ids(exchange), "0.5", "30000", "REST_TRADES")]
    assert closed_orders() == [(str(order_id), "FILLED", "0.5", "15000")]
    assert positions() == [(SYMBOL, "0.5", "30000")]
    assert_settled(exchange)
