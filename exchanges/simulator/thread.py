"""
The simulator inside a test: its own thread and event loop, spoken to over HTTP only.

    with SimulatorThread() as simulator:
        simulator.account("key", "secret")
        simulator.faults(lose=0.5)
"""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode, urlsplit

from exchanges.simulator.errors import ControlError
from exchanges.simulator.server import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchanges.simulator.config import SimulatorConfig

TIMEOUT = 30.0
OK = 200


class SimulatorThread:
    """A running exchange; leaving the context stops it."""

    def __init__(
        self,
        seed: int = 1,
        faults: Mapping[str, object] | None = None,
        config: SimulatorConfig | None = None,
        port: int = 0,
    ) -> None:
        """Nothing runs before the context is entered."""
        self._server = SimulatorServer(port=port, seed=seed, faults=faults, config=config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._failure: BaseException | None = None
        self.url = ""

    @property
    def ws_url(self) -> str:
        """The base of the WebSocket URLs."""
        return self.url.replace("http://", "ws://")

    def __enter__(self) -> Self:
        """Start and wait until it serves."""
        self._thread.start()
        self._ready.wait(TIMEOUT)
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop and wait until the port is free."""
        if self._loop and self._stopped:
            self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(TIMEOUT)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        self.url = await self._server.start()
        self._ready.set()
        await self._stopped.wait()
        await self._server.stop()

    def ask(self, method: str, path: str, terms: Mapping[str, object] | None = None) -> Any:
        """One control request. Raises `ControlError` with the reason of a refusal."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT)
        try:
            body = None if terms is None else json.dumps(terms)
            connection.request(method, path, body)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != OK:
            raise ControlError(answer.get("error", str(answer)))
        return answer

    def account(
        self, api_key: str, api_secret: str, balance: str = "100000", *, hedge: bool = False
    ) -> Any:
        """Create an account, or find the one with this key."""
        terms = {"api_key": api_key, "api_secret": api_secret, "balance": balance, "hedge": hedge}
        return self.ask("POST", "/sim/accounts", terms)

    def faults(self, **switches: object) -> Any:
        """Set switches (`account`, `profile` and `reset` too); returns what holds."""
        return self.ask("POST", "/sim/faults", switches)

    def ledger(self, account: str | None = None, *, summary: bool = False) -> Any:
        """The oracle."""
        chosen = {"account": account, "summary": "1" if summary else None}
        query = urlencode({name: value for name, value in chosen.items() if value})
        return self.ask("GET", f"/sim/ledger?{query}")

    def act(self, **terms: object) -> Any:
        """Do something by hand (`action`, `account`, ...)."""
        return self.ask("POST", "/sim/act", terms)

    def step(self, steps: int = 1, symbol: str | None = None) -> Any:
        """Move prices."""
        return self.ask("POST", "/sim/step", {"steps": steps, "symbol": symbol})

    def price(self, symbol: str, price: str, fill: str = "part") -> Any:
        """Set a price."""
        return self.ask("POST", "/sim/price", {"symbol": symbol, "price": price, "fill": fill})

    def configure(self, **settings: object) -> Any:
        """Change what may change while it runs."""
        return self.ask("POST", "/sim/config", settings)

    def burst(self, **terms: object) -> Any:
        """Push fills (no terms: how far the burst has come)."""
        return self.ask("POST" if terms else "GET", "/sim/burst", terms or None)
