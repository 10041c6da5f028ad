"""
The last price of a market, asked for at most every few seconds by each process.

Good for what an order is worth and for how much an amount of money buys; an order is never priced
by it.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from exchanges.messages import Side

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.markets import Markets
    from exchanges.questions import Market
    from exchanges.rest import RestClient

#: Seconds for which a price is good enough to reckon with.
FRESH: Final = 3.0
#: Seconds for which an order waits to be told it; most can do without.
PATIENCE: Final = 2.0

#: of each table of markets, which all clients of one exchange and address share
_asked: WeakKeyDictionary[Markets, dict[tuple[str, str], tuple[float, Decimal]]] = (
    WeakKeyDictionary()
)


def last_price(client: RestClient, market: Market) -> Decimal | None:
    """Give the price of a market's last trade; None if it never had one. Raises ExchangeError."""
    known = _asked.setdefault(client.markets, {})
    key = (market.market_type.value, market.symbol_id)
    asked_at, price = known.get(key, (float("-inf"), None))
    if price is not None and time.monotonic() - asked_at < FRESH:
        return price
    told = client.fetch_last_price(market.symbol_id, timeout=PATIENCE)
    if told is not None:
        known[key] = (time.monotonic(), told)
    return told


def dearest(client: RestClient, market: Market, side: Side, price: Decimal) -> Decimal:
    """Give the price at which an order may be filled, if that is dearer than its own.

    A sale that asks for less than the market is filled at the market's. Raises ExchangeError.
    """
    last = last_price(client, market) if side is Side.SELL else None
    return price if last is None else max(price, last)


def forget() -> None:
    """Forget every price."""
    _asked.clear()
