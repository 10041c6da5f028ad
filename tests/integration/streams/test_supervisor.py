"""The stream worker: leases, sessions, frames into the inbox, and work when Celery is silent."""

from __future__ import annotations

import queue
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone

from tests.factories import ExchangeAccountFactory
from tests.integration.services.test_order_fill_monitor import fill, place_resting
from tracking.management.streams.supervisor import StreamSupervisor
from tracking.models import (
    ExchangeAccount,
    OrderEvent,
    OrderTrackingSession,
    StreamEvent,
    StreamQuality,
)
from tracking.services import leases, sessions
from tracking.services.order_fill_monitor import OrderFillMonitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.services.conftest import Exchange

PATIENCE = 10


class Worker:
    """A supervisor whose steps the test makes, and the wake-ups it sends."""

    def __init__(self, owner: str = "one") -> None:
        self.wakes: queue.Queue[tuple[str, int]] = queue.Queue()
        self.supervisor = StreamSupervisor(
            owner,
            wake=lambda account_id: self.wakes.put(("drain", account_id)),
            wake_sync=lambda account_id: self.wakes.put(("sync", account_id)),
        )
        self.supervisor.start()

    def step_until(self, condition: Callable[[], object]) -> None:
        """Step as the command does, woken by what happens, until something holds."""
        noticed = self.supervisor._noticed
        ends = timezone.now() + timedelta(seconds=PATIENCE)
        while not condition():
            assert timezone.now() < ends, "it never came to hold"
            self.supervisor.step()
            noticed.wait(0.1)
            noticed.clear()

    def wait_for(self, kind: str) -> int:
        while True:
            woken, account_id = self.wakes.get(timeout=PATIENCE)
            if woken == kind:
                return account_id


def session() -> OrderTrackingSession:
    return OrderTrackingSession.objects.latest("started_at")


def is_connected() -> bool:
    return OrderTrackingSession.objects.filter(status="connected").exists()


@pytest.fixture
def worker(exchange: Exchange) -> Iterator[Worker]:
    exchange.close()
    made = Worker()
    yield made
    made.supervisor.stop()


def test_an_account_is_taken_connected_and_asked_to_catch_up(
    exchange: Exchange, worker: Worker
) -> None:
    worker.step_until(is_connected)

    assert worker.wait_for("sync") == exchange.account.pk
    exchange.account.refresh_from_db()
    assert exchange.account.lease_owner == "one"
    assert exchange.account.next_full_sync_at is None
    assert session().epoch == exchange.account.lease_epoch
    assert OrderEvent.objects.filter(kind="session").exists()


def test_every_connection_is_counted_as_a_gap_behind_it(exchange: Exchange, worker: Worker) -> None:
    worker.step_until(lambda: StreamQuality.objects.filter(gaps=1).exists())
    exchange.account.reconnect_requested_at = timezone.now()
    exchange.account.save(update_fields=["reconnect_requested_at"])

    worker.step_until(lambda: StreamQuality.objects.filter(gaps=2).exists())

    assert StreamQuality.objects.get().account == exchange.account


def test_frames_about_orders_reach_the_inbox_and_wake_the_drain(
    exchange: Exchange, worker: Worker
) -> None:
    worker.step_until(is_connected)
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3")

    assert worker.wait_for("drain") == exchange.account.pk

    worker.step_until(lambda: StreamEvent.objects.count() == 2)
    OrderFillMonitor(exchange.account.pk).on_order_update()
    exchange.assert_equal_books()


def test_signs_of_life_are_written(exchange: Exchange, worker: Worker) -> None:
    worker.step_until(is_connected)
    place_resting(exchange)

    worker.step_until(lambda: session().event_count > 0)

    assert session().last_ping is not None
    assert session().last_event_at is not None


def test_a_dropped_stream_reconnects_and_counts_it(exchange: Exchange, worker: Worker) -> None:
    worker.step_until(is_connected)

    exchange.simulator.faults(account=exchange.key, disconnect=1001)

    worker.step_until(lambda: session().reconnect_count == 1 and session().status == "connected")


def test_a_reconnect_is_made_on_request(exchange: Exchange, worker: Worker) -> None:
    worker.step_until(is_connected)

    leases.request_reconnect(exchange.account.pk)

    worker.step_until(lambda: session().reconnect_count == 1)
    exchange.account.refresh_from_db()
    assert exchange.account.reconnect_requested_at is None


def test_another_worker_takes_over_when_the_lease_runs_out(
    exchange: Exchange, worker: Worker
) -> None:
    worker.step_until(is_connected)
    first = session()
    ExchangeAccount.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    other = Worker("two")

    other.step_until(lambda: session().owner == "two" and session().status == "connected")
    worker.supervisor._next_lease = 0
    worker.step_until(lambda: not worker.supervisor.streams)

    first.refresh_from_db()
    assert first.ended_at is not None
    exchange.account.refresh_from_db()
    assert exchange.account.lease_owner == "two"
    other.supervisor.stop()


def test_stopping_ends_the_session_and_gives_the_lease_back(
    exchange: Exchange, worker: Worker
) -> None:
    worker.step_until(is_connected)

    worker.supervisor.stop()

    assert session().status == "disconnected"
    assert session().end_reason == "stopped"
    exchange.account.refresh_from_db()
    assert exchange.account.lease_until is None


def test_frames_nobody_drains_are_drained_here(exchange: Exchange, worker: Worker) -> None:
    worker.step_until(is_connected)
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3")
    worker.step_until(lambda: StreamEvent.objects.count() == 2)
    StreamEvent.objects.update(received_at=timezone.now() - timedelta(seconds=5))
    worker.supervisor._fallback._next_look = 0

    worker.step_until(lambda: not StreamEvent.objects.filter(processed_at=None).exists())

    exchange.assert_equal_books()


def test_a_sync_nobody_does_is_done_here(exchange: Exchange, worker: Worker) -> None:
    worker.step_until(is_connected)
    worker.wait_for("sync")
    exchange.simulator.faults(account=exchange.key, mute=True)
    place_resting(exchange)
    ExchangeAccount.objects.update(next_sync_at=timezone.now() - timedelta(seconds=5))
    worker.supervisor._fallback._next_look = 0

    worker.step_until(lambda: exchange_synced(exchange))

    exchange.assert_equal_books()


def exchange_synced(exchange: Exchange) -> bool:
    exchange.account.refresh_from_db()
    return exchange.account.synced_at is not None


def test_a_broker_that_hangs_does_not_hold_up_a_frame(exchange: Exchange) -> None:
    exchange.close()
    released = threading.Event()

    def hang(_account_id: int) -> None:
        released.wait(PATIENCE)

    supervisor = StreamSupervisor("slow", wake=hang, wake_sync=hang)
    worker = Worker.__new__(Worker)
    worker.supervisor = supervisor
    supervisor.start()
    worker.step_until(is_connected)

    for _ in range(3):
        place_resting(exchange)

    worker.step_until(lambda: StreamEvent.objects.count() == 3)
    released.set()
    supervisor.stop()


def test_a_stream_whose_session_was_ended_as_stale_begins_another(
    exchange: Exchange, worker: Worker
) -> None:
    worker.step_until(is_connected)
    first = session()
    OrderTrackingSession.objects.update(
        last_ping=timezone.now() - timedelta(minutes=6),
        started_at=timezone.now() - timedelta(minutes=6),
    )
    sessions.expire_stale()
    first.refresh_from_db()
    assert first.ended_at is not None

    exchange.simulator.faults(account=exchange.key, disconnect=1001)

    worker.step_until(is_connected)
    assert session().session_id != first.session_id


def test_an_account_that_cannot_be_streamed_stops_no_other(
    exchange: Exchange, worker: Worker
) -> None:
    broken = ExchangeAccountFactory.create(created_at=timezone.now())
    unreadable = "UPDATE tracking_exchangeaccount SET api_key = 'x' WHERE id = %s"
    with connection.cursor() as cursor:
        cursor.execute(unreadable, [broken.pk])
        cursor.execute("UPDATE tracking_exchangeaccount SET id = -id WHERE id = %s", [broken.pk])

    worker.step_until(is_connected)

    assert list(worker.supervisor.streams) == [exchange.account.pk]


def test_what_a_stream_tells_is_written_in_order_when_the_database_is_back(
    worker: Worker,
) -> None:
    written: list[str] = []
    away = [OperationalError("away")]

    def first() -> None:
        if away:
            raise away.pop()
        written.append("first")

    def impossible() -> None:
        raise IntegrityError

    worker.supervisor.notice(first)
    worker.supervisor.notice(impossible)
    worker.supervisor.notice(lambda: written.append("last"))

    worker.step_until(lambda: "last" in written)

    assert written == ["first", "last"]
