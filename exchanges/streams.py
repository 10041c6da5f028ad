"""
What whoever runs a private stream needs of it, whoever keeps the connection.

`stream.PrivateStream` keeps one of ours; `ccxt_websocket.CcxtStream` has ccxt.pro keep its own.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.stream_state import StreamState


class Stream(Protocol):
    """One account's private stream. Every method may be called from any thread."""

    @property
    def state(self) -> StreamState:
        """Return how the stream is now."""

    def start(self) -> None:
        """Begin connecting, in the background."""

    def stop(self, timeout: float = 5.0) -> bool:
        """End the stream; returns whether it has ended in time. No frame is heard afterwards."""

    def request_reconnect(self, reason: str) -> None:
        """End the connection and make a new one."""

    def prove_alive(self, at: datetime | None = None) -> None:
        """Hear that REST agreed with what the stream has told so far."""
