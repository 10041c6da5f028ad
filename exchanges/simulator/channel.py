"""
The private stream of one account: its sockets, and what happens to frames on their way.

A frame meets the faults once per socket, in this order: lost, repeated, swapped with the next,
held back. Every decision comes from the account's own generator, so that accounts do not disturb
each other's course.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator.private_socket import LIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.simulator.fault_board import FaultBoard
    from exchanges.simulator.faults import Faults
    from exchanges.simulator.private_socket import PrivateSocket

#: a swapped frame leaves after so long even if no other frame comes
SWAP_PATIENCE: Final = 0.2
REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One event as text, and what it is about."""

    event: str
    text: str
    kind: str = ""
    symbol: str = ""
    #: as the exchange shows them
    order_id: int | str | None = None
    trade_id: int | str | None = None

    def about(self) -> dict[str, Any]:
        """What is remembered of a frame that was lost."""
        return {
            "event": self.event,
            "kind": self.kind,
            "symbol": self.symbol,
            "exchange_order_id": None if self.order_id is None else str(self.order_id),
            "exchange_trade_id": None if self.trade_id is None else str(self.trade_id),
        }


@dataclass(slots=True, kw_only=True)
class FrameCounts:
    """What became of the frames of one account."""

    sent: int = 0
    lost: int = 0
    repeated: int = 0
    reordered: int = 0
    delayed: int = 0
    #: written to a socket that was mute or half-open: never arrived
    muted: int = 0
    #: there was no socket to send it to
    unheard: int = 0
    interruptions: int = 0
    connections: int = 0
    lost_frames: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def numbers(self) -> dict[str, int]:
        """The counts alone, under the names of the ledger."""
        named = asdict(self)
        del named["lost_frames"]
        counts = {"interruptions", "connections"}
        return {name if name in counts else f"frames_{name}": n for name, n in named.items()}


@dataclass(slots=True, kw_only=True, eq=False)
class Link:
    """One socket of a channel and the frames on their way to it."""

    socket: PrivateSocket
    key: str
    held: Frame | None = None
    due: float = 0.0


class Channel:
    """Everything that listens to one account."""

    def __init__(self, api_key: str, seed: int, board: FaultBoard) -> None:
        """Draw this account's faults from its own seed."""
        self.api_key = api_key
        self.links: list[Link] = []
        self.counts = FrameCounts()
        self._withheld: list[Frame] | None = None
        self._board = board
        self._chance = random.Random(f"{seed}:frames:{api_key}")

    @property
    def faults(self) -> Faults:
        """What disturbs this account now."""
        return self._board.of(self.api_key)

    def wants(self, event: str) -> bool:
        """Whether anybody listens for this event."""
        return any(link.socket.wants(event) for link in self.links)

    def deliver(self, frame: Frame) -> None:
        """Send a frame to everybody who wants it, through the faults."""
        if self._withheld is not None:
            self._withheld.append(frame)
            return
        faults = self.faults
        for link in self.links:
            if link.socket.wants(frame.event):
                if faults.disturbs_frames:
                    self._disturb(link, frame, faults)
                else:
                    self._send(link, frame)

    @contextmanager
    def withheld(self) -> Iterator[list[Frame]]:
        """Collect frames instead of sending them, for who wants to send them otherwise."""
        held: list[Frame] = []
        self._withheld = held
        try:
            yield held
        finally:
            self._withheld = None

    def _disturb(self, link: Link, frame: Frame, faults: Faults) -> None:
        if self._is_lost(frame, faults):
            self.counts.lost += 1
            self.counts.lost_frames.append(frame.about())
            return
        self._swap(link, frame, faults)
        if self._chance.random() < faults.repeat:
            self.counts.repeated += 1
            self._hold_back(link, frame, faults)

    def _is_lost(self, frame: Frame, faults: Faults) -> bool:
        if self._chance.random() < faults.lose:
            return True
        return frame.trade_id is not None and self._chance.random() < faults.lose_trade_frames

    def _swap(self, link: Link, frame: Frame, faults: Faults) -> None:
        if link.held is None and self._chance.random() < faults.reorder:
            self.counts.reordered += 1
            link.held = frame
            asyncio.get_running_loop().call_later(SWAP_PATIENCE, self._release, link, frame)
            return
        self._hold_back(link, frame, faults)
        if link.held:
            self._release(link, link.held)

    def _release(self, link: Link, frame: Frame) -> None:
        if link.held is frame:
            link.held = None
            self._hold_back(link, frame, self.faults)

    def _hold_back(self, link: Link, frame: Frame, faults: Faults) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if faults.delay_ms and self._chance.random() < faults.delay:
            self.counts.delayed += 1
            link.due = max(link.due, now + faults.delay_ms / 1000)
        if link.due > now:
            loop.call_at(link.due, self._send, link, frame)
        else:
            self._send(link, frame)

    def _send(self, link: Link, frame: Frame) -> None:
        if link.socket.state != LIVE:
            self.counts.muted += 1
            self.counts.lost_frames.append(frame.about())
            return
        self.counts.sent += 1
        link.socket.send(frame.text, link.key)
