"""
One WebSocket connection, made and read with websocket-client's low-level socket.

Policy: the TCP and TLS sockets are our own, so that no proxy of the environment and no redirect
can come between, and so that another thread can end the connection at once. No Origin header is
sent (exchanges throttle it) and text is not validated here (70 µs a frame; parsing does it).
Frames beyond a size end the connection before they are read.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import socket
import ssl
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import certifi
import websocket

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.stream_credential import Door

#: The longest frame Binance sends is a few KiB.
FRAME_LIMIT = 1 << 20


class ConnectionEndedError(Exception):
    """The connection has ended; the message says why, without secrets."""


class Heard(Enum):
    """What came in: something to read, or a sign of life."""

    DATA = "DATA"
    CONTROL = "CONTROL"


class Connection(Protocol):
    """What a stream needs of a connection. Raises ConnectionEndedError when it is over."""

    def receive(self) -> tuple[Heard, bytes] | None:
        """Return the next frame, or None after a moment of silence."""

    def ping(self) -> None:
        """Send a ping; the pong comes back through `receive`."""

    def send(self, text: str) -> None:
        """Send a message."""

    def abort(self) -> None:
        """Wake whoever is in `receive` with the end; safe from any thread."""

    def close(self) -> None:
        """Give the socket back; by the thread that reads."""


def dial(door: Door, connect_timeout: float, poll: float) -> Connection:
    """Connect. `poll` is how long `receive` waits before it returns None.

    Raises ConnectionEndedError.
    """
    raw: socket.socket | None = None
    try:
        raw = _open(door.url, connect_timeout)
        found = websocket.WebSocket(skip_utf8_validation=True)
        found.frame_buffer = _BoundedFrames(found._recv, skip_utf8_validation=True)  # noqa: SLF001
        found.cont_frame = _BoundedMessage(fire_cont_frame=False, skip_utf8_validation=True)
        found.settimeout(connect_timeout)
        connect: Any = found.connect  # published without types
        connect(
            door.url,
            socket=raw,
            header=dict(door.headers),
            suppress_origin=True,
            redirect_limit=0,
        )
        found.settimeout(poll)
    except (OSError, websocket.WebSocketException) as error:
        if raw is not None:
            raw.close()
        reason = explain(error)
    else:
        return _Socket(found)
    raise ConnectionEndedError(reason)


def explain(error: Exception) -> str:
    """Say what happened without repeating URLs, headers or bodies."""
    if isinstance(error, websocket.WebSocketBadStatusException):
        return f"handshake refused with HTTP {error.status_code}"
    if isinstance(error, websocket.WebSocketTimeoutException | TimeoutError):
        return "timed out"
    if isinstance(error, websocket.WebSocketConnectionClosedException):
        return "closed without a word"
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__}: {error.strerror}"
    return type(error).__name__


class _Socket:
    """A connection over websocket-client."""

    def __init__(self, found: Any) -> None:
        self._found = found

    def receive(self) -> tuple[Heard, bytes] | None:
        """Return the next frame; pings are answered on the way."""
        opcode, content = self._guarded(lambda: self._found.recv_data(control_frame=True))
        if opcode is None:
            return None
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            code = int.from_bytes(content[:2], "big")
            msg = f"closed by the exchange with code {code or 'none'}"
            raise ConnectionEndedError(msg)
        if opcode in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
            return Heard.DATA, content
        return Heard.CONTROL, b""

    def ping(self) -> None:
        """Send a ping."""
        self._guarded(lambda: (self._found.ping(), b""))

    def send(self, text: str) -> None:
        """Send a message."""
        self._guarded(lambda: (self._found.send(text), b""))

    def abort(self) -> None:
        """Shut the socket down under a reader that may be waiting on it."""
        self._found.abort()

    def close(self) -> None:
        """Close the socket without waiting for the other side."""
        self._found.shutdown()

    def _guarded(self, act: Callable[[], tuple[Any, bytes]]) -> tuple[Any, bytes]:
        try:
            return act()
        except websocket.WebSocketTimeoutException:
            return None, b""
        except (OSError, websocket.WebSocketException, ValueError, AttributeError) as error:
            # ValueError and AttributeError: `abort` took the TLS layer away meanwhile
            reason = explain(error)
        raise ConnectionEndedError(reason)


def _open(url: str, timeout: float) -> socket.socket:
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    host = parts.hostname or ""
    raw = socket.create_connection((host, parts.port or (443 if secure else 80)), timeout)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if not secure:
        return raw
    try:
        context = ssl.create_default_context(cafile=certifi.where())
        return context.wrap_socket(raw, server_hostname=host)
    except OSError:
        raw.close()
        raise


class _BoundedFrames(websocket.frame_buffer):
    """Reads frames, and refuses a long one when it is announced."""

    def recv_length(self) -> None:
        super().recv_length()
        if self.length is not None and self.length > FRAME_LIMIT:
            msg = "a frame beyond the limit"
            raise websocket.WebSocketProtocolException(msg)


class _BoundedMessage(websocket.continuous_frame):
    """Puts fragments together up to the same limit."""

    def add(self, frame: Any) -> None:
        super().add(frame)
        if self.cont_data and len(self.cont_data[1]) > FRAME_LIMIT:
            msg = "a message beyond the limit"
            raise websocket.WebSocketProtocolException(msg)
