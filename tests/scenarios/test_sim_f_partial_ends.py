"""SIM-F: orders that fill in part and then end. What filled is kept, the order ends once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from exchanges.messages import OrderStatus
from tests.books import assert_clean
from tests.integration.services.test_order_manager import limit
from tests.scenarios.stories import (
    anomalies,
    assert_journal_whole,
    assert_settled,
    closed_orders,
    executions,
    fill,
    hear,
    open_orders,
    place,
    positions,
    removals,
    sync,
    told,
    trade_ids,
    trades,
    verify,
)
from tests.unit.tracking.domain.builders import a_fill, a_report, seen
from tracking.models import OpenOrder, OrderRequest
from tracking.services.event_emitter import emit_trade_event
from tracking.services.order_records import Gathered

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

SYMBOL = "BTC/USDT:USDT"
by_all_ways = pytest.mark.parametrize("by", ["stream", "sync"])


def learn(exchange: Exchange, by: str, frames: list[str]) -> None:
    """Hear of what happened after the order was new: from the stream, or from REST alone."""
    new, *later = frames
    hear(exchange, new)
    if by == "stream":
        hear(exchange, *later)
    else:
        sync(exchange)


def assert_ended(
    exchange: Exchange, order_id: int, status: str, filled: str, *, price: str = "30000"
) -> None:
    """One end, one trade with what filled, its position, and one open order less."""
    quote = f"{(Decimal(filled) * Decimal(price)).normalize():f}"
    assert open_orders() == []
    assert closed_orders() == [(str(order_id), status, filled, quote)]
    assert [row[:3] for row in executions()] == [(*trade_ids(exchange), filled, price)]
    assert trades() == [(str(order_id), "BUY", filled, quote, 1)]
    assert positions() == [(SYMBOL, filled, price)]
    assert removals() == [(str(order_id), status)]
    assert_settled(exchange)


@by_all_ways
def test_sim_f1_an_order_cancelled_after_a_part_of_it_filled_keeps_that_part(
    exchange: Exchange, by: str
) -> None:
    order_id = place(exchange, "1")
    fill(exchange, order_id, "0.4")
    exchange.act("cancel", symbol="BTCUSDT", orderId=order_id)

    learn(exchange, by, exchange.frames(3))

    assert_ended(exchange, order_id, "CANCELLED", "0.4")
    assert told("order_cancelled", "order_filled") == ["order_cancelled"]


def test_sim_f1_our_own_cancel_after_a_fill_nobody_told_keeps_that_fill(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(quantity="1"), idempotency_key="1")
    order = OpenOrder.objects.get()
    fill(exchange, int(str(order.exchange_order_id)), "0.4")

    request = manager.cancel(order, idempotency_key="2")

    assert request.outcome == "ACCEPTED"
    verify(exchange)
    assert_ended(exchange, int(str(order.exchange_order_id)), "CANCELLED", "0.4")


@by_all_ways
@pytest.mark.parametrize(("filled", "status"), [("0.4", "CANCELLED"), ("1", "FILLED")])
def test_sim_f2_a_fill_told_after_the_cancel_of_the_same_moment_is_booked(
    exchange: Exchange, by: str, filled: str, status: str
) -> None:
    order_id = place(exchange, "1")
    exchange.act("cancel_then_fill", symbol="BTCUSDT", orderId=order_id, quantity=filled)

    learn(exchange, by, exchange.frames(3 if status == "CANCELLED" else 2))

    assert_ended(exchange, order_id, status, filled)


def test_sim_f2_a_cancel_drained_before_its_fill_is_told_ends_once(exchange: Exchange) -> None:
    order_id = place(exchange, "1")
    exchange.act("cancel_then_fill", symbol="BTCUSDT", orderId=order_id, quantity="0.4")
    new, cancelled, filled = exchange.frames(3)
    assert '"x":"CANCELED"' in cancelled
    exchange.simulator.faults(rest_status={"*": 503})

    hear(exchange, new, cancelled)
    # the fill it speaks of is not seen yet, so the end waits
    assert open_orders() == [(str(order_id), "PARTIALLY_FILLED", "0.4")]
    hear(exchange, filled)

    assert closed_orders() == [(str(order_id), "CANCELLED", "0.4", "12000")]
    exchange.simulator.faults(reset=True)
    verify(exchange)
    assert_ended(exchange, order_id, "CANCELLED", "0.4")


@by_all_ways
def test_sim_f3_an_ioc_order_that_expires_keeps_what_it_filled(exchange: Exchange, by: str) -> None:
    simulator = exchange.simulator
    simulator.account("another", "its secret")
    simulator.faults(thin_book=True)
    offer = {"symbol": "BTCUSDT", "type": "LIMIT", "price": "60000"}
    simulator.act(action="place", account="another", side="SELL", quantity="0.7", **offer)
    order_id = place(exchange, "1", price="60000", timeInForce="IOC")
    frames = exchange.frames(3)
    assert '"X":"EXPIRED"' in frames[2]

    learn(exchange, by, frames)

    assert_ended(exchange, order_id, "EXPIRED", "0.7", price="60000")
    assert told("order_expired", "order_filled") == ["order_expired"]


def test_sim_f4_an_order_rejected_although_it_filled_was_cancelled_and_keeps_its_fill(
    exchange: Exchange, manager: OrderManager
) -> None:
    """As Bybit tells it: orderStatus Rejected with cumExecQty 0.005."""
    exchange.simulator.faults(refuse_and_lose_answer={"POST order": "drop"})
    request = manager.execute(limit(quantity="1"), idempotency_key="1")
    rejected = a_report(
        OrderStatus.REJECTED, "0.005", quantity=Decimal(1), price=Decimal(30000), reason="EC_X"
    )
    told_fill = a_fill("1", "0.005", "30000", executed_at=timezone.now())
    evidence = seen(replace(rejected, client_order_id=request.client_order_id), fills=(told_fill,))
    rejection = Gathered(
        market_type="FUTURES",
        symbol=SYMBOL,
        id_space="ORDER",
        exchange_order_id="7",
        client_order_id=request.client_order_id,
        evidence=evidence,
    )

    for _ in range(2):
        emit_trade_event(account_id=exchange.account.pk, gathered=[rejection], now=timezone.now())

    assert open_orders() == []
    assert closed_orders() == [("7", "CANCELLED", "0.005", "150")]
    assert executions() == [("1", "0.005", "30000", "WS")]
    assert trades() == [("7", "BUY", "0.005", "150", 1)]
    assert positions() == [(SYMBOL, "0.005", "30000")]
    assert removals() == [("7", "CANCELLED")]
    assert told("order_cancelled", "order_rejected") == ["order_cancelled"]
    assert anomalies() == []
    assert OrderRequest.objects.get().outcome == "ACCEPTED"
    assert_journal_whole()
    assert_clean(exchange.account.pk)
