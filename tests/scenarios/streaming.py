"""What the scenarios of the private stream share: a quick worker, and how it catches up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.stream_settings import StreamSettings
from tests.integration.streams.test_supervisor import Worker, is_connected, session
from tests.scenarios.stories import (
    assert_settled,
    closed_orders,
    executions,
    fill,
    open_orders,
    place,
    positions,
    quiesce,
    removals,
    trade_ids,
)
from tracking.models import OrderTrackingSession, StreamEvent
from tracking.services.order_fill_monitor import OrderFillMonitor
from tracking.services.order_tracking import sync_open_orders

if TYPE_CHECKING:
    import pytest

    from tests.integration.services.conftest import Exchange

QUICK = StreamSettings(
    poll=0.05, ping_interval=0.1, silence_limit=0.6, backoff_base=0.01, backoff_cap=0.05
)


def connected_worker(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, settings: StreamSettings = QUICK
) -> Worker:
    """Give a stream worker that is connected and has caught up."""
    monkeypatch.setattr("exchanges.registry.StreamSettings", lambda **_: settings)
    # a socket looks at its lifetime between two pings
    exchange.simulator.configure(ping_interval=0.05)
    exchange.close()
    worker = Worker()
    worker.step_until(is_connected)
    worker.wait_for("sync")
    sync_open_orders(exchange.account.pk, force=True)
    return worker


def stop_tidily(worker: Worker) -> None:
    """Stop the worker; every session it began has ended."""
    worker.supervisor.stop()
    assert not OrderTrackingSession.objects.filter(ended_at=None).exists()
    assert session().status == "disconnected"


def fill_unheard(exchange: Exchange) -> str:
    """Let an order fill that the stream does not tell of."""
    order_id = place(exchange, "0.2")
    fill(exchange, order_id, "0.2")
    return str(order_id)


def is_disconnected() -> bool:
    return session().status in {"disconnected", "error"}


def has_reconnected() -> bool:
    row = session()
    return row.reconnect_count >= 1 and row.status == "connected"


def catch_up(exchange: Exchange, worker: Worker) -> None:
    """Reconnected: the sync that was asked for runs, and it is a full one."""
    worker.step_until(has_reconnected)
    assert worker.wait_for("sync") == exchange.account.pk
    result = sync_open_orders(exchange.account.pk)
    assert (result.skipped, result.full) == (False, True)


def assert_caught_up(exchange: Exchange, worker: Worker, order_id: str) -> None:
    """The fill is booked once, after one reconnect, and the stream tells of what comes next."""
    assert closed_orders() == [(order_id, "FILLED", "0.2", "6000")]
    assert executions() == [(*trade_ids(exchange), "0.2", "30000", "REST_TRADES")]
    assert positions() == [("BTC/USDT:USDT", "0.2", "30000")]
    assert removals() == [(order_id, "FILLED")]
    assert OrderTrackingSession.objects.count() == 1
    assert session().reconnect_count == 1

    heard = place(exchange, "0.3")
    worker.step_until(StreamEvent.objects.filter(processed_at=None).exists)
    OrderFillMonitor(exchange.account.pk).on_order_update()
    assert open_orders() == [(str(heard), "NEW", "0")]
    quiesce(exchange)
    assert_settled(exchange)
