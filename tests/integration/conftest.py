"""The web process as it is in production: uvicorn, in a thread of the test's own process."""

from __future__ import annotations

import socket
import threading
from functools import cache
from typing import TYPE_CHECKING

import pytest
import uvicorn
from django.core.asgi import get_asgi_application
from django.db import connections

from tracking.api.webhook import webhook_threads
from tracking.api.webhook_gate import WebhookGate
from tracking.sse.threads import client_thread, hub_thread

if TYPE_CHECKING:
    from collections.abc import Iterator


@cache
def application() -> WebhookGate:
    """Make the application once: finding all static files takes a second."""
    return WebhookGate(get_asgi_application())


class WebServer:
    """Our ASGI application on a free loopback port."""

    def __init__(self) -> None:
        """Listen; whoever connects now waits until `start`."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                application(),
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
            )
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it and give back every database connection it used."""
        # a stream that is still open would be waited for
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()
        for thread in (hub_thread, client_thread):
            thread.disconnect()
        webhook_threads.disconnect()


@pytest.fixture
def web(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """Serve the application on the test's database."""
    # as `ordertrack.asgi` has it: what a request's thread opened is closed with the request
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    server = WebServer()
    server.start()
    yield server
    server.stop()
