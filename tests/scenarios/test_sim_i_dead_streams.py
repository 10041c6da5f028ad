"""SIM-I: streams that die without a word, live without one, or are closed by the exchange."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

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
    sync,
    trade_ids,
)
from tracking.models import OrderEvent, OrderTrackingSession, StreamEvent
from tracking.services.order_fill_monitor import OrderFillMonitor
from tracking.services.order_tracking import sync_open_orders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.services.conftest import Exchange

QUICK = StreamSettings(
    poll=0.05, ping_interval=0.1, silence_limit=0.6, backoff_base=0.01, backoff_cap=0.05
)


@pytest.fixture
def worker(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setattr("exchanges.stream.StreamSettings", lambda: QUICK)
    # a socket looks at its lifetime between two pings
    exchange.simulator.configure(ping_interval=0.05)
    exchange.close()
    made = Worker()
    made.step_until(is_connected)
    made.wait_for("sync")
    sync_open_orders(exchange.account.pk, force=True)
    yield made
    made.supervisor.stop()
    row = session()
    assert (row.status, row.end_reason) == ("disconnected", "stopped")
    assert not OrderTrackingSession.objects.filter(ended_at=None).exists()


def fill_unheard(exchange: Exchange) -> str:
    """Let an order fill that the stream does not tell of."""
    order_id = place(exchange, "0.2")
    fill(exchange, order_id, "0.2")
    return str(order_id)


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
    """The fill is booked once, and the stream tells of the next one."""
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


def test_sim_i1_a_stream_without_frames_or_pongs_is_replaced_and_loses_no_fill(
    exchange: Exchange, worker: Worker
) -> None:
    exchange.simulator.faults(account=exchange.key, half_open="current")
    order_id = fill_unheard(exchange)

    catch_up(exchange, worker)

    told = OrderEvent.objects.filter(kind="session").values_list("payload__end_reason", flat=True)
    assert "silence" in told
    assert_caught_up(exchange, worker, order_id)


def test_sim_i1_a_stream_with_pongs_and_without_frames_is_replaced_once_it_missed_a_fill(
    exchange: Exchange, worker: Worker
) -> None:
    long_connected(exchange)
    exchange.simulator.faults(account=exchange.key, mute="current")
    order_id = fill_unheard(exchange)

    sync(exchange)
    assert closed_orders() == [(order_id, "FILLED", "0.2", "6000")]
    missed = session().missed_at
    assert missed is not None
    sync(exchange)
    # the frame may be on its way
    assert session().missed_at == missed
    OrderTrackingSession.objects.update(missed_at=missed - timedelta(seconds=6))
    sync(exchange)

    catch_up(exchange, worker)
    assert_caught_up(exchange, worker, order_id)


def test_sim_i1_a_stream_that_speaks_is_kept_although_it_lost_a_fill(
    exchange: Exchange, worker: Worker
) -> None:
    long_connected(exchange)
    exchange.simulator.faults(account=exchange.key, lose=1.0)
    fill_unheard(exchange)
    sync(exchange)
    assert session().missed_at is not None
    exchange.simulator.faults(account=exchange.key, lose=0.0)

    missed = timezone.now()
    OrderTrackingSession.objects.update(missed_at=missed)
    place(exchange, "0.3")
    worker.step_until(lambda: (session().last_event_at or missed) > missed)
    OrderTrackingSession.objects.update(missed_at=missed - timedelta(seconds=6))
    sync(exchange)

    assert session().missed_at is None
    exchange.account.refresh_from_db()
    assert exchange.account.reconnect_requested_at is None


def long_connected(exchange: Exchange) -> None:
    """Let the stream have been connected for a minute, by our clock."""
    OrderTrackingSession.objects.update(connected_at=timezone.now() - timedelta(minutes=1))


@pytest.mark.parametrize("how", [1000, 1001, "abort"])
def test_sim_i2_a_stream_closed_by_the_exchange_is_made_again_and_loses_no_fill(
    exchange: Exchange, worker: Worker, how: int | str
) -> None:
    exchange.simulator.faults(account=exchange.key, disconnect=how, refuse_connect=True)
    order_id = fill_unheard(exchange)
    worker.step_until(lambda: session().status in {"disconnected", "error"})
    exchange.simulator.faults(account=exchange.key, refuse_connect=False)

    catch_up(exchange, worker)

    assert_caught_up(exchange, worker, order_id)


def test_sim_i2_a_stream_at_the_end_of_its_day_is_made_again_and_loses_no_fill(
    exchange: Exchange, worker: Worker
) -> None:
    exchange.simulator.faults(account=exchange.key, refuse_connect=True)
    exchange.simulator.configure(socket_lifetime=0.01)
    worker.step_until(lambda: session().status in {"disconnected", "error"})
    order_id = fill_unheard(exchange)
    exchange.simulator.configure(socket_lifetime=86_400)
    exchange.simulator.faults(account=exchange.key, refuse_connect=False)

    catch_up(exchange, worker)

    assert_caught_up(exchange, worker, order_id)
