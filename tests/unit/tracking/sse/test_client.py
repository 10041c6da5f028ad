"""The bounded queue of one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tracking.sse.client import Client

if TYPE_CHECKING:
    from pytest_django import Settings


@pytest.fixture
def client(settings: Settings) -> Client:
    """Give a live client with room for three events."""
    settings.SSE_QUEUE_SIZE = 3
    client = Client(user_id=1)
    client.is_live = True
    return client


def offer(client: Client, *seqs: int) -> None:
    for seq in seqs:
        client.offer(seq, b"%d;" % seq)


def test_what_does_not_fit_is_dropped_and_said_without_an_id(client: Client) -> None:
    offer(client, 1, 2, 3, 4, 5, 6)

    assert client.take() == b'1;2;3;event: stream-dropped\ndata: {"from":4,"to":6}\n\n'
    assert client.position == 6


def test_nothing_is_queued_behind_a_drop_until_it_was_said(client: Client) -> None:
    offer(client, 1, 2, 3, 4)
    client.take()

    offer(client, 5)

    assert client.take() == b"5;"


def test_an_event_already_replayed_is_not_sent_again(client: Client) -> None:
    client.position = 2

    offer(client, 1, 2, 3)

    assert client.take() == b"3;"


def test_a_hole_in_the_numbers_counts_as_dropped(client: Client) -> None:
    offer(client, 1, 4)

    assert client.take() == b'1;event: stream-dropped\ndata: {"from":2,"to":4}\n\n'


def test_a_client_that_still_replays_queues_nothing(client: Client) -> None:
    client.is_live = False

    offer(client, 1, 2)

    assert client.take() == b""
    assert client.position == 0
