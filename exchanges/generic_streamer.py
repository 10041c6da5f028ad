"""
An exchange of ccxt.pro that behaves: our clock and budget, exact numbers, and no deaf ears.

Policy: ccxt.pro decodes frames into floats, so its decoding is replaced; what its readers stumble
over would end its receiving without a word, so it is handed over as it came instead. Its table of
markets is lent to it, its requests (tokens, listen keys) pass the budget.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from exchanges import lean_ccxt
from exchanges.generic_errors import ccxt as errors
from exchanges.generic_speaker import Asking, Manners
from exchanges.governor import Priority

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.generic_calls import GenericCalls
    from exchanges.generic_hearing import Hearing

_TIMEOUT: Final = 10.0
#: so long a peer may take to answer our goodbye
_GOODBYE: Final = 0.3


class Streamer(Manners):
    """Streams one account's private messages. Of one event loop."""

    def __init__(
        self,
        api: GenericCalls,
        *,
        ws_url: str,
        on_unreadable: Callable[[bytes], None],
        on_stranger: Callable[[], None],
    ) -> None:
        """`ws_url` replaces scheme and host of every socket; "" leaves the exchange's own.

        `on_unreadable` takes a frame ccxt cannot read, `on_stranger` hears of a market that is
        not in the table: an option, or one that is newer.
        """
        self.clock, self.base_url = api.clock, api.base_url
        exchange: Any = super()
        exchange.__init__({"number": str, "newUpdates": True, "timeout": int(_TIMEOUT * 1000)})
        self._api, self._on_unreadable, self._on_stranger = api, on_unreadable, on_stranger
        self._timers: set[asyncio.TimerHandle] = set()
        self.prepare(api.credentials, api.market_type)
        if ws_url:
            urls: dict[str, Any] = self.urls  # type: ignore[attr-defined]  # ccxt's
            urls["api"] = _moved(urls["api"], ws_url)

    async def throttle(self, cost: float | None = None) -> None:
        """Take what ccxt says a request costs from the budget; called by ccxt."""
        asking = Asking(
            governor=self._api.governor,
            holder=self._api.holder,
            priority=Priority.VERIFY,
            deadline=time.monotonic() + _TIMEOUT,
        )
        await asyncio.to_thread(asking.acquire, 1.0 if cost is None else cost)

    async def load_markets(self, reload: bool = False, params: object = None) -> Any:  # noqa: FBT001, FBT002 - ccxt's signature
        """Return the table that was lent; called by ccxt."""
        del reload, params
        return self.markets  # type: ignore[attr-defined]  # ccxt's

    def delay(self, timeout: float, method: Any, *arguments: Any) -> asyncio.TimerHandle:
        """Do something later, unless all is over by then; called by ccxt."""
        exchange: Any = super()
        now = asyncio.get_running_loop().time()
        self._timers = {timer for timer in self._timers if timer.when() > now}
        timer: asyncio.TimerHandle = exchange.delay(timeout, method, *arguments)
        self._timers.add(timer)
        return timer

    async def end(self) -> None:
        """Close everything, and wait for no peer that does not answer.

        ccxt prolongs listen keys for ever, also those of connections that are no more.
        """
        exchange: Any = self
        loop = asyncio.get_running_loop()
        hanging_up = loop.call_later(_GOODBYE, self._hang_up, self.connections())
        try:
            await exchange.close()
        finally:
            hanging_up.cancel()
            for timer in self._timers:
                timer.cancel()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    @staticmethod
    def _hang_up(clients: list[Any]) -> None:
        for client in clients:
            held = getattr(client.connection, "_conn", None)
            transport = getattr(held, "transport", None)
            if transport is not None:
                transport.abort()

    async def fetch(self, url: str, *arguments: Any, **named: Any) -> Any:
        """Send one request; called by ccxt."""
        exchange: Any = super()
        return await exchange.fetch(self.redirected(url), *arguments, **named)

    def client(self, url: str) -> Any:
        """Return the connection to `url`, reading exactly; called by ccxt."""
        exchange: Any = super()
        found = exchange.client(url)
        found.handle_text_or_binary_message = partial(self._read, found)
        return found

    def connections(self) -> list[Any]:
        """Return the connections ccxt holds at the moment."""
        held: dict[str, Any] = self.clients  # type: ignore[attr-defined]  # ccxt's
        return list(held.values())

    def last_heard_at(self) -> datetime | None:
        """Return when a frame last came, a pong included, by our clock."""
        times = [client.last_message_at for client in self.connections()]
        told = [moment for moment in times if moment is not None]
        return datetime.fromtimestamp(max(told) / 1000, UTC) if told else None

    def ping_interval(self) -> float:
        """Return how often ccxt sends a ping, in seconds."""
        return max(((client.keepAlive or 0) / 1000 for client in self.connections()), default=0.0)

    def sweep(self, hearing: Hearing) -> None:
        """Have heard what came while nobody was watching, between one call and the next."""
        exchange: Any = self
        self._api.source.lend(self)
        if exchange.orders:
            hearing.orders(exchange.orders, exchange.markets, self.milliseconds())
        if exchange.myTrades:
            hearing.trades(exchange.myTrades, exchange.markets)

    def _read(self, client: Any, data: bytes | str) -> None:
        raw = data.encode() if isinstance(data, str) else data
        try:
            text = raw.decode()
            told = json.loads(text, parse_float=str) if text[:1] in ("{", "[") else text
            client.on_message_callback(client, told)
        except errors.BadSymbol:
            self._on_stranger()
        except errors.AuthenticationError as error:
            # a few exchanges' readers raise it instead of telling whoever waits (Alpaca)
            client.reject(error)
        except Exception:  # noqa: BLE001 - ccxt's readers raise whatever they stumble over
            self._on_unreadable(raw)


@cache
def streamer_of(exchange: str) -> Any:
    """Return the class that streams an exchange, by ccxt's name for it."""
    return type(f"Streamer_{exchange}", (Streamer, lean_ccxt.load_pro(exchange)), {})


def _moved(urls: Any, base: str) -> Any:
    """Replace scheme and host of every socket's address in ccxt's table."""
    if isinstance(urls, dict):
        return {name: _moved(url, base) for name, url in urls.items()}
    if isinstance(urls, str) and urls.startswith(("ws://", "wss://")):
        parts = urlsplit(urls)
        return base.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")
    return urls
