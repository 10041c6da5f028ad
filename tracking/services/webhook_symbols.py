"""
Which market a sender means, however the symbol is spelled; asked of the database, never of a net.

`BTCUSDT`, `BTCUSDT.P` (TradingView's perpetuals), `BINANCE:BTCUSDT`, `KRW-BTC`, `BTCUSD_PERP`, and
the unified `BTC/USDT:USDT`. One account is one market type, so a short spelling means its perpetual
or spot market there, never a contract that expires. What no stored market is called is taken for a
unified symbol if it is spelled like one; whether there is such a market, dispatching finds out.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.db.models import Q, Value
from django.db.models.functions import Concat

from exchanges.messages import MarketType
from tracking.models import MarketTerms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracking.models import ExchangeAccount

_UNIFIED: Final = re.compile(r"([A-Z0-9]{1,24})/([A-Z0-9]{1,12})(?::([A-Z0-9]{1,24})(-\d{6})?)?")
_SHORT: Final = re.compile(r"[A-Z0-9_-]{2,40}")
_PERPETUAL: Final = ".P"

#: spellings that were found; what a market is called does not change
_found: dict[tuple[str, str, str], str] = {}
_MOST_FOUND: Final = 10_000


class UnknownSymbolError(Exception):
    """No market of the account is called so; the text says what was expected."""


def forget() -> None:
    """Forget what this process has found."""
    _found.clear()


def unified_symbol(account: ExchangeAccount, spelled: str) -> str:
    """Give the unified symbol of what a sender spells. Raises UnknownSymbolError."""
    text = spelled.strip().upper()
    key = (account.exchange, account.market_type, text)
    if key not in _found:
        symbol, is_stored = _looked_up(account, text)
        if not is_stored:
            return symbol
        if len(_found) >= _MOST_FOUND:
            _found.clear()
        _found[key] = symbol
    return _found[key]


def _looked_up(account: ExchangeAccount, text: str) -> tuple[str, bool]:
    """Give a symbol, and whether a stored market is called so."""
    unified = _UNIFIED.fullmatch(text)
    markets = MarketTerms.objects.filter(exchange=account.exchange, market_type=account.market_type)
    if unified is not None:
        if markets.filter(symbol=text).exists():
            return text, True
        if _is_of(MarketType(account.market_type), unified):
            return text, False
        rows = markets.filter(base=unified[1], quote=unified[2])
    else:
        rows = markets.alias(
            joined=Concat("base", "quote"), dashed=Concat("quote", Value("-"), "base")
        ).filter(_called(_without_decoration(account, text)))
    return _the_only_one(list(rows.values_list("symbol", flat=True)), text), True


def _is_of(market_type: MarketType, unified: re.Match[str]) -> bool:
    base, _, settle, _ = unified.groups()
    if market_type is MarketType.SPOT:
        return settle is None
    return settle is not None and (settle == base) is (market_type is MarketType.COIN_FUTURES)


def _without_decoration(account: ExchangeAccount, text: str) -> str:
    exchange, colon, rest = text.rpartition(":")
    if colon and exchange != account.exchange.upper():
        message = f"the symbol is one of another exchange than {account.exchange}"
        raise UnknownSymbolError(message)
    is_perpetual = rest.endswith((_PERPETUAL, "_PERP"))
    if is_perpetual and account.market_type == MarketType.SPOT.value:
        message = "the symbol is a perpetual's, and the account trades spot"
        raise UnknownSymbolError(message)
    short = rest.removesuffix(_PERPETUAL).removesuffix("_PERP")
    if not _SHORT.fullmatch(short):
        message = "expected a symbol such as BTCUSDT, BTCUSDT.P, BINANCE:BTCUSDT or BTC/USDT:USDT"
        raise UnknownSymbolError(message)
    return short


def _called(short: str) -> Q:
    called = Q(joined=short) | Q(dashed=short)
    if short.endswith("PERP"):
        # Bybit's perpetuals that settle in USDC
        called |= Q(base=short.removesuffix("PERP"), quote="USDC")
    return called


def _the_only_one(symbols: Sequence[str], text: str) -> str:
    lasting = [symbol for symbol in symbols if "-" not in symbol.partition(":")[2]]
    if len(lasting) == 1:
        return lasting[0]
    if lasting:
        message = f"several markets are called so: {', '.join(sorted(lasting)[:5])}"
        raise UnknownSymbolError(message)
    # the text fits one of two patterns of letters, digits and few signs: safe to repeat
    message = f"no market of the account is called {text[:64]}"
    raise UnknownSymbolError(message)
