"""Frames reach the inbox whatever the database does, and one that it refuses stops no other."""

from __future__ import annotations

import queue
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from tests.factories import ExchangeAccountFactory
from tracking.management.streams import inbox_writer
from tracking.management.streams.inbox_writer import InboxWriter, Received
from tracking.models import ExchangeAccount, StreamEvent
from tracking.services import order_tracking
from tracking.services.inbox import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10
RAW = '{"e":"ORDER_TRADE_UPDATE","o":'


def a_frame(account_id: int) -> Received:
    return Received(
        exchange="BINANCE",
        frame=Frame(
            account_id=account_id,
            market_type="FUTURES",
            session_id=uuid.uuid4(),
            epoch=1,
            raw=RAW,
            received_at=timezone.now(),
        ),
    )


@pytest.fixture
def wakes() -> queue.Queue[tuple[str, int]]:
    return queue.Queue()


@pytest.fixture
def writer(transactional_db: None, wakes: queue.Queue[tuple[str, int]]) -> Iterator[InboxWriter]:
    made = InboxWriter(lambda pk: wakes.put(("drain", pk)), lambda pk: wakes.put(("sync", pk)))
    yield made
    made.start()
    assert made.stop()


def test_a_frame_the_database_refuses_stops_no_other(
    writer: InboxWriter, wakes: queue.Queue[tuple[str, int]]
) -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create()
    gone = account.pk + 1000
    for pk in (gone, account.pk, gone, account.pk):
        writer.put(a_frame(pk))

    writer._write_batch()

    assert list(StreamEvent.objects.values_list("account_id", flat=True)) == [account.pk] * 2


def test_accounts_whose_frames_were_given_up_are_reconciled(
    writer: InboxWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_writer, "MOST_WAITING", 1)
    unlucky, lucky = ExchangeAccountFactory.create_batch(2, next_full_sync_at=timezone.now())
    writer.put(a_frame(unlucky.pk))
    writer.put(a_frame(lucky.pk))

    writer._write_batch()

    unlucky.refresh_from_db()
    assert unlucky.next_full_sync_at is None
    lucky.refresh_from_db()
    assert lucky.next_full_sync_at is not None


def test_a_database_that_goes_away_while_owning_up_is_asked_again(
    writer: InboxWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_writer, "MOST_WAITING", 1)
    account: ExchangeAccount = ExchangeAccountFactory.create(next_full_sync_at=timezone.now())
    request = order_tracking.request_full_sync

    def fail(*_args: Any) -> None:
        raise OperationalError

    writer.put(a_frame(account.pk))
    writer.put(a_frame(account.pk))
    with monkeypatch.context() as patched:
        patched.setattr(order_tracking, "request_full_sync", fail)
        writer._write_batch()
    assert order_tracking.request_full_sync is request
    writer.put(a_frame(account.pk))

    writer._write_batch()

    account.refresh_from_db()
    assert account.next_full_sync_at is None
