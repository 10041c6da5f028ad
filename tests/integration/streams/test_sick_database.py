"""A database that takes no writes for a while (a standby, a full disk) costs time, not frames."""

from __future__ import annotations

import queue
import threading
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from django.db import DatabaseError, InternalError, connection
from django.utils import timezone

from tests.factories import ExchangeAccountFactory
from tracking.management.streams.inbox_writer import InboxWriter, Received
from tracking.management.streams.supervisor import StreamSupervisor
from tracking.models import ExchangeAccount, StreamEvent
from tracking.services import inbox
from tracking.services.inbox import Frame
from tracking.services.order_fill_monitor import OrderFillMonitor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PATIENCE = 20


@contextmanager
def takes_no_writes() -> Iterator[None]:
    """Let every connection that is opened meanwhile be read-only."""
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


def a_frame(account_id: int) -> Frame:
    return Frame(
        account_id=account_id,
        market_type="FUTURES",
        session_id=uuid.uuid4(),
        epoch=1,
        raw='{"e":"ORDER_TRADE_UPDATE","o":',
        received_at=timezone.now(),
    )


def test_frames_wait_until_the_database_takes_writes_again(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(next_full_sync_at=timezone.now())
    woken: queue.Queue[int] = queue.Queue()
    refused, receive = threading.Event(), inbox.receive

    def watched(frames: Sequence[Frame]) -> set[int]:
        try:
            return receive(frames)
        except DatabaseError:
            refused.set()
            raise

    monkeypatch.setattr(inbox, "receive", watched)
    writer = InboxWriter(woken.put, lambda _pk: None)
    with takes_no_writes():
        writer.start()
        writer.put(Received(exchange="BINANCE", frame=a_frame(account.pk)))
        assert refused.wait(PATIENCE)

    assert woken.get(timeout=PATIENCE) == account.pk
    assert writer.stop()
    assert StreamEvent.objects.filter(account=account).count() == 1
    account.refresh_from_db()
    assert account.next_full_sync_at is not None, "frames were given up"


def test_a_drain_holds_nothing_against_frames_it_could_not_book(transactional_db: None) -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(baseline_at=timezone.now())
    inbox.receive([a_frame(account.pk)])
    failures: list[Exception] = []

    def drain() -> None:
        try:
            OrderFillMonitor(account.pk).on_order_update()
        except DatabaseError as error:
            failures.append(error)
        finally:
            connection.close()

    with takes_no_writes():
        worker = threading.Thread(target=drain)
        worker.start()
        worker.join(PATIENCE)

    event = StreamEvent.objects.get(account=account)
    assert len(failures) == 1
    assert (event.attempts, event.processed_at, event.quarantined_at) == (0, None, None)


def test_what_a_stream_has_to_tell_waits_for_the_database(transactional_db: None) -> None:
    supervisor = StreamSupervisor("me", wake=lambda _pk: None, wake_sync=lambda _pk: None, most=1)
    tried: list[str] = []

    def tell() -> None:
        tried.append("told")
        if len(tried) == 1:
            raise InternalError

    supervisor._notices.append(tell)

    with pytest.raises(InternalError):
        supervisor._do_notices()
    supervisor._do_notices()
    supervisor._do_notices()

    assert tried == ["told", "told"]
