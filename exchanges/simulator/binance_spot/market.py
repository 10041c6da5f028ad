"""What everybody may ask on spot: the time, the rules of the markets, prices, candles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import orjson

from exchanges.simulator import checks, rest_market
from exchanges.simulator.amounts import plain
from exchanges.simulator.binance_spot.house import spot_endpoint
from exchanges.simulator.binance_spot.rest import ORDERS_PER_DAY
from exchanges.simulator.binance_spot.terms import TYPES
from exchanges.simulator.call import Endpoint, Security
from exchanges.simulator.errors import ApiError, bad_symbol

if TYPE_CHECKING:
    from exchanges.simulator.call import Call, Json
    from exchanges.simulator.config import SymbolRules
    from exchanges.simulator.market import Market

MOST_RAW_REQUESTS: Final = 300_000
#: what everybody may ask
open_endpoint: Final = partial(
    Endpoint, root="/api", version="v3", method="GET", security=Security.NONE
)
PRECISIONS: Final = (
    "baseAssetPrecision",
    "quotePrecision",
    "quoteAssetPrecision",
    "baseCommissionPrecision",
    "quoteCommissionPrecision",
)
ALLOWED: Final = ("quoteOrderQtyMarketAllowed", "isSpotTradingAllowed", "amendAllowed")
REFUSED: Final = (
    "icebergAllowed",
    "ocoAllowed",
    "otoAllowed",
    "opoAllowed",
    "allowTrailingStop",
    "cancelReplaceAllowed",
    "isMarginTradingAllowed",
)


def exchange_info(call: Call) -> Json:
    """GET exchangeInfo: of all, of `symbol`, or of `symbols` (a JSON list)."""
    config = call.exchange.config
    limit = rest_market.rate_limit
    return {
        "timezone": "UTC",
        "serverTime": call.exchange.clock.now(),
        "rateLimits": [
            limit("REQUEST_WEIGHT", "MINUTE", 1, config.weight_limit),
            limit("ORDERS", "SECOND", 10, config.orders_per_10s),
            limit("ORDERS", "DAY", 1, ORDERS_PER_DAY),
            limit("RAW_REQUESTS", "MINUTE", 5, MOST_RAW_REQUESTS),
        ],
        "exchangeFilters": [],
        "symbols": [symbol_row(market.rules) for market in named(call)],
    }


def named(call: Call) -> list[Market]:
    """The markets asked for."""
    if not call.params.get("symbols"):
        return rest_market.chosen(call)
    try:
        symbols = orjson.loads(call.params["symbols"])
        return [checks.market_of(call.exchange, {"symbol": str(each)}) for each in symbols]
    except (ValueError, TypeError) as error:
        raise bad_symbol() from error


def symbol_row(rules: SymbolRules) -> Json:
    """One market as exchangeInfo shows it."""
    return {
        "symbol": rules.symbol,
        "status": "TRADING",
        "baseAsset": rules.base,
        "quoteAsset": rules.quote,
        **dict.fromkeys(PRECISIONS, 8),
        "orderTypes": list(TYPES),
        **dict.fromkeys(ALLOWED, True),
        **dict.fromkeys(REFUSED, False),
        "filters": filters(rules),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }


def filters(rules: SymbolRules) -> list[Json]:
    """What an order of this market must pass."""
    lots = {
        "minQty": plain(rules.minimum_quantity),
        "maxQty": plain(rules.maximum_quantity),
        "stepSize": plain(rules.quantity_step),
    }
    tick = plain(rules.price_tick)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": tick,
            "maxPrice": "1000000.00000000",
            "tickSize": tick,
        },
        {"filterType": "LOT_SIZE", **lots},
        {"filterType": "MARKET_LOT_SIZE", **lots},
        {
            "filterType": "NOTIONAL",
            "minNotional": plain(rules.minimum_notional),
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    ]


def price(call: Call) -> Json | list[Json]:
    """GET ticker/price."""
    rows = [
        {"symbol": market.rules.symbol, "price": f"{market.price:.8f}"}
        for market in rest_market.chosen(call)
    ]
    return rest_market.one_or_all(call, rows)


def gone(_call: Call) -> Json:
    """The listen keys of spot, removed on 2026-02-20."""
    text = "This endpoint has been removed; use userDataStream.subscribe on the WebSocket API."
    raise ApiError(-1020, text, status=410)


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    tickers = (
        ("ticker/price", price, 2, 4),
        ("ticker/24hr", rest_market.day_ticker, 2, 80),
        ("ticker/bookTicker", rest_market.book_ticker, 2, 4),
    )
    return [
        open_endpoint(name="ping", handler=rest_market.ping),
        open_endpoint(name="time", handler=rest_market.server_time),
        open_endpoint(name="exchangeInfo", handler=exchange_info, weight=20),
        open_endpoint(name="klines", handler=rest_market.klines, weight=2),
        *(
            open_endpoint(name=name, handler=handler, weight=one, weight_without_symbol=all_)
            for name, handler, one, all_ in tickers
        ),
        *(
            spot_endpoint(
                method=method, name="userDataStream", handler=gone, security=Security.NONE
            )
            for method in ("POST", "PUT", "DELETE")
        ),
    ]
