"""SIM-B: single messages are lost while the stream looks healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.stories import assert_settled, quiesce, told
from tracking.models import (
    ClosedOrder,
    OpenOrder,
    StreamEvent,
    StreamQuality,
    Trade,
    TradeExecution,
)
from tracking.services.order_fill_monitor import OrderFillMonitor

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange

FILLS_PER_ORDER = 2
LOST = 0.3


def push_orders(exchange: Exchange, count: int) -> list[str]:
    """Let so many orders be made and filled; give the frames that arrive."""
    simulator, arrived = exchange.simulator, list[str]()
    simulator.burst(
        fills=count * FILLS_PER_ORDER,
        seconds=60,
        fills_per_order=FILLS_PER_ORDER,
        symbols=["BTCUSDT"],
    )
    is_running = True
    while is_running:
        is_running = simulator.burst()["state"] == "running"
        sent = simulator.ledger(exchange.key, summary=True)["frames_sent"]
        arrived += exchange.frames(sent - len(arrived))
    return arrived


def lose_a_third(exchange: Exchange, orders: int) -> int:
    """Lose frames of so many orders, book the others; give how many fills nobody heard of."""
    exchange.simulator.faults(account=exchange.key, lose=LOST)
    exchange.deliver(*push_orders(exchange, orders))
    # REST is away until everything that arrived is booked, so that it tells only what was lost
    exchange.simulator.faults(rest_status={"*": {"status": 503}})
    while StreamEvent.objects.filter(processed_at=None).exists():
        OrderFillMonitor(exchange.account.pk).on_order_update()
    lost = exchange.simulator.ledger(exchange.key, summary=True)["lost_frames"]
    return sum(frame["exchange_trade_id"] is not None for frame in lost)


def assert_all_booked(exchange: Exchange, orders: int, lost: int) -> None:
    fills = orders * FILLS_PER_ORDER
    assert not OpenOrder.objects.exists()
    assert ClosedOrder.objects.filter(status="FILLED", filled_quantity="0.02").count() == orders
    assert Trade.objects.filter(execution_count=FILLS_PER_ORDER).count() == orders
    by_source = {
        source: TradeExecution.objects.filter(source=source, voided_at=None).count()
        for source in ("WS", "REST_TRADES")
    }
    assert by_source == {"WS": fills - lost, "REST_TRADES": lost}
    (hour,) = StreamQuality.objects.all()
    assert (hour.first_by_stream, hour.first_by_rest) == (fills - lost, lost)
    assert told("order_filled") == ["order_filled"] * orders
    assert_settled(exchange)


def test_sim_b1_what_a_healthy_stream_loses_is_booked_by_one_sync_and_counted(
    exchange: Exchange,
) -> None:
    lost = lose_a_third(exchange, orders=300)
    assert lost > 100

    quiesce(exchange)

    assert_all_booked(exchange, 300, lost)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_sim_b1_what_a_healthy_stream_loses_of_ten_thousand_orders_is_booked(
    exchange: Exchange,
) -> None:
    lost = lose_a_third(exchange, orders=10_000)

    for _ in range(60):
        quiesce(exchange)
        if Trade.objects.filter(execution_count=FILLS_PER_ORDER).count() == 10_000:
            break

    quiesce(exchange)
    assert_all_booked(exchange, 10_000, lost)
