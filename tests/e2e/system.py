"""The whole system as it runs in production, each process real, for tests that break it."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings

from exchanges.messages import OrderType, Side
from ordertrack.binaries import valkey_server
from ordertrack.environment import BASE_DIR
from ordertrack.processes import beat, orders, streams, web, worker
from ordertrack.server_process import free_port
from ordertrack.supervisor import Program, Supervisor
from tracking.management.demo import measures
from tracking.management.demo.channels import new_key
from tracking.management.demo.comparison import compare, our_books
from tracking.management.demo.trader import Pace, Trader
from tracking.management.demo.waiting import wait_until
from tracking.models import StreamEvent, TradeExecution
from tracking.services.order_intents import OrderIntent
from tracking.services.order_manager import OrderManager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django.db.models import QuerySet

    from tracking.management.demo.cast import Cast
    from tracking.management.demo.comparison import Differences
    from tracking.management.demo.sse_client import SseClient
    from tracking.management.demo.theatre import Theatre
    from tracking.models import OrderRequest, StrategyAccount

SYMBOL, SYMBOL_ID = "ETH/USDT:USDT", "ETHUSDT"
SETTLE_TIMEOUT = 25.0
FAST = Pace(between_orders=(0.05, 0.2), between_hands=(1.0, 2.0))


def servers(folder: Path) -> list[Program]:
    """Return what has to run before anything else: the broker and the exchange."""
    config = folder / "valkey.conf"
    port = settings.REDIS_URL.rpartition(":")[2].partition("/")[0]
    config.write_text(
        f'bind 127.0.0.1\nport {port}\ndir "{folder}"\nappendonly yes\nsave ""\ndaemonize no\n'
    )
    exchange_port = settings.SIMULATOR_URL.rpartition(":")[2]
    simulator = (sys.executable, "-m", "exchanges.simulator", "--seed=1", f"--port={exchange_port}")
    return [
        Program(name="valkey", argv=(str(valkey_server()), str(config))),
        Program(name="exchange", argv=simulator, environment={"PYTHONPATH": str(BASE_DIR)}),
    ]


def processes() -> list[Program]:
    """Return all of ours but Flower, which only looks."""
    return [web(), worker("worker", "events"), orders(), worker("sync", "sync"), beat(), streams()]


def stores() -> dict[str, str]:
    """Return where this system's own servers will be, as variables."""
    return {
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "SIMULATOR_URL": f"http://127.0.0.1:{free_port()}",
        "PORT": str(free_port()),
        "WORKER_CONCURRENCY": "1",
        "LOG_CONSOLE_LEVEL": "WARNING",
    }


class System:
    """What tests do with it."""

    def __init__(
        self,
        *,
        theatre: Theatre,
        cast: Cast,
        listener: SseClient,
        supervisors: list[Supervisor],
    ) -> None:
        """All of it runs already."""
        self.control = theatre.first
        self._theatre = theatre
        self.cast = cast
        self.listener = listener
        self._supervisors = supervisors

    def tend(self) -> None:
        """Let whoever died be started again."""
        for supervisor in self._supervisors:
            supervisor.poll()

    def eventually(self, condition: Callable[[], object], timeout: float = 10.0) -> bool:
        """Wait for something the processes do."""
        return wait_until(condition, timeout=timeout, tend=self.tend, interval=0.05)

    def pid(self, name: str) -> int | None:
        """Return the process id of who runs under this name now."""
        running = [supervisor.pids() for supervisor in self._supervisors]
        return next((pids[name] for pids in running if name in pids), None)

    def kill(self, name: str) -> int:
        """End a process and all it started, as `kill -9` does; return its id."""
        pid = self.pid(name)
        assert pid is not None
        os.killpg(pid, signal.SIGKILL)
        return pid

    def place(
        self,
        use: StrategyAccount,
        quantity: str,
        price: Decimal | None = None,
        side: Side = Side.BUY,
    ) -> OrderRequest:
        """Place a limit order, or a market order where no price is named."""
        intent = OrderIntent(
            symbol=SYMBOL,
            side=side,
            order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
            quantity=Decimal(quantity),
            price=price,
        )
        return OrderManager(use).execute(intent, idempotency_key=new_key())

    def await_live_stream(self, use: StrategyAccount) -> None:
        """Wait until a frame has come over the account's stream: the test before may have cut it.

        Asked by an order that rests, since only the exchange knows whether somebody listens.
        """

        def word_came() -> bool:
            request = self.place(use, "0.1", self.resting_price())
            newest = StreamEvent.objects.order_by("-pk")
            return self.eventually(
                lambda: any(str(request.client_order_id) in frame.raw for frame in newest[:20]),
                timeout=1,
            )

        assert self.eventually(word_came, timeout=30)

    def resting_price(self) -> Decimal:
        """Return a price at which a buy does not trade by itself."""
        return self.control.prices()[SYMBOL_ID] - 50

    def fill(self, request: OrderRequest, quantity: str) -> None:
        """Let others trade against a resting order."""
        terms = {"symbol": SYMBOL_ID, "clientOrderId": request.client_order_id}
        self.control.act("fill", request.account.api_key, quantity=quantity, **terms)

    @contextmanager
    def trading(self, *, seed: int) -> Iterator[Trader]:
        """Let everybody trade, prices moving, until the block ends."""
        trader = Trader(self.cast, self._theatre, seed=seed, pace=FAST)
        self.control.configure(price_interval=0.25)
        trader.start()
        try:
            yield trader
        finally:
            trader.stop()
            self.control.freeze_prices()

    def trade_on(self, trader: Trader, orders: int) -> None:
        """Wait until so many more orders were placed."""
        wanted = trader.orders + orders
        assert self.eventually(lambda: trader.orders >= wanted, timeout=30)

    def differences(self) -> Differences:
        """Compare our books with the exchange's."""
        accounts = self.cast.accounts
        return compare(self._theatre.books(accounts), our_books(accounts))

    def assert_equal_books(self, timeout: float = SETTLE_TIMEOUT) -> None:
        """Wait until the books are equal, verified, and told to the listener once each."""
        self.eventually(self._is_settled, timeout)
        differences = self.differences()
        assert not differences, "\n".join(differences.examples())
        assert measures.unverified(self.cast.api_keys) == 0
        assert measures.inferred(self.cast.api_keys) == 0
        assert measures.quarantined(self.cast.api_keys) == 0
        assert self.listener.gaps(measures.journal_numbers(self.cast.user_id)) == 0

    def _is_settled(self) -> bool:
        if self.differences() or measures.unverified(self.cast.api_keys):
            return False
        numbers = measures.journal_numbers(self.cast.user_id)
        return numbers <= self.listener.received_at.keys()


def executions_of(request: OrderRequest) -> QuerySet[TradeExecution]:
    """Return the booked fills of the order a request placed."""
    return TradeExecution.objects.filter(
        account=request.account,
        trade__client_order_id=request.client_order_id,
        voided_at__isnull=True,
    )
