from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from exchanges.errors import TransientError, UnknownSymbol
from exchanges.markets import RELOAD_INTERVAL, Markets
from exchanges.messages import MarketType
from exchanges.questions import Market

FUTURES = MarketType.FUTURES
BTC = Market(
    market_type=FUTURES,
    symbol_id="BTCUSDT",
    symbol="BTC/USDT:USDT",
    base="BTC",
    quote="USDT",
    settle="USDT",
    price_step=Decimal("0.1"),
    quantity_step=Decimal("0.001"),
    minimum_quantity=Decimal("0.001"),
)
NEW = replace(BTC, symbol_id="NEWUSDT", symbol="NEW/USDT:USDT", base="NEW")


class Listing:
    """An exchange's list of markets, that counts how often it is asked for."""

    def __init__(self) -> None:
        self.markets = [BTC]
        self.loads = 0
        self.now = 0.0

    def load(self) -> list[Market]:
        self.loads += 1
        return list(self.markets)


@pytest.fixture
def listing() -> Listing:
    return Listing()


@pytest.fixture
def markets(listing: Listing) -> Markets:
    return Markets(listing.load, lambda: listing.now)


def test_ids_and_symbols_translate_both_ways(markets: Markets) -> None:
    assert markets.symbol_of(FUTURES, "BTCUSDT") == "BTC/USDT:USDT"
    assert markets.market_of(FUTURES, "BTC/USDT:USDT") == BTC


def test_the_table_is_loaded_once(markets: Markets, listing: Listing) -> None:
    threads = [
        threading.Thread(target=markets.symbol_of, args=(FUTURES, "BTCUSDT")) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert listing.loads == 1


@pytest.mark.parametrize("name", ["BTCUSDT", "BTC/USDT", "", "btc/usdt:usdt"])
def test_an_exchange_s_id_is_no_symbol(markets: Markets, name: str) -> None:
    with pytest.raises(UnknownSymbol):
        markets.market_of(FUTURES, name)


def test_the_same_id_in_another_market_is_another(markets: Markets) -> None:
    with pytest.raises(UnknownSymbol):
        markets.symbol_of(MarketType.SPOT, "BTCUSDT")


def test_a_new_listing_is_found_by_loading_again_once_a_minute(
    markets: Markets, listing: Listing
) -> None:
    markets.symbol_of(FUTURES, "BTCUSDT")
    listing.markets.append(NEW)
    for _ in range(3):
        with pytest.raises(UnknownSymbol):
            markets.symbol_of(FUTURES, "NEWUSDT")

    listing.now += RELOAD_INTERVAL + 1

    assert markets.symbol_of(FUTURES, "NEWUSDT") == "NEW/USDT:USDT"
    assert listing.loads == 2


def test_a_failed_load_is_tried_again() -> None:
    answers: list[Exception | None] = [TransientError("down"), None]

    def load() -> list[Market]:
        if error := answers.pop(0):
            raise error
        return [BTC]

    markets = Markets(load)
    with pytest.raises(TransientError):
        markets.symbol_of(FUTURES, "BTCUSDT")

    assert markets.all() == (BTC,)


def test_a_pair_without_a_market_may_have_the_inverse_one(
    markets: Markets, listing: Listing
) -> None:
    assert markets.market_of_pair(FUTURES, "USDT", "BTC") == BTC
    assert listing.loads == 1


def test_a_pair_has_one_market_that_knows_no_end(markets: Markets, listing: Listing) -> None:
    dated = replace(BTC, symbol_id="BTCUSDT_261225", symbol="BTC/USDT:USDT-261225")
    inverse = replace(BTC, symbol_id="USDTBTC", symbol="USDT/BTC:BTC", base="USDT", quote="BTC")
    listing.markets = [dated, inverse, BTC]

    assert markets.market_of_pair(FUTURES, "BTC", "USDT") == BTC
    assert markets.market_of_pair(FUTURES, "USDT", "BTC") == inverse
    for market_type, base, quote in (
        (FUTURES, "BTC", "USDC"),
        (MarketType.SPOT, "BTC", "USDT"),
    ):
        with pytest.raises(UnknownSymbol):
            markets.market_of_pair(market_type, base, quote)
