"""
What everybody may ask: instruments, prices, candles.

Nothing is known of a category whose house is not open. Source: "Get Instruments Info", "Get
Tickers", "Get Kline" of v5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.simulator.amounts import plain
from exchanges.simulator.bybit import paging, rest_orders, terms, words
from exchanges.simulator.bybit.endpoints import public
from exchanges.simulator.bybit.errors import bad_parameter

if TYPE_CHECKING:
    from exchanges.simulator.call import Call, Endpoint, Json
    from exchanges.simulator.candles import Candle
    from exchanges.simulator.config import SymbolRules
    from exchanges.simulator.market import Market

USUAL: Final = 500
MOST: Final = 1000
USUAL_CANDLES: Final = 200
MINUTE_MS: Final = 60_000
CONTRACTS: Final = {words.LINEAR: "LinearPerpetual", words.INVERSE: "InversePerpetual"}


def markets_of(call: Call) -> list[Market]:
    """The markets that are asked for."""
    return [
        market
        for symbol, market in call.exchange.engine.markets.items()
        if rest_orders.in_scope(call, symbol)
    ]


def instruments(call: Call) -> Json:
    """GET market/instruments-info: those that trade, unless another status is asked for."""
    category = terms.category_of(call)
    wanted = call.params.get("status") or "Trading"
    found = [
        market
        for market in markets_of(call)
        if wanted == ("Closed" if market.is_delisted else "Trading")
    ]
    if category == words.SPOT:
        told = [spot_instrument(market.rules, wanted) for market in found]
        return {"category": category, "list": told}
    shown, cursor = paging.page(
        call, found, name=lambda each: each.rules.symbol, usual=USUAL, most=MOST
    )
    rows = [contract(market.rules, category, wanted) for market in shown]
    return paging.answer(category, rows, cursor)


def spot_instrument(rules: SymbolRules, status: str) -> Json:
    """A spot market."""
    return {
        "symbol": rules.symbol,
        "baseCoin": rules.base,
        "quoteCoin": rules.quote,
        "innovation": "0",
        "status": status,
        "marginTrading": "none",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": plain(rules.quantity_step),
            "quotePrecision": "0.00000001",
            "minOrderQty": plain(rules.minimum_quantity),
            "maxOrderQty": plain(rules.maximum_quantity),
            "minOrderAmt": plain(rules.minimum_notional),
            "maxOrderAmt": "4000000",
        },
        "priceFilter": {"tickSize": plain(rules.price_tick)},
        "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.01"},
    }


def contract(rules: SymbolRules, category: str, status: str) -> Json:
    """A perpetual."""
    most = plain(rules.maximum_quantity)
    return {
        "symbol": rules.symbol,
        "contractType": CONTRACTS[category],
        "status": status,
        "baseCoin": rules.base,
        "quoteCoin": rules.quote,
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(rules.price_places),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {
            "minPrice": plain(rules.price_tick),
            "maxPrice": "1999999.80",
            "tickSize": plain(rules.price_tick),
        },
        "lotSizeFilter": {
            "maxOrderQty": most,
            "minOrderQty": plain(rules.minimum_quantity),
            "qtyStep": plain(rules.quantity_step),
            "postOnlyMaxOrderQty": most,
            "maxMktOrderQty": most,
            "minNotionalValue": plain(rules.minimum_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": rules.settlement,
        "copyTrading": "none",
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
        "isPreListing": False,
        "preListingInfo": None,
        "symbolType": "",
    }


def tickers(call: Call) -> Json:
    """GET market/tickers."""
    is_spot = terms.category_of(call) == words.SPOT
    rows = [ticker(market, is_spot=is_spot) for market in markets_of(call)]
    return {"category": terms.category_of(call), "list": rows}


def ticker(market: Market, *, is_spot: bool) -> Json:
    """The price of a market; nothing is counted of its day."""
    price = plain(market.price)
    row = {
        "symbol": market.rules.symbol,
        "lastPrice": price,
        "prevPrice24h": price,
        "price24hPcnt": "0",
        "highPrice24h": price,
        "lowPrice24h": price,
        "turnover24h": "0",
        "volume24h": "0",
        "bid1Price": plain(market.touch("BUY")),
        "bid1Size": "1",
        "ask1Price": plain(market.touch("SELL")),
        "ask1Size": "1",
    }
    if is_spot:
        return row
    return {**row, "indexPrice": price, "markPrice": price, "fundingRate": "0.0001"}


def kline(call: Call) -> Json:
    """GET market/kline: candles of a minute, newest first."""
    market = terms.market_of(call)
    if call.params.get("interval") != "1":
        text = "interval invalid"
        raise bad_parameter(text)
    now, limit = call.exchange.clock.now(), paging.limit_of(call, USUAL_CANDLES, MOST)
    end = paging.whole(call, "end") or now
    start = paging.whole(call, "start") or end - limit * MINUTE_MS
    candles = market.candles.between(start, end, now)
    return {
        "category": terms.category_of(call),
        "symbol": market.rules.symbol,
        "list": [candle_row(candle) for candle in reversed(candles[-limit:])],
    }


def candle_row(candle: Candle) -> list[str]:
    """A candle; volumes are not counted."""
    prices = (candle.open, candle.high, candle.low, candle.close)
    return [str(candle.minute), *(plain(price) for price in prices), "0", "0"]


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    return [
        public("market/instruments-info", instruments),
        public("market/tickers", tickers),
        public("market/kline", kline),
    ]
