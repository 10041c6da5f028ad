"""
Which markets an exchange has: its ids and our unified symbols, both ways.

Policy: one table per exchange and base URL in each process, loaded when first asked and looked
at by everyone. A name that is not in it may be newer than the table, so the table is loaded again,
at most once a minute, before the name is refused.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from exchanges.errors import UnknownSymbol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exchanges.messages import MarketType
    from exchanges.questions import Market

RELOAD_INTERVAL: Final = 60.0


class Markets:
    """A table of markets that fills itself. Safe to share between threads."""

    def __init__(
        self,
        load: Callable[[], Iterable[Market]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` asks the exchange; what it raises, the lookups raise."""
        self._load, self._clock = load, clock
        self._lock = threading.Lock()
        self._loaded_at = float("-inf")
        #: how often the table was loaded
        self.generation = 0
        self._by_id: dict[tuple[str, str], Market] = {}
        self._by_symbol: dict[tuple[str, str], Market] = {}

    def symbol_of(self, market_type: MarketType, symbol_id: str) -> str:
        """Return the unified symbol of an exchange's id. Raises UnknownSymbol."""
        return self.market_by_id(market_type, symbol_id).symbol

    def market_by_id(self, market_type: MarketType, symbol_id: str) -> Market:
        """Return the market of an exchange's id. Raises UnknownSymbol."""
        key = (market_type.value, symbol_id)
        return self._find(lambda: self._by_id.get(key), symbol_id)

    def market_of(self, market_type: MarketType, symbol: str) -> Market:
        """Return the market of a unified symbol; an exchange's id is not one.

        Raises UnknownSymbol.
        """
        key = (market_type.value, symbol)
        return self._find(lambda: self._by_symbol.get(key), symbol)

    def market_of_pair(self, market_type: MarketType, asset: str, other: str) -> Market:
        """Return the market, without a date of delivery, where one asset is priced in the other.

        The inverse one, where `other` is priced in `asset`, if there is no such. Raises
        UnknownSymbol.
        """
        return self._find(
            lambda: self._pair(market_type, asset, other) or self._pair(market_type, other, asset),
            f"{asset}/{other}",
        )

    def _pair(self, market_type: MarketType, base: str, quote: str) -> Market | None:
        wanted = (market_type, base, quote)
        return next(
            (
                market
                for market in self._by_id.values()
                if (market.market_type, market.base, market.quote) == wanted
                and "-" not in market.symbol
            ),
            None,
        )

    def all(self) -> tuple[Market, ...]:
        """Return every market, loading the table if it never was."""
        self._refresh(older_than=float("inf"))
        return tuple(self._by_id.values())

    def _find(self, look: Callable[[], Market | None], name: str) -> Market:
        found = look()
        if found is None:
            self._refresh(older_than=RELOAD_INTERVAL)
            found = look()
        if found is None:
            msg = f"no market {name!r}"
            raise UnknownSymbol(msg)
        return found

    def _refresh(self, older_than: float) -> None:
        with self._lock:
            if self._by_id and self._clock() - self._loaded_at < older_than:
                return
            markets = list(self._load())
            self._by_id = {(m.market_type.value, m.symbol_id): m for m in markets}
            self._by_symbol = {(m.market_type.value, m.symbol): m for m in markets}
            self._loaded_at = self._clock()
            self.generation += 1
