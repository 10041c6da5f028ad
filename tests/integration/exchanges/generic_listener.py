"""Keeps what a stream hands over, for the tests of streams through ccxt.pro."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from exchanges.messages import FillReport, OrderReport
from exchanges.registry import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.messages import ExecutionReport, Message, StreamGap
    from exchanges.stream_state import StreamState

PATIENCE = 10.0


class Listener:
    """Keeps what a stream hands over, and lets a test wait for it."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.gaps: list[StreamGap] = []
        self.states: list[StreamState] = []
        self._changed = threading.Condition()

    def on_frame(self, raw: bytes, received_at: datetime) -> None:
        assert received_at.tzinfo is UTC
        with self._changed:
            self.frames.append(raw)
            self._changed.notify_all()

    def on_gap(self, gap: StreamGap) -> None:
        with self._changed:
            self.gaps.append(gap)
            self._changed.notify_all()

    def on_state(self, state: StreamState) -> None:
        with self._changed:
            self.states.append(state)
            self._changed.notify_all()

    def await_that(self, condition: Callable[[], Any]) -> None:
        give_up = time.monotonic() + PATIENCE
        with self._changed:
            while not condition():
                assert time.monotonic() < give_up, (self.frames, self.states)
                self._changed.wait(0.01)  # a server's side does not notify

    def reports(self, exchange: str, market_type: str) -> list[OrderReport]:
        return [m for m in self._messages(exchange, market_type) if isinstance(m, OrderReport)]

    def fills(self, exchange: str, market_type: str) -> list[ExecutionReport]:
        told = self._messages(exchange, market_type)
        return [message.execution for message in told if isinstance(message, FillReport)]

    def _messages(self, exchange: str, market_type: str) -> list[Message]:
        return [m for raw in list(self.frames) for m in parse(exchange, market_type, raw)]
