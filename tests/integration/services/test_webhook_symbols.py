"""One market, however the sender spells it, and never another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchanges.messages import MarketType
from tests.factories import ExchangeAccountFactory
from tracking.models import MarketTerms
from tracking.services import webhook_symbols
from tracking.services.webhook_symbols import UnknownSymbolError, unified_symbol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracking.models import ExchangeAccount

pytestmark = pytest.mark.django_db

MARKETS = [
    ("BINANCE", "FUTURES", "BTC/USDT:USDT"),
    ("BINANCE", "FUTURES", "BTC/USDT:USDT-261225"),
    ("BINANCE", "FUTURES", "1000SHIB/USDT:USDT"),
    ("BINANCE", "COIN_FUTURES", "BTC/USD:BTC"),
    ("BINANCE", "COIN_FUTURES", "BTC/USD:BTC-261225"),
    ("BINANCE", "SPOT", "BTC/USDT"),
    ("BYBIT", "FUTURES", "BTC/USDT:USDT"),
    ("BYBIT", "FUTURES", "BTC/USDC:USDC"),
    ("UPBIT", "SPOT", "BTC/KRW"),
    ("UPBIT", "SPOT", "A/BC"),
    ("UPBIT", "SPOT", "AB/C"),
]


@pytest.fixture(autouse=True)
def markets() -> Iterator[None]:
    """Store what the exchanges' tables say."""
    for exchange, market_type, symbol in MARKETS:
        base, _, rest = symbol.partition("/")
        quote, _, settle = rest.partition(":")
        MarketTerms.objects.create(
            exchange=exchange,
            market_type=market_type,
            symbol=symbol,
            base=base,
            quote=quote,
            settle=settle.partition("-")[0],
        )
    webhook_symbols.forget()
    yield
    webhook_symbols.forget()


def an_account(exchange: str, market_type: str) -> ExchangeAccount:
    account: ExchangeAccount = ExchangeAccountFactory.build(
        user=None, exchange=exchange, market_type=market_type
    )
    return account


@pytest.mark.parametrize(
    ("exchange", "market_type", "spelled", "symbol"),
    [
        ("BINANCE", "FUTURES", "BTCUSDT", "BTC/USDT:USDT"),
        ("BINANCE", "FUTURES", "btcusdt", "BTC/USDT:USDT"),
        ("BINANCE", "FUTURES", "BTCUSDT.P", "BTC/USDT:USDT"),
        ("BINANCE", "FUTURES", "BINANCE:BTCUSDT.P", "BTC/USDT:USDT"),
        ("BINANCE", "FUTURES", "1000SHIBUSDT.P", "1000SHIB/USDT:USDT"),
        ("BINANCE", "FUTURES", "BTC/USDT:USDT", "BTC/USDT:USDT"),
        ("BINANCE", "FUTURES", "BTC/USDT", "BTC/USDT:USDT"),
        ("BINANCE", "FUTURES", "BTC/USDT:USDT-261225", "BTC/USDT:USDT-261225"),
        ("BINANCE", "COIN_FUTURES", "BTCUSD_PERP", "BTC/USD:BTC"),
        ("BINANCE", "COIN_FUTURES", "BTCUSD.P", "BTC/USD:BTC"),
        ("BINANCE", "SPOT", "BINANCE:BTCUSDT", "BTC/USDT"),
        ("BYBIT", "FUTURES", "BTCPERP", "BTC/USDC:USDC"),
        ("UPBIT", "SPOT", "KRW-BTC", "BTC/KRW"),
        ("UPBIT", "SPOT", "UPBIT:BTCKRW", "BTC/KRW"),
    ],
)
def test_a_spelling_finds_its_market(
    exchange: str, market_type: str, spelled: str, symbol: str
) -> None:
    assert unified_symbol(an_account(exchange, market_type), spelled) == symbol


@pytest.mark.parametrize(
    ("market_type", "symbol"),
    [
        (MarketType.SPOT, "NEW/USDT"),
        (MarketType.FUTURES, "NEW/USDT:USDT"),
        (MarketType.COIN_FUTURES, "NEW/USD:NEW"),
    ],
)
def test_a_unified_symbol_nobody_has_stored_is_taken(market_type: MarketType, symbol: str) -> None:
    assert unified_symbol(an_account("BINANCE", market_type.value), symbol) == symbol


@pytest.mark.parametrize(
    ("exchange", "market_type", "spelled", "told"),
    [
        ("BINANCE", "FUTURES", "NEWUSDT", "no market"),
        ("BINANCE", "FUTURES", "NEW/USDT", "no market"),
        ("BINANCE", "SPOT", "NEW/USDT:USDT", "no market"),
        ("BINANCE", "FUTURES", "NEW/USD:NEW", "no market"),
        ("BINANCE", "FUTURES", "BYBIT:BTCUSDT", "another exchange"),
        ("BINANCE", "SPOT", "BTCUSDT.P", "perpetual"),
        ("BINANCE", "FUTURES", "", "expected a symbol"),
        ("BINANCE", "FUTURES", "BTC USDT", "expected a symbol"),
        ("BINANCE", "FUTURES", "%", "expected a symbol"),
        ("UPBIT", "SPOT", "ABC", "several markets"),
    ],
)
def test_what_means_no_market_or_several_is_refused(
    exchange: str, market_type: str, spelled: str, told: str
) -> None:
    with pytest.raises(UnknownSymbolError, match=told):
        unified_symbol(an_account(exchange, market_type), spelled)
