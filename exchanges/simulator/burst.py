"""
Fills on demand, for benchmarks: orders are made and filled by the engine at a given rate.

Every order is a real one: it enters the books, rests, and is filled in `fills_per_order` pieces by
as many counterparties; the account's sockets get NEW and every TRADE. Only the checks of a REST
order are left out. Buys and sells alternate, so positions stay small. The work of one turn is
short and ends in a look at the clock, so that REST and pongs are not delayed.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator.config import SPOT
from exchanges.simulator.errors import ControlError
from exchanges.simulator.orders import OrderTerms

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.market import Market

#: how long one turn may work before it lets others work
TURN: Final = 0.004
#: how long to wait for a slow reader, and at most for the next order
PACE: Final = 0.002
LONGEST_PAUSE: Final = 0.25
#: bytes a socket may have waiting before an unpaced burst waits for its reader
FULL: Final = 256 * 1024
LOTS_PER_FILL: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstTerms:
    """How much, how fast, for whom."""

    #: fills per second; 0 is as fast as the readers read
    rate: float
    seconds: float
    accounts: tuple[Account, ...]
    markets: tuple[Market, ...]
    fills_per_order: int = 4
    #: stop after so many fills even if time is left; 0: no such limit
    fills: int = 0

    @classmethod
    def read(cls, exchange: SimulatedExchange, terms: dict[str, Any]) -> BurstTerms:
        """Check the terms of a request."""
        unknown = set(terms) - {
            "rate",
            "seconds",
            "accounts",
            "symbols",
            "fills_per_order",
            "fills",
        }
        keys = terms.get("accounts") or list(exchange.accounts)
        symbols = terms.get("symbols") or list(exchange.engine.markets)
        strangers = [key for key in keys if key not in exchange.accounts]
        strangers += [symbol for symbol in symbols if symbol not in exchange.engine.markets]
        if unknown or strangers or not keys:
            text = f"unknown: {sorted(unknown)}, {strangers}; accounts: {len(keys)}"
            raise ControlError(text)
        return cls(
            rate=float(terms.get("rate", 0)),
            seconds=float(terms.get("seconds", 1)),
            accounts=tuple(exchange.accounts[key] for key in keys),
            markets=tuple(exchange.engine.markets[symbol] for symbol in symbols),
            fills_per_order=max(1, int(terms.get("fills_per_order", 4))),
            fills=int(terms.get("fills", 0)),
        )


class Burst:
    """One run of fills."""

    def __init__(self, exchange: SimulatedExchange, terms: BurstTerms) -> None:
        """Nothing happens before `start`."""
        self._exchange = exchange
        self._terms = terms
        self._task: asyncio.Task[None] | None = None
        self._fills = 0
        self._orders = 0
        self._began = 0.0
        self._cpu = 0.0
        self._started_at = 0
        self._ended_at: int | None = None

    @property
    def is_running(self) -> bool:
        """Whether fills are still being pushed."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin to push."""
        self._began = time.monotonic()
        self._started_at = self._exchange.clock.now()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """End early."""
        if self._task:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            while not self._is_over():
                began = time.thread_time()
                pause = self._turn()
                self._cpu += time.thread_time() - began
                await asyncio.sleep(max(pause, PACE if self._is_full() else 0.0))
        finally:
            self._ended_at = self._exchange.clock.now()

    def _is_over(self) -> bool:
        is_enough = 0 < self._terms.fills <= self._fills
        return is_enough or time.monotonic() - self._began >= self._terms.seconds

    def _turn(self) -> float:
        """Push for one turn; returns how long there is nothing to do."""
        until = time.monotonic() + TURN
        while time.monotonic() < until and not self._is_over():
            pause = self._pause()
            if pause > 0:
                return min(pause, LONGEST_PAUSE)
            self._one_order()
        return 0.0

    def _pause(self) -> float:
        if not self._terms.rate:
            return 0.0
        return self._began + self._fills / self._terms.rate - time.monotonic()

    def _is_full(self) -> bool:
        hub = self._exchange.hub
        return any(
            link.socket.transport.get_write_buffer_size() > FULL
            for account in self._terms.accounts
            for link in hub.channel(account.api_key).links
        )

    def _one_order(self) -> None:
        terms, engine = self._terms, self._exchange.engine
        number = self._orders
        self._orders += 1
        account = terms.accounts[number % len(terms.accounts)]
        round_number = number // len(terms.accounts)
        market = terms.markets[round_number % len(terms.markets)]
        is_buy = round_number // len(terms.markets) % 2 == 0
        is_spot = self._exchange.config.custody == SPOT
        piece = market.rules.quantity_step * LOTS_PER_FILL
        asked = self._terms_of(account, market, piece, number, is_buy=is_buy)
        if is_spot and not engine.custody.affords(account, asked):
            asked = self._terms_of(account, market, piece, number, is_buy=not is_buy)
        order = engine.accept(account, asked)
        engine.rest(order)
        for _ in range(terms.fills_per_order):
            self._fills += engine.fill_resting(order, piece, 1)

    def _terms_of(
        self, account: Account, market: Market, piece: Decimal, number: int, *, is_buy: bool
    ) -> OrderTerms:
        return OrderTerms(
            symbol=market.rules.symbol,
            side="BUY" if is_buy else "SELL",
            type="LIMIT",
            quantity=piece * self._terms.fills_per_order,
            price=market.price - market.rules.price_tick * (1 if is_buy else -1),
            position_side=self._position_side(account, is_buy=is_buy),
            client_id=f"burst-{self._started_at}-{number}",
        )

    @staticmethod
    def _position_side(account: Account, *, is_buy: bool) -> str:
        if not account.hedge:
            return "BOTH"
        return "LONG" if is_buy else "SHORT"

    def report(self) -> dict[str, Any]:
        """How far it has come."""
        ended = self._ended_at or self._exchange.clock.now()
        elapsed = max(1, ended - self._started_at) / 1000
        return {
            "state": "running" if self.is_running else "done",
            "fills": self._fills,
            "orders": self._orders,
            "started_at": self._started_at,
            "ended_at": self._ended_at,
            "seconds": elapsed,
            "fills_per_s": self._fills / elapsed,
            "cpu_ms_per_fill": self._cpu * 1000 / self._fills if self._fills else 0.0,
        }
