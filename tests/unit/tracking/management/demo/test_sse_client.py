"""The listener, against a real HTTP server that says what the test wants said."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tracking.management.demo.sse_client import SseClient

if TYPE_CHECKING:
    from collections.abc import Iterator

OPENED = ": padding\n\nretry: 1000\nid: 0\nevent: stream-open\ndata: {}\n\n"


def event(seq: int) -> str:
    return f'id: {seq}\nevent: execution\ndata: {{"seq": {seq}}}\n\n'


class Stage:
    """Plays one script a connection, then ends the stream; remembers what it was asked."""

    def __init__(self, scripts: list[str]) -> None:
        self.scripts = scripts
        self.asked_after: list[str | None] = []
        self.is_over = threading.Event()

    def play(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked_after.append(handler.headers["Last-Event-ID"])
        if not self.scripts:
            self.is_over.set()
            handler.send_error(503)
            return
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(self.scripts.pop(0).encode())


@contextmanager
def listening_to(*scripts: str) -> Iterator[tuple[SseClient, Stage]]:
    """Run a client until every script was played."""
    stage = Stage(list(scripts))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stage.play(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        client = SseClient(f"http://127.0.0.1:{server.server_port}", "token")
        client.start()
        assert stage.is_over.wait(10)
        client.stop()
        server.shutdown()
        yield client, stage


def test_each_number_is_noted_once_with_its_kind() -> None:
    with listening_to(OPENED + event(1) + event(2)) as (client, _):
        assert set(client.received_at) == {1, 2}
        assert client.kinds == {"execution": 2}
        assert client.gaps({1, 2}) == 0


def test_it_goes_on_after_the_last_number_when_the_stream_ends() -> None:
    with listening_to(OPENED + event(1), OPENED + event(2)) as (client, stage):
        assert stage.asked_after == ["0", "1", "2"]
        assert client.connections == 2
        assert client.gaps({1, 2}) == 0


def test_dropped_events_are_fetched_by_a_new_connection() -> None:
    dropped = 'event: stream-dropped\ndata: {"from": 2, "to": 3}\n\n'

    with listening_to(OPENED + event(1) + dropped + event(4), event(2) + event(3)) as (client, _):
        assert set(client.received_at) == {1, 2, 3}


def test_a_number_that_never_came_is_a_gap() -> None:
    with listening_to(OPENED + event(1) + event(3)) as (client, _):
        assert client.gaps({1, 2, 3}) == 1


def test_a_number_that_came_twice_is_a_gap() -> None:
    with listening_to(OPENED + event(1) + event(2) + event(2)) as (client, _):
        assert client.gaps({1, 2}) == 1


def test_history_that_was_pruned_is_a_gap() -> None:
    reset = "id: 3\nevent: stream-reset\ndata: {}\n\n"

    with listening_to(OPENED + event(1) + reset, event(4)) as (client, stage):
        assert stage.asked_after[1] == "3"
        assert client.gaps({1, 2, 3, 4}) == 2
