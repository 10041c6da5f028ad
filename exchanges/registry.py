"""
The only door into the exchanges: a name in, an adapter, a stream or a REST client out.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges import binance
from exchanges.errors import PermanentError
from exchanges.messages import Exchange, MarketType, Message

if TYPE_CHECKING:
    from exchanges.adapter import Adapter

_ADAPTERS: dict[str, Adapter] = {Exchange.BINANCE: binance.ADAPTER}
_MARKET_TYPES: dict[str, MarketType] = {market_type: market_type for market_type in MarketType}


def adapter(exchange: str) -> Adapter:
    """Return the declared facts of an exchange. Raises PermanentError for an unknown name."""
    found = _ADAPTERS.get(exchange)
    if found is None:
        msg = f"no adapter for the exchange {exchange!r}"
        raise PermanentError(msg)
    return found


def parse(exchange: str, market_type: str, raw: bytes | str) -> list[Message]:
    """Read one frame of a private stream. Pure.

    Raises MalformedMessage, which keeps `raw`, for any frame that cannot be read; and
    PermanentError for an exchange or a market type that has no adapter.
    """
    spoken = adapter(exchange)
    return spoken.parse(_market_type(spoken, market_type), raw)


def _market_type(spoken: Adapter, name: str) -> MarketType:
    market_type = _MARKET_TYPES.get(name)
    if market_type is None or market_type not in spoken.market_types:
        msg = f"{spoken.name} has no adapter for the market type {name!r}"
        raise PermanentError(msg)
    return market_type
