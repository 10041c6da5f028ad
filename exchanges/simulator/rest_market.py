"""What everybody may ask: the time, the rules of the markets, prices; and brackets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator import checks
from exchanges.simulator.algo import BECOMES
from exchanges.simulator.amounts import plain
from exchanges.simulator.call import Call, Endpoint, Json, Security
from exchanges.simulator.candles import MINUTE_MS
from exchanges.simulator.errors import ApiError

if TYPE_CHECKING:
    from exchanges.simulator.candles import Candle
    from exchanges.simulator.config import SimulatorConfig, SymbolRules
    from exchanges.simulator.market import Market

FAR_FUTURE: Final = 4_133_404_800_000
ONBOARD: Final = 1_569_398_400_000
DEFAULT_KLINES: Final = 500
MOST_KLINES: Final = 1_500


def ping(_call: Call) -> Json:
    """GET ping."""
    return {}


def server_time(call: Call) -> Json:
    """GET time."""
    return {"serverTime": call.exchange.clock.now()}


def exchange_info(call: Call) -> Json:
    """GET exchangeInfo."""
    config = call.exchange.config
    return {
        "timezone": "UTC",
        "serverTime": call.exchange.clock.now(),
        "futuresType": "U_MARGINED",
        "rateLimits": rate_limits(config),
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [symbol_row(market.rules) for market in listed(call)],
    }


def rate_limits(config: SimulatorConfig) -> list[Json]:
    """The ceilings of an address and of an account."""
    return [
        rate_limit("REQUEST_WEIGHT", "MINUTE", 1, config.weight_limit),
        rate_limit("ORDERS", "MINUTE", 1, config.orders_per_minute),
        rate_limit("ORDERS", "SECOND", 10, config.orders_per_10s),
    ]


def rate_limit(kind: str, interval: str, number: int, limit: int) -> Json:
    """One row of rateLimits."""
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


def symbol_row(rules: SymbolRules) -> Json:
    """One market as exchangeInfo shows it."""
    return {
        "symbol": rules.symbol,
        "pair": rules.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": FAR_FUTURE,
        "onboardDate": ONBOARD,
        "status": "TRADING",
        "baseAsset": rules.base,
        "quoteAsset": rules.quote,
        "marginAsset": rules.quote,
        "pricePrecision": rules.price_places,
        "quantityPrecision": rules.quantity_places,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": filters(rules),
        "orderTypes": [*checks.TYPES, *sorted(BECOMES)],
        "timeInForce": list(checks.TIMES_IN_FORCE),
    }


def filters(rules: SymbolRules) -> list[dict[str, Any]]:
    """What an order of this market must pass."""
    lots = {
        "minQty": plain(rules.minimum_quantity),
        "maxQty": plain(rules.maximum_quantity),
        "stepSize": plain(rules.quantity_step),
    }
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": plain(rules.price_tick),
            "maxPrice": "4529764",
            "tickSize": plain(rules.price_tick),
        },
        {"filterType": "LOT_SIZE", **lots},
        {"filterType": "MARKET_LOT_SIZE", **lots},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": plain(rules.minimum_notional)},
    ]


def chosen(call: Call) -> list[Market]:
    """The market asked for, or all."""
    if call.params.get("symbol"):
        return [checks.market_of(call.exchange, call.params)]
    return listed(call)


def listed(call: Call) -> list[Market]:
    """The markets there are."""
    return [each for each in call.exchange.engine.markets.values() if not each.is_delisted]


def one_or_all(call: Call, rows: list[Json]) -> Json | list[Json]:
    """A row if a symbol was named, else the list."""
    return rows[0] if call.params.get("symbol") else rows


def price(call: Call) -> Json | list[Json]:
    """GET ticker/price."""
    now = call.exchange.clock.now()
    rows = [
        {"symbol": market.rules.symbol, "price": plain(market.price), "time": now}
        for market in chosen(call)
    ]
    return one_or_all(call, rows)


def day_ticker(call: Call) -> Json | list[Json]:
    """GET ticker/24hr; nothing is kept of a day, so it opened where it is."""
    now = call.exchange.clock.now()
    same = ("lastPrice", "openPrice", "highPrice", "lowPrice", "weightedAvgPrice")
    rows = [
        dict.fromkeys(same, plain(market.price))
        | {
            "symbol": market.rules.symbol,
            "priceChange": "0",
            "priceChangePercent": "0",
            "volume": "0",
            "quoteVolume": "0",
            "openTime": now - 86_400_000,
            "closeTime": now,
            "count": 0,
        }
        for market in chosen(call)
    ]
    return one_or_all(call, rows)


def book_ticker(call: Call) -> Json | list[Json]:
    """GET ticker/bookTicker."""
    now = call.exchange.clock.now()
    rows = [
        {
            "symbol": market.rules.symbol,
            "bidPrice": plain(market.touch("BUY")),
            "bidQty": plain(market.rules.quantity_step),
            "askPrice": plain(market.touch("SELL")),
            "askQty": plain(market.rules.quantity_step),
            "time": now,
        }
        for market in chosen(call)
    ]
    return one_or_all(call, rows)


def premium_index(call: Call) -> Json | list[Json]:
    """GET premiumIndex."""
    now = call.exchange.clock.now()
    rows = [
        {
            "symbol": market.rules.symbol,
            "markPrice": plain(market.price),
            "indexPrice": plain(market.price),
            "estimatedSettlePrice": plain(market.price),
            "lastFundingRate": "0.00010000",
            "interestRate": "0.00010000",
            "nextFundingTime": now - now % 28_800_000 + 28_800_000,
            "time": now,
        }
        for market in chosen(call)
    ]
    return one_or_all(call, rows)


def klines(call: Call) -> list[list[Any]]:
    """GET klines: the minutes from `startTime` on, oldest first; without it the last ones."""
    market = checks.market_of(call.exchange, call.params)
    if call.params.get("interval") != "1m":
        raise ApiError(-1120, "Invalid interval.")
    now, start = call.exchange.clock.now(), call.whole("startTime")
    limit = min(call.whole("limit") or DEFAULT_KLINES, MOST_KLINES)
    found = market.candles.between(start or 0, call.whole("endTime") or now, now)
    return [kline(each) for each in (found[-limit:] if start is None else found[:limit])]


def kline(candle: Candle) -> list[Any]:
    """One candle; what others traded in it is not told."""
    prices = [plain(each) for each in (candle.open, candle.high, candle.low, candle.close)]
    return [candle.minute, *prices, "0", candle.minute + MINUTE_MS - 1, "0", 0, "0", "0", "0"]


def leverage_bracket(call: Call) -> list[Json]:
    """GET leverageBracket: one bracket, since leverage is one for all."""
    bracket = {
        "bracket": 1,
        "initialLeverage": call.exchange.config.leverage,
        "notionalCap": 50_000_000,
        "notionalFloor": 0,
        "maintMarginRatio": 0.004,
        "cum": 0,
    }
    return [{"symbol": market.rules.symbol, "brackets": [bracket]} for market in chosen(call)]


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    free = Security.NONE
    return [
        Endpoint(name="ping", method="GET", handler=ping, security=free),
        Endpoint(name="time", method="GET", handler=server_time, security=free),
        Endpoint(name="exchangeInfo", method="GET", handler=exchange_info, security=free),
        Endpoint(
            name="ticker/price",
            method="GET",
            handler=price,
            security=free,
            weight_without_symbol=2,
        ),
        Endpoint(
            name="ticker/24hr",
            method="GET",
            handler=day_ticker,
            security=free,
            weight_without_symbol=40,
        ),
        Endpoint(
            name="ticker/bookTicker",
            method="GET",
            handler=book_ticker,
            security=free,
            weight=2,
            weight_without_symbol=5,
        ),
        Endpoint(
            name="premiumIndex",
            method="GET",
            handler=premium_index,
            security=free,
            weight_without_symbol=10,
        ),
        Endpoint(name="klines", method="GET", handler=klines, security=free),
        Endpoint(name="leverageBracket", method="GET", handler=leverage_bracket),
    ]
