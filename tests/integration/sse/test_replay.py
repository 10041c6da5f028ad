"""A reader that was away gets what it missed, or is told that it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.factories import journal, numbered_events
from tests.integration.sse.reader import StreamEnded
from tracking.models import EventCounter, OrderEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.sse.reader import Reader
    from tracking.models import ExchangeAccount


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        pytest.param("", {"Last-Event-ID": "10"}, id="the browser's own reconnect"),
        pytest.param("?lastEventId=10&from=3", {}, id="opened anew by the script"),
        pytest.param("?last_event_id=10", {}, id="by hand"),
        pytest.param("?from=10", {}, id="a page with a snapshot"),
        pytest.param("?lastEventId=4", {"Last-Event-ID": "10"}, id="the header knows best"),
    ],
)
def test_what_came_after_the_last_event_is_replayed(
    open_stream: Callable[..., Reader],
    account: ExchangeAccount,
    query: str,
    headers: dict[str, str],
) -> None:
    journal(account, numbered_events(12))

    stream = open_stream(query, headers)

    assert [(event.kind, event.seq) for event in stream.take(3)] == [
        ("stream-open", 10),
        ("session", 11),
        ("session", 12),
    ]


def test_a_long_replay_does_not_pass_through_the_bounded_queue(
    open_stream: Callable[..., Reader], account: ExchangeAccount
) -> None:
    journal(account, numbered_events(1234))

    stream = open_stream("?from=0")
    stream.next()

    assert [event.seq for event in stream.take(1234)] == list(range(1, 1235))


def test_replay_and_live_events_join_without_a_seam(
    open_stream: Callable[..., Reader], account: ExchangeAccount
) -> None:
    journal(account, numbered_events(700))
    other = open_stream()
    other.next()

    stream = open_stream("?from=0")
    for _ in range(5):
        journal(account, numbered_events(100))
    stream.next()

    assert [event.seq for event in stream.take(1200)] == list(range(1, 1201))


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param("abc", id="not a number"),
        pytest.param("-5", id="negative"),
        pytest.param("99", id="never given out"),
        pytest.param("9" * 40, id="larger than any"),
        pytest.param("3", id="pruned"),
    ],
)
def test_an_id_that_cannot_be_continued_resets_the_reader(
    open_stream: Callable[..., Reader], account: ExchangeAccount, asked: str
) -> None:
    journal(account, numbered_events(10))
    OrderEvent.objects.filter(seq__lte=6).delete()

    stream = open_stream("", {"Last-Event-ID": asked})
    opened, reset = stream.take(2)
    journal(account, numbered_events(1))

    assert opened.kind == "stream-open"
    assert (reset.kind, reset.seq, reset.body) == ("stream-reset", 10, {"seq": 10})
    assert stream.take(1)[0].seq == 11


def test_a_journal_that_was_restored_shorter_ends_the_stream_and_then_resets_it(
    open_stream: Callable[..., Reader], account: ExchangeAccount
) -> None:
    journal(account, numbered_events(10))
    stream = open_stream()
    stream.next()
    journal(account, numbered_events(1))
    stream.take(1)

    OrderEvent.objects.filter(seq__gt=5).delete()
    EventCounter.objects.update(seq=5)

    with pytest.raises(StreamEnded):
        stream.read_to_the_end()
    again = open_stream("", {"Last-Event-ID": "11"})
    assert [(event.kind, event.seq) for event in again.take(2)] == [
        ("stream-open", 11),
        ("stream-reset", 5),
    ]


@pytest.mark.parametrize("kept", [4, 0])
def test_the_newest_id_needs_no_history(
    open_stream: Callable[..., Reader], account: ExchangeAccount, kept: int
) -> None:
    journal(account, numbered_events(10))
    OrderEvent.objects.filter(seq__lte=10 - kept).delete()

    stream = open_stream("?from=10")
    stream.next()
    journal(account, numbered_events(1))

    assert stream.take(1)[0].seq == 11
