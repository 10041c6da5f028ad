"""One account on Binance spot over plain HTTP and the WebSocket API, with keys of any kind."""

from __future__ import annotations

import base64
import hmac
import json
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, urlencode

import requests
import websocket
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.simulator.thread import SimulatorThread

PrivateKey: TypeAlias = RSAPrivateKey | Ed25519PrivateKey
KEY, SECRET = "ann-key", "ann-secret"
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}


def keyed_hash(secret: str) -> Callable[[str], str]:
    """Sign by HMAC-SHA256."""
    return lambda payload: hmac.new(secret.encode(), payload.encode(), sha256).hexdigest()


def asymmetric(key: PrivateKey) -> Callable[[str], str]:
    """Sign with a private key."""

    def sign(payload: str) -> str:
        text = payload.encode()
        if isinstance(key, RSAPrivateKey):
            return base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()
        return base64.b64encode(key.sign(text)).decode()

    return sign


def public_pem(key: PrivateKey) -> str:
    """What the exchange knows of a private key."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


class SpotTrader:
    """Sends requests as the documents say, sharing no code with our adapters."""

    def __init__(
        self,
        simulator: SimulatorThread,
        key: str = KEY,
        secret: str = SECRET,
        sign: Callable[[str], str] | None = None,
    ) -> None:
        self.simulator = simulator
        self.house = simulator.house("BINANCE", "SPOT")
        self.key = key
        self.sign = sign or keyed_hash(secret)
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["X-MBX-APIKEY"] = key
        self.sockets: list[websocket.WebSocket] = []
        self.house.account(key, secret)

    def send(self, method: str, path: str, **params: Any) -> requests.Response:
        """Send a signed request."""
        params.setdefault("timestamp", int(time.time() * 1000))
        text = urlencode(params)
        text += f"&signature={quote(self.sign(text), safe='')}"
        return self.http.request(method, f"{self.simulator.url}/api/v3/{path}?{text}", timeout=5)

    def ask(self, method: str, path: str, **params: Any) -> Any:
        """Send a signed request that must succeed."""
        response = self.send(method, path, **params)
        assert response.status_code == 200, response.text
        return response.json()

    def code(self, method: str, path: str, **params: Any) -> int:
        """Send a signed request that must be refused; returns Binance's code."""
        response = self.send(method, path, **params)
        assert response.status_code in {400, 401}, response.text
        return int(response.json()["code"])

    def rest(self, quantity: str = "0.02", price: str = "59000.01", **terms: Any) -> Any:
        """Place a limit order that rests."""
        return self.ask("POST", "order", **{**LIMIT, "quantity": quantity, "price": price, **terms})

    def connect(self, query: str = "") -> Connection:
        """Open a connection of the WebSocket API."""
        opened = websocket.create_connection(f"{self.simulator.ws_url}/ws-api/v3{query}", timeout=5)
        self.sockets.append(opened)
        return Connection(self, opened)

    def listen(self) -> Connection:
        """Open a connection and subscribe."""
        connection = self.connect()
        assert connection.signed("userDataStream.subscribe.signature")["status"] == 200
        return connection

    def close(self) -> None:
        for opened in self.sockets:
            opened.shutdown()  # type: ignore[no-untyped-call, unused-ignore]
        self.http.close()


class Connection:
    """One connection; events that come before an answer are kept."""

    def __init__(self, trader: SpotTrader, socket: websocket.WebSocket) -> None:
        self.trader = trader
        self.socket = socket
        self.number = 0
        self.kept: list[Any] = []

    def call(self, method: str, **params: Any) -> Any:
        """Send a request as it is and return its answer."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            frame = self.read()
            if "status" in frame:
                return frame
            self.kept.append(frame)

    def signed(self, method: str, **params: Any) -> Any:
        """Send a request with key, time and signature."""
        params |= {"apiKey": self.trader.key, "timestamp": int(time.time() * 1000)}
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        return self.call(method, **params, signature=self.trader.sign(payload))

    def read(self, patience: float = 5.0) -> Any:
        self.socket.settimeout(patience)
        return json.loads(self.socket.recv())

    def events(self, number: int, name: str = "executionReport") -> list[Any]:
        """Read the next events of this name, everything else left out."""
        found: list[Any] = []
        while len(found) < number:
            frame = self.kept.pop(0) if self.kept else self.read()
            if frame["event"]["e"] == name:
                found.append(frame["event"])
        return found

    def frame_kind(self) -> int:
        """Read a frame without answering it."""
        frame = self.socket.recv_frame()  # type: ignore[no-untyped-call, unused-ignore]
        return int(frame.opcode)

    def is_silent(self, patience: float = 0.15) -> bool:
        try:
            self.kept.append(self.read(patience))
        except websocket.WebSocketTimeoutException:
            return not self.kept
        return False
