"""SIM-I: streams that die without a word, live without one, or are closed by the exchange."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.integration.streams.test_supervisor import session
from tests.scenarios.stories import closed_orders, place, sync
from tests.scenarios.streaming import (
    assert_caught_up,
    catch_up,
    connected_worker,
    fill_unheard,
    is_disconnected,
    stop_tidily,
)
from tracking.models import OrderEvent, OrderTrackingSession

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.services.conftest import Exchange
    from tests.integration.streams.test_supervisor import Worker


@pytest.fixture
def worker(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    made = connected_worker(exchange, monkeypatch)
    yield made
    stop_tidily(made)


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
    worker.step_until(is_disconnected)
    exchange.simulator.faults(account=exchange.key, refuse_connect=False)

    catch_up(exchange, worker)

    assert_caught_up(exchange, worker, order_id)


def test_sim_i2_a_stream_at_the_end_of_its_day_is_made_again_and_loses_no_fill(
    exchange: Exchange, worker: Worker
) -> None:
    exchange.simulator.faults(account=exchange.key, refuse_connect=True)
    exchange.simulator.configure(socket_lifetime=0.01)
    worker.step_until(is_disconnected)
    order_id = fill_unheard(exchange)
    exchange.simulator.configure(socket_lifetime=86_400)
    exchange.simulator.faults(account=exchange.key, refuse_connect=False)

    catch_up(exchange, worker)

    assert_caught_up(exchange, worker, order_id)
