"""A server that does to a connection exactly what a test says, byte by byte."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    Script = Callable[[socket.socket], None]


class RawServer:
    """Runs `script` on each connection after the request's head was read."""

    def __init__(self, script: Script, *, concurrent: bool = False) -> None:
        self._script, self._concurrent = script, concurrent
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        # closing alone does not wake a thread that waits in accept
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._concurrent:
                threading.Thread(target=self._play, args=(connection,), daemon=True).start()
            else:
                self._play(connection)

    def _play(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(5)
            try:
                self.requests.append(_read(connection))
                self._script(connection)
            except OSError:
                return


def _read(connection: socket.socket) -> bytes:
    request = connection.recv(65536)
    head, _, body = request.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
    while len(body) < length:
        more = connection.recv(65536)
        request, body = request + more, body + more
    return request


def answers(status: str, body: bytes = b"", *headers: str) -> Script:
    """Answer properly and close."""
    head = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
        "",
        "",
    ]
    return lambda connection: connection.sendall("\r\n".join(head).encode() + body)
