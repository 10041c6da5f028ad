"""
The server: REST, streams and the control end points on one port.

`SimulatorServer` lives in the event loop it is started in; `run` is the blocking form for a
process of its own and stops on SIGTERM or SIGINT.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from exchanges.simulator import connections, control
from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.exchange import SimulatedExchange
from exchanges.simulator.rest import RestApi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = structlog.get_logger(__name__)

#: asked by clients that load all of Binance's markets; nothing of it exists here
EMPTY_LISTS = (
    "/sapi/v1/capital/config/getall",
    "/sapi/v1/margin/allPairs",
    "/sapi/v1/margin/isolated/allPairs",
)


class SimulatorServer:
    """One simulated exchange on one port."""

    def __init__(
        self,
        port: int = 0,
        seed: int = 1,
        host: str = "127.0.0.1",
        faults: Mapping[str, object] | None = None,
        config: SimulatorConfig | None = None,
    ) -> None:
        """Port 0 takes any free port. `faults` may name a `profile`."""
        self._host = host
        self._port = port
        self.exchange = SimulatedExchange(
            seed=seed, config=config or SimulatorConfig(), faults=faults
        )
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> str:
        """Begin to serve; returns the base URL."""
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        address = self._runner.addresses[0]
        self._begin(self.exchange.run_prices(), self.exchange.run_strikes())
        url = f"http://{self._host}:{address[1]}"
        log.info("simulator.started", url=url, seed=self.exchange.seed)
        return url

    def _begin(self, *coroutines: object) -> None:
        loop = asyncio.get_running_loop()
        for coroutine in coroutines:
            if asyncio.iscoroutine(coroutine):
                self._tasks.append(loop.create_task(coroutine))

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        control.add_routes(app, self.exchange)
        connections.add_routes(app, self.exchange)
        for path in EMPTY_LISTS:
            app.router.add_get(path, nothing)
        app.router.add_route("*", "/fapi/{rest:.*}", RestApi(self.exchange).handle)
        return app

    async def stop(self) -> None:
        """Cut every connection and free the port."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.exchange.hub.close()
        if self._runner:
            await self._runner.cleanup()
        log.info("simulator.stopped")


async def nothing(_request: web.Request) -> web.Response:
    """An empty list."""
    return web.json_response([])


def run(
    port: int,
    seed: int,
    faults: Mapping[str, object] | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called with the base URL."""
    # the books only grow: collecting them again and again would stall frames for nothing
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    asyncio.run(_serve(SimulatorServer(port=port, seed=seed, faults=faults), ready))


async def _serve(server: SimulatorServer, ready: Callable[[str], None] | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    url = await server.start()
    if ready:
        ready(url)
    await stopped.wait()
    await server.stop()
