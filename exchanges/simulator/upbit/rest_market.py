"""
Accounts, and what everybody may ask: markets, prices, candles, the best offers.

Sources: "Accounts", "List API Keys", "Available Order Information", "List Pairs", "Ticker",
"Minute candles", "Orderbook".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator.call import Call, Endpoint, Handler, Security
from exchanges.simulator.candles import MINUTE_MS
from exchanges.simulator.upbit import rows
from exchanges.simulator.upbit.asked import market_of, moment, required, whole
from exchanges.simulator.upbit.errors import refusal
from exchanges.simulator.upbit.rest_orders import signed

if TYPE_CHECKING:
    from exchanges.simulator.candles import Candle
    from exchanges.simulator.market import Market

MOST_CANDLES: Final = 200
YEAR_MS: Final = 365 * 86_400_000
NAMES: Final = {
    "BTC": ("비트코인", "Bitcoin"),
    "ETH": ("이더리움", "Ethereum"),
    "XRP": ("엑스알피(리플)", "XRP"),
}


def endpoints() -> tuple[Endpoint, ...]:
    """Everything but orders."""
    return (
        signed("accounts", "GET", accounts),
        signed("api_keys", "GET", api_keys),
        signed("orders/chance", "GET", chance),
        public("market/all", markets, "market"),
        public("ticker", ticker, "ticker"),
        public("orderbook", orderbook, "orderbook"),
        public("candles/minutes/1", candles, "candles"),
    )


def public(name: str, handler: Handler, group: str) -> Endpoint:
    """An end point for everybody."""
    return Endpoint(
        name=name,
        method="GET",
        handler=handler,
        root="",
        weight=0,
        security=Security.NONE,
        pools=(group,),
    )


def accounts(call: Call) -> list[rows.Row]:
    """GET accounts: what there is anything of."""
    return [rows.account_row(each) for each in call.account.balances.values() if each.total]


def api_keys(call: Call) -> list[rows.Row]:
    """GET api_keys: the keys of the account, here the one that asks; a year if it is not said."""
    ends = call.account.permissions.expires_at or call.exchange.clock.now() + YEAR_MS
    return [{"access_key": call.account.api_key, "expire_at": rows.seoul(ends)}]


def chance(call: Call) -> dict[str, Any]:
    """GET orders/chance: fees, and what may be used."""
    market = market_of(call)
    fee, rules = rows.text(call.exchange.config.taker_fee), market.rules
    minimum = rows.text(rules.minimum_notional)
    return {
        "bid_fee": fee,
        "ask_fee": fee,
        "maker_bid_fee": fee,
        "maker_ask_fee": fee,
        "market": {
            "id": rules.symbol,
            "name": f"{rules.base}/{rules.quote}",
            "order_sides": ["ask", "bid"],
            "bid_types": ["best_fok", "best_ioc", "limit", "limit_fok", "limit_ioc", "price"],
            "ask_types": ["best_fok", "best_ioc", "limit", "limit_fok", "limit_ioc", "market"],
            "bid": {"currency": rules.quote, "min_total": minimum},
            "ask": {"currency": rules.base, "min_total": minimum},
            "max_total": "1000000000",
            "state": "active",
        },
        "bid_account": rows.account_row(call.account.balance(rules.quote)),
        "ask_account": rows.account_row(call.account.balance(rules.base)),
    }


def markets(call: Call) -> list[rows.Row]:
    """GET market/all."""
    return [
        {
            "market": market.rules.symbol,
            "korean_name": NAMES.get(market.rules.base, (market.rules.base,) * 2)[0],
            "english_name": NAMES.get(market.rules.base, (market.rules.base,) * 2)[1],
        }
        for market in call.exchange.engine.markets.values()
        if not market.is_delisted
    ]


def ticker(call: Call) -> bytes:
    """GET ticker: of one market or more."""
    now = call.exchange.clock.now()
    found = [
        {
            "market": market.rules.symbol,
            "trade_price": market.price,
            "opening_price": market.price,
            "high_price": market.price,
            "low_price": market.price,
            "prev_closing_price": market.price,
            "timestamp": now,
            "trade_timestamp": now,
        }
        for market in several_markets(call)
    ]
    return rows.written(found).encode()


def orderbook(call: Call) -> bytes:
    """GET orderbook: the best offers of either side."""
    found = [
        {
            "market": market.rules.symbol,
            "timestamp": call.exchange.clock.now(),
            "orderbook_units": [
                {
                    "ask_price": asked.price,
                    "bid_price": bid.price,
                    "ask_size": asked.quantity,
                    "bid_size": bid.quantity,
                }
                for asked, bid in zip(
                    market.offers_for("BUY"), market.offers_for("SELL"), strict=False
                )
            ],
        }
        for market in several_markets(call)
    ]
    return rows.written(found).encode()


def several_markets(call: Call) -> list[Market]:
    """The markets that are named, with commas between them."""
    found = [
        call.exchange.engine.markets.get(name)
        for name in required(call.params, "markets").split(",")
    ]
    known = [market for market in found if market is not None]
    if len(known) != len(found):
        raise refusal(name="market_does_not_exist", status=404)
    return known


def candles(call: Call) -> bytes:
    """GET candles/minutes/1: those that began before `to`, the newest first."""
    market, now = market_of(call), call.exchange.clock.now()
    until = moment(call.params, "to")
    last = (now if until is None else until) - 1
    count = whole(call.params, "count", 1, MOST_CANDLES)
    found = market.candles.between(last - count * MINUTE_MS, last, now)[-count:]
    return rows.written([candle_row(market, each) for each in reversed(found)]).encode()


def candle_row(market: Market, candle: Candle) -> rows.Row:
    """One minute."""
    return {
        "market": market.rules.symbol,
        "candle_date_time_utc": rows.utc(candle.minute),
        "candle_date_time_kst": rows.seoul(candle.minute).removesuffix("+09:00"),
        "opening_price": candle.open,
        "high_price": candle.high,
        "low_price": candle.low,
        "trade_price": candle.close,
        "timestamp": candle.minute + MINUTE_MS - 1,
        "candle_acc_trade_price": market.rules.minimum_notional,
        "candle_acc_trade_volume": market.rules.quantity_step,
        "unit": 1,
    }
