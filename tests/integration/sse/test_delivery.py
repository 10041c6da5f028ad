"""What is committed reaches every reader of the user, once, in order, whatever Redis does."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from django.db import connection, connections, transaction
from django.utils import timezone

from ordertrack.embedded import Valkey
from ordertrack.server_process import free_port
from tests.factories import ExchangeAccountFactory, journal, numbered_events
from tests.integration.sse.conftest import session_headers
from tests.integration.sse.reader import Reader, Received
from tracking import selectors
from tracking.models import EventKind
from tracking.services.journal import Journal
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_django import Settings

    from tests.integration.conftest import WebServer
    from tracking.models import ExchangeAccount


def test_events_arrive_in_order_with_their_journal_numbers(
    open_stream: Callable[..., Reader], account: ExchangeAccount
) -> None:
    stream = open_stream()
    opened = stream.next()

    last = journal(account, numbered_events(3))
    publish_events({account.user_id: last})

    assert (opened.kind, opened.seq, opened.body) == ("stream-open", 0, {"seq": 0})
    assert [(event.kind, event.seq, event.body) for event in stream.take(3)] == [
        ("session", place, {"place": place}) for place in (1, 2, 3)
    ]


def test_a_reader_that_reads_loses_nothing_of_a_burst(
    open_stream: Callable[..., Reader], account: ExchangeAccount
) -> None:
    stream = open_stream()
    stream.next()

    journal(account, numbered_events(1500))

    assert [event.seq for event in stream.take(1500)] == list(range(1, 1501))


def test_a_reader_that_does_not_read_is_told_what_it_missed(
    open_stream: Callable[..., Reader], account: ExchangeAccount
) -> None:
    count = 10_000
    slow, witness = open_stream(receive_buffer=4096), open_stream()
    slow.next(), witness.next()

    journal(account, [(EventKind.SESSION, {"fill": "x" * 1000})] * count)
    # the hub offers an event to all at once: what the witness has, the slow one was offered
    _read_until(witness, count)
    received = _read_until(slow, count)
    journal(account, numbered_events(1))

    dropped = received.pop()
    assert [event.seq for event in received] == list(range(1, dropped.body["from"]))
    assert (dropped.kind, dropped.seq, dropped.body["to"]) == ("stream-dropped", None, count)
    assert slow.take(1)[0].seq == count + 1


def _read_until(stream: Reader, seq: int) -> list[Received]:
    """Read up to the event, or up to the word that it was dropped."""
    received = []
    for event in stream.events():
        received.append(event)
        if seq == (event.body["to"] if event.kind == "stream-dropped" else event.seq):
            break
    return received


def test_nobody_receives_the_events_of_another(
    open_stream: Callable[..., Reader], account: ExchangeAccount
) -> None:
    stream = open_stream(f"?channel=user-{account.user_id}&from=0")
    stream.next()
    stranger = ExchangeAccountFactory.create()

    journal(stranger, numbered_events(5))
    journal(account, [(EventKind.SESSION, {"mine": True})])

    assert stream.take(1)[0].body == {"mine": True}


def test_events_go_on_arriving_while_redis_is_dead_and_after_it_is_back(
    settings: Settings,
    tmp_path: Path,
    open_stream: Callable[..., Reader],
    account: ExchangeAccount,
) -> None:
    port, lock = free_port(), os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    settings.REDIS_URL = f"redis://:secret@127.0.0.1:{port}/0"
    server = Valkey(tmp_path)
    process = server.launch(port, "secret", lock)
    stream = open_stream()
    stream.next()

    journal(account, numbered_events(1))
    before = stream.take(1)
    process.kill()
    process.wait()
    journal(account, numbered_events(1))
    during = stream.take(1)
    process = server.launch(port, "secret", lock)
    journal(account, numbered_events(1))
    after = stream.take(1)
    process.kill()
    process.wait()
    os.close(lock)

    assert [event.seq for event in before + during + after] == [1, 2, 3]


def test_events_go_on_arriving_when_the_database_has_cut_every_connection(
    open_stream: Callable[..., Reader], account: ExchangeAccount
) -> None:
    stream = open_stream()
    stream.next()
    journal(account, numbered_events(1))
    stream.take(1)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    journal(account, numbered_events(1))

    assert stream.take(1)[0].seq == 2


def test_a_number_is_never_seen_before_a_smaller_one(
    open_stream: Callable[..., Reader], account: ExchangeAccount
) -> None:
    """Two transactions take numbers at once: the second waits, so it cannot be seen first."""
    stream = open_stream()
    stream.next()
    second_is_done = threading.Event()

    def write_the_second() -> None:
        journal(account, [(EventKind.SESSION, {"who": "second"})])
        connections.close_all()
        second_is_done.set()

    writer = threading.Thread(target=write_the_second)
    with transaction.atomic():
        first = Journal(user_id=account.user_id, account_id=account.pk, now=timezone.now())
        first.add(EventKind.SESSION, {"who": "first"})
        first.write()
        writer.start()
        finished_early = second_is_done.wait(0.5)
        seen_outside = _end_seen_by_another_connection(account.user_id)
    writer.join()

    assert not finished_early
    assert seen_outside == 0
    assert [(event.seq, event.body["who"]) for event in stream.take(2)] == [
        (1, "first"),
        (2, "second"),
    ]


def _end_seen_by_another_connection(user_id: int) -> int:
    ends: list[int] = []

    def look() -> None:
        ends.append(selectors.last_seq(user_id))
        connections.close_all()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return ends[0]


def test_open_streams_cost_neither_threads_nor_database_connections(web: WebServer) -> None:
    accounts = ExchangeAccountFactory.create_batch(20)
    headers = [session_headers(account.user) for account in accounts]
    first = Reader(web.port, headers=headers[0])
    first.next()
    journal(accounts[0], numbered_events(1))
    first.take(1)
    threads, backends = threading.active_count(), _backends()

    rest = [Reader(web.port, headers=header) for header in headers[1:]]
    for stream in rest:
        stream.next()
    more_threads, more_backends = threading.active_count(), _backends()
    for stream in [first, *rest]:
        stream.close()

    assert more_threads <= threads
    assert more_backends <= backends


def _backends() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
