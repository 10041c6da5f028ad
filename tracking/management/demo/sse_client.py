"""
A client of `/api/sse/events` as a browser is one: it reads, reconnects, and goes on after its last.

It begins at the journal's first event and notes when each number came, so that it can be said
afterwards whether every committed event reached it once and in order.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger(__name__)

#: the server speaks at least every 20 s
SILENCE = 30.0
RECONNECT_PAUSE = 0.5
STOP_TIMEOUT = 2.0
#: these set or keep a position, and carry nothing of the journal
NO_EVENTS = frozenset({"stream-open", "keep-alive"})


class StreamBrokenError(Exception):
    """The stream cannot be read any further: open a new one."""


class SseClient(threading.Thread):
    """One listener in a thread of its own; `stop()` ends it."""

    def __init__(self, url: str, token: str) -> None:
        """Nothing is opened before `start()`."""
        super().__init__(name="sse-client", daemon=True)
        self._address = urlsplit(url).netloc
        self._token = token
        self._ending = threading.Event()
        self._socket: socket.socket | None = None
        self.is_open = False
        self.last_seq = 0
        self.connections = 0
        #: when each number was received first, in seconds since 1970
        self.received_at: dict[int, float] = {}
        self.kinds: Counter[str] = Counter()
        self.repeated = 0

    def run(self) -> None:
        """Listen until told to stop, however often the stream ends."""
        while not self._ending.is_set():
            try:
                self._listen()
            except (OSError, http.client.HTTPException, StreamBrokenError) as error:
                if not self._ending.is_set():
                    log.info("stream.reopened", after=self.last_seq, reason=str(error))
            self.is_open = False
            self._ending.wait(RECONNECT_PAUSE)

    def stop(self) -> None:
        """Hang up, and wait for the thread."""
        self._ending.set()
        if self._socket:
            with suppress(OSError):
                # ends the read that the thread is in
                self._socket.shutdown(socket.SHUT_RDWR)
        self.join(STOP_TIMEOUT)

    def gaps(self, seqs: set[int]) -> int:
        """Count what of these numbers never came, and what came twice or out of order."""
        return len(seqs - self.received_at.keys()) + self.repeated

    def _listen(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=SILENCE)
        try:
            headers = {
                "Authorization": f"Token {self._token}",
                "Accept": "text/event-stream",
                "Last-Event-ID": str(self.last_seq),
            }
            connection.request("GET", "/api/sse/events", headers=headers)
            self._socket = connection.sock
            response = connection.getresponse()
            if response.status != http.client.OK:
                msg = f"{response.status} {response.reason}"
                raise StreamBrokenError(msg)
            self.connections += 1
            self.is_open = True
            for event in events_in(response):
                self._take(event)
        finally:
            connection.close()

    def _take(self, event: dict[str, str]) -> None:
        kind = event["event"]
        if kind in NO_EVENTS:
            return
        if kind not in {"stream-reset", "stream-dropped"}:
            self._note(kind, int(event["id"]))
            return
        if kind == "stream-reset":
            # what lies between is gone for good and will count as never received
            self.last_seq = int(event["id"])
        raise StreamBrokenError(kind)

    def _note(self, kind: str, seq: int) -> None:
        if seq <= self.last_seq:
            self.repeated += 1
            return
        self.received_at[seq] = time.time()
        self.kinds[kind] += 1
        self.last_seq = seq


def events_in(response: http.client.HTTPResponse) -> Iterator[dict[str, str]]:
    """Read the events of a stream as their fields. Raises StreamBrokenError at its end."""
    fields: dict[str, str] = {}
    while True:
        line = response.readline().decode()
        if not line:
            msg = "the server ended the stream"
            raise StreamBrokenError(msg)
        if line.startswith(":"):
            continue
        name, _, value = line.rstrip("\r\n").partition(":")
        if name:
            fields[name] = value.removeprefix(" ")
            continue
        if "event" in fields:
            yield fields
        fields = {}
