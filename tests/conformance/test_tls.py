"""The TLS port serves what the plain one does, to clients that trust its certificate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import requests
import websocket

if TYPE_CHECKING:
    from tests.conformance.tls import TlsPort


def test_requests_and_sockets_pass(tls: TlsPort) -> None:
    answer = requests.get(f"https://{tls.netloc}/api/v3/time", timeout=5)
    assert answer.json()["serverTime"] > 0

    socket = websocket.create_connection(f"wss://{tls.netloc}/ws-api/v3", timeout=5)
    socket.send(json.dumps({"id": 1, "method": "ping"}))
    assert json.loads(socket.recv())["status"] == 200
    socket.close()
