"""
A reader of event streams for tests: one socket, no threads, and it reads only when told to.

`httpx` and friends read ahead; a slow reader has to leave the bytes where they are.
"""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 10
PATIENCE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One event as a browser would dispatch it."""

    kind: str
    seq: int | None
    body: Any


class StreamEnded(Exception):
    """The server closed the stream."""


class Reader:
    """An open stream."""

    def __init__(
        self,
        port: int,
        query: str = "",
        *,
        headers: dict[str, str],
        receive_buffer: int | None = None,
    ) -> None:
        """Open it; `receive_buffer` limits what the kernel takes while nobody reads."""
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self.connection.sock = socket.socket()
        if receive_buffer:
            self.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.connection.sock.settimeout(TIMEOUT)
        self.connection.sock.connect(("127.0.0.1", port))
        self.connection.request("GET", f"/api/sse/events{query}", headers=headers)
        self.response = self.connection.getresponse()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self.response.close()
        self.connection.close()

    def next(self) -> Received:
        """Wait for the next event. Raises StreamEnded, or TimeoutError after TIMEOUT seconds."""
        lines: dict[str, str] = {}
        while True:
            line = self.response.readline().decode()
            if not line:
                raise StreamEnded
            name, _, value = line.rstrip("\n").partition(":")
            if name:
                lines[name] = value.removeprefix(" ")
            elif "event" in lines:
                return _received(lines)

    def take(self, count: int) -> list[Received]:
        """Read so many journal events, keep-alives left out."""
        return [event for _, event in zip(range(count), self.events(), strict=False)]

    def read_to_the_end(self) -> None:
        """Read until StreamEnded is raised; give up when too much still comes."""
        for _ in range(PATIENCE):
            self.next()

    def events(self) -> Iterator[Received]:
        """Read on, keep-alives left out."""
        while True:
            event = self.next()
            if event.kind != "keep-alive":
                yield event


def _received(lines: dict[str, str]) -> Received:
    seq = lines.get("id")
    return Received(
        kind=lines["event"], seq=None if seq is None else int(seq), body=json.loads(lines["data"])
    )
