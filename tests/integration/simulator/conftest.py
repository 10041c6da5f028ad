"""A running exchange, and clients of it that share no code with our adapters."""

from __future__ import annotations

import hmac
import json
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import requests
import websocket

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.thread import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY, SECRET = "ann-key", "ann-secret"
ALL_EVENTS = "ORDER_TRADE_UPDATE/ACCOUNT_UPDATE/TRADE_LITE/ALGO_UPDATE/listenKeyExpired"


def eventually(condition: Callable[[], bool], patience: float = 5.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Trader:
    """One account over plain HTTP and sockets."""

    root = "/fapi"

    def __init__(self, simulator: SimulatorThread, key: str = KEY, secret: str = SECRET) -> None:
        self.simulator = simulator
        self.key, self.secret = key, secret
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["X-MBX-APIKEY"] = key
        self.sockets: list[websocket.WebSocket] = []
        simulator.account(key, secret)

    def send(self, method: str, path: str, **params: Any) -> requests.Response:
        """Send a signed request."""
        params.setdefault("timestamp", int(time.time() * 1000))
        text = urlencode(params)
        signature = hmac.new(self.secret.encode(), text.encode(), sha256).hexdigest()
        url = f"{self.simulator.url}{self.root}/{path}"
        text += f"&signature={signature}"
        if method == "POST":
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            return self.http.request(method, url, data=text, headers=form, timeout=5)
        return self.http.request(method, f"{url}?{text}", timeout=5)

    def ask(self, method: str, path: str, **params: Any) -> Any:
        """Send a signed request that must succeed."""
        response = self.send(method, path, **params)
        assert response.status_code == 200, response.text
        return response.json()

    def code(self, method: str, path: str, **params: Any) -> tuple[int, int]:
        """Send a signed request that must be refused: HTTP status and Binance's code."""
        response = self.send(method, path, **params)
        return response.status_code, response.json()["code"]

    def place(self, side: str = "BUY", quantity: str = "0.100", **terms: Any) -> Any:
        """Place an order: LIMIT if there is a price."""
        return self.ask("POST", "v1/order", **order_terms(side, quantity, terms))

    def refused(self, side: str = "BUY", quantity: str = "0.100", **terms: Any) -> int:
        """Place an order that is refused; returns the code."""
        status, code = self.code("POST", "v1/order", **order_terms(side, quantity, terms))
        assert status == 400
        return code

    def listen_key(self) -> str:
        response = self.http.post(f"{self.simulator.url}{self.root}/v1/listenKey", timeout=5)
        return str(response.json()["listenKey"])

    def listen(self, url: str | None = None, events: str = ALL_EVENTS) -> Stream:
        """Open the private stream."""
        url = url or f"/private/ws?listenKey={self.listen_key()}&events={events}"
        opened = websocket.create_connection(self.simulator.ws_url + url, timeout=5)
        self.sockets.append(opened)
        return Stream(opened)

    def close(self) -> None:
        for opened in self.sockets:
            opened.shutdown()  # type: ignore[no-untyped-call, unused-ignore]
        self.http.close()


def order_terms(side: str, quantity: str, terms: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {"symbol": "BTCUSDT", "side": side, "quantity": quantity}
    values |= {"type": "LIMIT", "timeInForce": "GTC"} if "price" in terms else {"type": "MARKET"}
    return values | terms


class Stream:
    """Reads frames with a short patience."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self.socket = socket

    def next(self, patience: float = 5.0) -> Any:
        self.socket.settimeout(patience)
        return json.loads(self.socket.recv())

    def orders(self, number: int) -> list[Any]:
        """Read the next ORDER_TRADE_UPDATEs, everything else left out."""
        found: list[Any] = []
        while len(found) < number:
            frame = self.next()
            if frame["e"] == "ORDER_TRADE_UPDATE":
                found.append(frame["o"])
        return found

    def is_silent(self, patience: float = 0.15) -> bool:
        try:
            self.next(patience)
        except websocket.WebSocketTimeoutException:
            return True
        return False


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    """Run an exchange whose prices stand still."""
    with SimulatorThread(config=SimulatorConfig(price_interval=0)) as running:
        yield running


@pytest.fixture
def ann(simulator: SimulatorThread) -> Iterator[Trader]:
    trader = Trader(simulator)
    yield trader
    trader.close()


@pytest.fixture
def bob(simulator: SimulatorThread) -> Iterator[Trader]:
    trader = Trader(simulator, "bob-key", "bob-secret")
    yield trader
    trader.close()
