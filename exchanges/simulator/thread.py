"""
The simulator inside a test: its own thread and event loop, spoken to over HTTP only.

    with SimulatorThread() as simulator:
        simulator.account("key", "secret")
        simulator.faults(lose=0.5)
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Self

from exchanges.simulator.control_client import TIMEOUT, ControlClient
from exchanges.simulator.server import USUAL, SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exchanges.simulator.config import SimulatorConfig
    from exchanges.simulator.fronts import House


class SimulatorThread(ControlClient):
    """A running exchange; leaving the context stops it."""

    def __init__(
        self,
        seed: int = 1,
        faults: Mapping[str, object] | None = None,
        config: SimulatorConfig | None = None,
        port: int = 0,
        *,
        houses: Sequence[House] = USUAL,
    ) -> None:
        """Nothing runs before the context is entered."""
        super().__init__("", "/sim")
        self._server = SimulatorServer(
            port=port, seed=seed, faults=faults, config=config, houses=houses
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._failure: BaseException | None = None

    @property
    def ws_url(self) -> str:
        """The base of the WebSocket URLs."""
        return self.url.replace("http://", "ws://")

    def house(self, exchange: str, market_type: str) -> ControlClient:
        """Who speaks to one house; the thread itself speaks to the first."""
        return ControlClient(self.url, f"/sim/{exchange}/{market_type}")

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
