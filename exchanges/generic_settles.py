"""
Lists of all contracts, where ccxt makes them lists of those that are settled in one coin.

Bybit tells linear contracts by the coin they settle in, and ccxt asks for those of USDT unless its
option names another: what is held or ordered in contracts of USDC would not be there.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from exchanges.generic_markets import type_of
from exchanges.messages import MarketType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_OPTION: Final = "defaultSettle"


def of_all(
    ccxt: Any, market_type: MarketType, ask: Callable[[], Iterable[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Ask once, or once for each coin; a row that is told more than once is given once."""
    usual = ccxt.options.get(_OPTION)
    if usual is None or market_type is MarketType.SPOT:
        return list(ask())
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    try:
        for coin in _coins(ccxt, market_type):
            ccxt.options[_OPTION] = coin
            found |= {_key(row): row for row in ask()}
    finally:
        ccxt.options[_OPTION] = usual
    return list(found.values())


def _coins(ccxt: Any, market_type: MarketType) -> list[str]:
    markets = ccxt.markets.values()
    return sorted(
        {
            market["settle"]
            for market in markets
            if type_of(market) is market_type and market.get("active") is not False
        }
    )


def _key(row: dict[str, Any]) -> tuple[object, ...]:
    return row.get("symbol"), row.get("id"), row.get("side")
