"""
How a stream is: its status, its proofs of life and its counters.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum


class StreamStatus(StrEnum):
    """Where a stream is in its life."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    ERROR = "error"


@dataclass(slots=True, kw_only=True)
class StreamState:
    """What is known about one stream. Written by its thread only; others take a snapshot."""

    session_id: str
    status: StreamStatus = StreamStatus.DISCONNECTED
    #: why the last connection or attempt ended; "" while connected
    reason: str = ""
    connected_at: datetime | None = None
    #: the last sign of life of the transport: any frame, a pong included
    last_ping_at: datetime | None = None
    #: the last frame with something to read in it
    last_event_at: datetime | None = None
    #: when REST last agreed with what the stream has told
    proven_at: datetime | None = None
    #: frames handed over since the stream was started
    frames: int = 0
    #: connections after the first
    reconnects: int = 0
    connections: int = 0

    def snapshot(self) -> StreamState:
        """Return a copy that stays as it is.

        Its sign of life is of its connection or older, never of one made while it is copied: from
        `connected_at` to `last_ping_at` nothing was missed.
        """
        last_ping_at = self.last_ping_at
        return replace(self, last_ping_at=last_ping_at)

    def note_connected(self) -> datetime:
        """Count a connection; returns when it was made."""
        self.connections += 1
        self.reconnects = self.connections - 1
        self.connected_at = self.last_ping_at = datetime.now(UTC)
        return self.connected_at

    def note_greeted(self) -> datetime:
        """Count a frame of a connection that is not noted yet; returns when it came.

        No sign of life: it would be taken for one of the connection before.
        """
        self.last_event_at = now = datetime.now(UTC)
        self.frames += 1
        return now

    def note_heard(self, *, is_event: bool) -> datetime:
        """Count a frame; returns when it came."""
        self.last_ping_at = now = datetime.now(UTC)
        if is_event:
            self.last_event_at = now
            self.frames += 1
        return now

    def note_status(self, status: StreamStatus, reason: str) -> None:
        """Change the status."""
        self.status, self.reason = status, reason
