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

from exchanges.simulator import control
from exchanges.simulator.errors import ControlError
from exchanges.simulator.fronts import FRONTS, House, front_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exchanges.simulator.config import SimulatorConfig
    from exchanges.simulator.exchange import SimulatedExchange

log = structlog.get_logger(__name__)

#: what is served unless it is said
USUAL: tuple[House, ...] = (("BINANCE", "FUTURES"),)


class SimulatorServer:
    """Simulated exchanges on one port: houses, each one market type of one exchange.

    Control end points are `/sim/<EXCHANGE>/<MARKET_TYPE>/...`, of the first house `/sim/...` too.
    """

    def __init__(
        self,
        port: int = 0,
        seed: int = 1,
        host: str = "127.0.0.1",
        faults: Mapping[str, object] | None = None,
        config: SimulatorConfig | None = None,
        *,
        houses: Sequence[House] = USUAL,
    ) -> None:
        """Port 0 takes any free port. `faults` may name a `profile`. `config` is the first house's.

        Raises ControlError for a house that does not exist.
        """
        self._host = host
        self._port = port
        self._seed = seed
        if not houses:
            text = "no house is named"
            raise ControlError(text)
        self.houses: dict[House, SimulatedExchange] = {
            house: front_of(house).open(
                house[1],
                seed=seed,
                faults=faults,
                config=config if house == houses[0] else None,
            )
            for house in houses
        }
        self.exchange = self.houses[houses[0]]
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> str:
        """Begin to serve; returns the base URL."""
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        address = self._runner.addresses[0]
        for house in self.houses.values():
            self._begin(house.run_prices(), house.run_strikes())
        url = f"http://{self._host}:{address[1]}"
        log.info("simulator.started", url=url, seed=self._seed)
        return url

    def _begin(self, *coroutines: object) -> None:
        loop = asyncio.get_running_loop()
        for coroutine in coroutines:
            if asyncio.iscoroutine(coroutine):
                self._tasks.append(loop.create_task(coroutine))

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        control.add_routes(app, self.exchange, "/sim")
        for (exchange, market_type), house in self.houses.items():
            control.add_routes(app, house, f"/sim/{exchange}/{market_type}")
        for exchange, front in FRONTS.items():
            opened = {
                kind: house for (name, kind), house in self.houses.items() if name == exchange
            }
            if opened:
                front.add_routes(app, opened)
        return app

    async def stop(self) -> None:
        """Cut every connection and free the port."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for house in self.houses.values():
            await house.hub.close()
        if self._runner:
            await self._runner.cleanup()
        log.info("simulator.stopped")


def run(
    port: int,
    seed: int,
    faults: Mapping[str, object] | None = None,
    ready: Callable[[str], None] | None = None,
    houses: Sequence[House] = USUAL,
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called with the base URL."""
    # the books only grow: collecting them again and again would stall frames for nothing
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    server = SimulatorServer(port=port, seed=seed, faults=faults, houses=houses)
    asyncio.run(_serve(server, ready))


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
