"""
One open socket of a private stream, written to frame by frame without waiting.

Frames of one turn of the event loop leave in one `write`: server frames are unmasked, so a frame
is its header and its text. aiohttp reads the socket and answers closing; we write the data frames
ourselves because that costs a tenth, and because a half-open socket must not even write.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from exchanges.simulator.listen_keys import ListenKey

TEXT: Final = 0x81
BINARY: Final = 0x82
PING: Final = 0x89
PONG: Final = 0x8A
SHORT: Final = 126
MEDIUM: Final = 65_536

#: a client that does not read so much is dropped
MOST_UNREAD: Final = 64 * 1024 * 1024

LIVE: Final = "live"
MUTE: Final = "mute"
HALF_OPEN: Final = "half_open"


@dataclass(slots=True, kw_only=True, eq=False)
class PrivateSocket:
    """A socket, what it subscribed to, and whether it is being disturbed."""

    response: web.WebSocketResponse
    transport: asyncio.Transport
    keys: list[ListenKey] = field(default_factory=list)
    #: None: everything
    events: frozenset[str] | None = None
    #: frames come as {"stream": key, "data": frame}
    is_wrapped: bool = False
    #: the accounts it hears by having proven whose it is, where no listen key says so
    accounts: list[str] = field(default_factory=list)
    #: how data frames leave: TEXT or BINARY
    opcode: int = TEXT
    #: puts a frame into what the exchange wraps it in; None: bare
    wrap: Callable[[str], str] | None = None
    #: connected in a way that gets no private events (legacy path, no `events=` when strict)
    is_deaf: bool = False
    state: str = LIVE
    last_pong: float = 0.0
    _waiting: list[bytes] = field(default_factory=list)

    def wants(self, event: str) -> bool:
        """Whether this event is to be sent here."""
        return not self.is_deaf and (self.events is None or event in self.events)

    def has_key(self, key: ListenKey) -> bool:
        """Whether this socket listens on this key."""
        return key in self.keys

    def send(self, text: str, key: str) -> None:
        """Queue a text frame for this turn of the loop."""
        if self.is_wrapped:
            text = f'{{"stream":"{key}","data":{text}}}'
        elif self.wrap:
            text = self.wrap(text)
        self.write(self.opcode, text.encode())

    def write(self, opcode: int, payload: bytes) -> None:
        """Queue a frame, unless the socket is half-open or gone."""
        if self.state == HALF_OPEN or self.transport.is_closing():
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(header(opcode, len(payload)) + payload)

    def _flush(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"".join(self._waiting))
        self._waiting.clear()
        if self.transport.get_write_buffer_size() > MOST_UNREAD:
            self.transport.abort()

    def announce_end(self, at: int) -> None:
        """Say that the server is about to close this connection; most exchanges say nothing."""

    def expire(self, api_key: str, *, announced: bool) -> None:
        """End the subscription to an account, where there are such."""

    def disturb(self, state: str) -> None:
        """Become mute, half-open or live again."""
        if state == HALF_OPEN and self.state != HALF_OPEN:
            self.transport.pause_reading()
        if state != HALF_OPEN and self.state == HALF_OPEN:
            self.transport.resume_reading()
        self.state = state

    def abort(self) -> None:
        """Drop the connection without a word (the peer sees a reset or an end of file)."""
        self.transport.abort()

    async def close(self, code: int, reason: str) -> None:
        """Close with a close frame."""
        if self.state == HALF_OPEN:
            self.abort()
            return
        await self.response.close(code=code, message=reason.encode())


def header(opcode: int, size: int) -> bytes:
    """The header of an unmasked, unfragmented frame."""
    if size < SHORT:
        return struct.pack("!BB", opcode, size)
    if size < MEDIUM:
        return struct.pack("!BBH", opcode, SHORT, size)
    return struct.pack("!BBQ", opcode, SHORT + 1, size)
