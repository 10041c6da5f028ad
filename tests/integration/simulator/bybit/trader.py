"""A client of the simulated Bybit that shares no code with our adapter."""

from __future__ import annotations

import hmac
import json
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import requests
import websocket

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread

KEY, SECRET = "ann-key", "ann-secret"
HOUSES = (("BYBIT", "FUTURES"), ("BYBIT", "SPOT"), ("BYBIT", "COIN_FUTURES"))
HOUSE_OF = {"linear": "FUTURES", "spot": "SPOT", "inverse": "COIN_FUTURES"}


def now_ms() -> int:
    return int(time.time() * 1000)


def signed(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()


class BybitTrader:
    """One account over plain HTTP and sockets, in every house."""

    def __init__(self, simulator: SimulatorThread, key: str = KEY, secret: str = SECRET) -> None:
        self.simulator = simulator
        self.key, self.secret = key, secret
        self.http = requests.Session()
        self.http.trust_env = False
        self.streams: list[BybitStream] = []
        for house in HOUSES:
            simulator.house(*house).account(key, secret)

    def signing(self, text: str, stamp: str = "") -> dict[str, str]:
        """The headers of a request with this query or body."""
        stamp = stamp or str(now_ms())
        return {
            "X-BAPI-API-KEY": self.key,
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": signed(self.secret, f"{stamp}{self.key}5000{text}"),
            "Content-Type": "application/json",
        }

    def send(
        self, method: str, path: str, headers: dict[str, str] | None = None, **params: Any
    ) -> requests.Response:
        """Send a signed request; `headers` replace what would be sent."""
        query = urlencode(params) if method == "GET" else ""
        body = json.dumps(params) if method == "POST" else ""
        stamp = (headers or {}).get("X-BAPI-TIMESTAMP", "")
        sent = {**self.signing(query or body, stamp), **(headers or {})}
        url = f"{self.simulator.url}/v5/{path}{'?' + query if query else ''}"
        return self.http.request(method, url, data=body or None, headers=sent, timeout=5)

    def ask(self, method: str, path: str, **params: Any) -> Any:
        """Send a signed request that must succeed; returns its result."""
        response = self.send(method, path, **params)
        assert response.status_code == 200, response.text
        told = response.json()
        assert (told["retCode"], told["retExtInfo"]) == (0, {}), told
        return told["result"]

    def code(self, method: str, path: str, **params: Any) -> int:
        """Send a signed request that must be refused; returns the retCode."""
        response = self.send(method, path, **params)
        assert response.status_code == 200, response.text
        code: int = response.json()["retCode"]
        return code

    def place(self, category: str = "linear", **terms: Any) -> str:
        """Place an order; returns its id."""
        placed = self.ask("POST", "order/create", **order_terms(category, terms))
        return str(placed["orderId"])

    def refused(self, category: str = "linear", **terms: Any) -> int:
        """Place an order that is refused."""
        return self.code("POST", "order/create", **order_terms(category, terms))

    def realtime(self, category: str = "linear", **params: Any) -> list[Any]:
        """What `order/realtime` tells."""
        is_scoped = category != "linear" or {"symbol", "baseCoin", "settleCoin"} & set(params)
        scope = {} if is_scoped else {"settleCoin": "USDT"}
        result = self.ask("GET", "order/realtime", category=category, **scope, **params)
        rows: list[Any] = result["list"]
        return rows

    def ledger(self, category: str = "linear") -> Any:
        """What really happened in a house."""
        house = self.simulator.house("BYBIT", HOUSE_OF[category])
        return house.ledger(self.key)["accounts"][self.key]

    def act(self, category: str = "linear", **terms: Any) -> Any:
        """Let something happen to the account."""
        house = self.simulator.house("BYBIT", HOUSE_OF[category])
        return house.act(account=self.key, **terms)

    def connect(self, query: str = "") -> BybitStream:
        """Open a private socket, unauthenticated."""
        opened = websocket.create_connection(
            f"{self.simulator.ws_url}/v5/private{query}", timeout=5
        )
        self.streams.append(BybitStream(opened))
        return self.streams[-1]

    def listen(self, *topics: str, query: str = "") -> BybitStream:
        """Open a private socket and subscribe."""
        stream = self.connect(query)
        assert stream.auth(self.key, self.secret)["success"]
        assert stream.ask("subscribe", [*topics])["success"]
        return stream

    def close(self) -> None:
        for stream in self.streams:
            stream.socket.shutdown()  # type: ignore[no-untyped-call, unused-ignore]
        self.http.close()


def order_terms(category: str, terms: dict[str, Any]) -> dict[str, Any]:
    """Terms of an order: Limit if there is a price, of the category's Bitcoin."""
    symbol, quantity = {
        "linear": ("BTCUSDT", "0.100"),
        "spot": ("BTCUSDT", "0.1"),
        "inverse": ("BTCUSD", "6000"),
    }[category]
    kind = "Limit" if "price" in terms else "Market"
    usual = {"symbol": symbol, "side": "Buy", "qty": quantity, "orderType": kind}
    return {"category": category} | usual | terms


class BybitStream:
    """Reads frames with a short patience; answers and data share the socket."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self.socket = socket

    def next(self, patience: float = 5.0) -> Any:
        self.socket.settimeout(patience)
        return json.loads(self.socket.recv())

    def ask(self, operation: str, arguments: Any = None, **more: Any) -> Any:
        """Say something and read the next answer."""
        said = {"op": operation, **({} if arguments is None else {"args": arguments}), **more}
        self.socket.send(json.dumps(said))
        while True:
            frame = self.next()
            if "op" in frame:
                return frame

    def auth(self, key: str, secret: str, ahead: int = 10_000, *, as_text: bool = False) -> Any:
        expires = now_ms() + ahead
        told = str(expires) if as_text else expires
        return self.ask("auth", [key, told, signed(secret, f"GET/realtime{expires}")])

    def rows(self, topic: str, number: int) -> list[Any]:
        """Read the next rows of a topic, everything else left out."""
        found: list[Any] = []
        while len(found) < number:
            frame = self.next()
            if frame.get("topic") == topic:
                found += frame["data"]
        return found

    def is_silent(self, patience: float = 0.15) -> bool:
        try:
            self.next(patience)
        except websocket.WebSocketTimeoutException:
            return True
        return False
