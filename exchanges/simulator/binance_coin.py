"""
Binance COIN-M: what it does not share with USD-M.

Since 2026-06-30 both are one system: weights, order counts and the position mode are common, and
conditional orders are at the algo desk. Paths begin with /dapi, quantities are contracts, markets
have a `contractStatus`, and most lists of prices stay lists even when one symbol is asked for.
Source: COIN-M "Market Data", "Trade" and "Account" pages.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator import (
    connections,
    rest_account,
    rest_algo,
    rest_batch,
    rest_market,
    rest_orders,
    rest_streams,
    rest_trades,
)
from exchanges.simulator.answers import pair
from exchanges.simulator.binance_dialect import CoinDialect
from exchanges.simulator.binance_rest import BinanceRest
from exchanges.simulator.call import Call, Endpoint, Handler, Json, Security
from exchanges.simulator.config import INVERSE, SimulatorConfig
from exchanges.simulator.exchange import SimulatedExchange
from exchanges.simulator.rest import RestDoor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from exchanges.simulator.config import SymbolRules
    from exchanges.simulator.market import Market

ROOT: Final = "/dapi"
#: its listen keys and prices are others than USD-M's
SEED_APART: Final = 1_000_003
COIN_CONFIG: Final = SimulatorConfig(custody=INVERSE, maker_fee=Decimal("0.0001"))
#: end points of USD-M that COIN-M has in this form
SHARED: Final = (
    rest_orders, rest_trades, rest_account, rest_streams, rest_market, rest_algo, rest_batch
)  # fmt: skip
#: weights that are not USD-M's
WEIGHTS: Final[Mapping[tuple[str, str], int]] = {
    ("GET", "allOrders"): 20,
    ("GET", "userTrades"): 20,
    ("GET", "income"): 20,
}


def open_house(
    *, seed: int, faults: Mapping[str, object] | None, config: SimulatorConfig | None
) -> SimulatedExchange:
    """The COIN-M house; whatever the configuration says, it is inverse."""
    return SimulatedExchange(
        seed=seed + SEED_APART,
        config=replace(config, custody=INVERSE) if config else COIN_CONFIG,
        faults=faults,
        dialect=CoinDialect(),
        market_type="COIN_FUTURES",
    )


def exchange_info(call: Call) -> Json:
    """GET exchangeInfo."""
    config = call.exchange.config
    return {
        "timezone": "UTC",
        "serverTime": call.exchange.clock.now(),
        "rateLimits": rest_market.rate_limits(config),
        "exchangeFilters": [],
        "symbols": [symbol_row(market.rules) for market in rest_market.listed(call)],
    }


def symbol_row(rules: SymbolRules) -> Json:
    """One market as exchangeInfo shows it."""
    row = rest_market.symbol_row(rules)
    del row["status"]
    row["filters"] = [each for each in row["filters"] if each["filterType"] != "MIN_NOTIONAL"]
    return row | {
        "pair": pair(rules),
        "contractType": "CURRENT_QUARTER" if rules.delivery else "PERPETUAL",
        "deliveryDate": rules.delivery or rest_market.FAR_FUTURE,
        "contractStatus": "TRADING",
        "contractSize": int(rules.contract_size or 1),
        "marginAsset": rules.settlement,
        "equalQtyPrecision": 4,
        "maxMoveOrderLimit": 10_000,
    }


def as_list(handler: Handler) -> Handler:
    """A list also where USD-M answers with the one row that was asked for."""

    def listing(call: Call) -> object:
        found = handler(call)
        return found if isinstance(found, list) else [found]

    return listing


def position_risk(call: Call) -> list[Json]:
    """GET positionRisk: every contract, of one `pair` or `marginAsset` if named."""
    wanted, asset = call.params.get("pair") or None, call.params.get("marginAsset") or None
    sides = ("LONG", "SHORT") if call.account.hedge else ("BOTH",)
    return [
        risk_row(call, market, side)
        for market in rest_market.listed(call)
        for side in sides
        if wanted in {None, pair(market.rules)} and asset in {None, market.rules.settlement}
    ]


def risk_row(call: Call, market: Market, side: str) -> Json:
    """One position with its value in the coin."""
    leverage = call.exchange.config.leverage
    position = call.account.position(market.rules.symbol, side)
    row = rest_account.risk_row(position, market, leverage)
    return row | {
        "notionalValue": row["notional"],
        "leverage": str(leverage),
        "marginType": "cross",
        "isAutoAddMargin": "false",
        "maxQty": "100000",
    }


def account(call: Call) -> Json:
    """GET account."""
    return {
        "assets": [rest_account.asset_row(call, asset) for asset in call.account.balances],
        "positions": position_risk(call),
        "canDeposit": True,
        "canTrade": True,
        "canWithdraw": True,
        "feeTier": 0,
        "updateTime": call.exchange.clock.now(),
    }


def leverage_bracket(call: Call) -> list[Json]:
    """GET leverageBracket: one bracket, since leverage is one for all."""
    bracket: dict[str, Any] = {
        "bracket": 1,
        "initialLeverage": call.exchange.config.leverage,
        "qtyCap": 50_000,
        "qtyFloor": 0,
        "qtylFloor": 0,
        "maintMarginRatio": 0.004,
        "cum": 0,
    }
    return [
        {"symbol": market.rules.symbol, "pair": pair(market.rules), "brackets": [bracket]}
        for market in rest_market.chosen(call)
    ]


def own() -> list[Endpoint]:
    """The end points that are COIN-M's alone, or others here."""
    free = Security.NONE
    return [
        Endpoint(name="exchangeInfo", method="GET", handler=exchange_info, security=free),
        Endpoint(name="positionRisk", method="GET", handler=position_risk),
        Endpoint(name="balance", method="GET", handler=rest_account.balance),
        Endpoint(name="account", method="GET", handler=account, weight=5),
        Endpoint(name="leverageBracket", method="GET", handler=leverage_bracket),
        Endpoint(name="leverageBracket", version="v2", method="GET", handler=leverage_bracket),
    ]


#: whose answers are lists, always
LISTS: Final = frozenset({"ticker/price", "ticker/24hr", "ticker/bookTicker", "premiumIndex"})


def adapted(endpoint: Endpoint) -> Endpoint:
    """An end point of USD-M's as COIN-M has it."""
    handler = as_list(endpoint.handler) if endpoint.name in LISTS else endpoint.handler
    weight = WEIGHTS.get((endpoint.method, endpoint.name), endpoint.weight)
    return replace(endpoint, root=ROOT, handler=handler, weight=weight)


def endpoints() -> list[Endpoint]:
    """Everything under /dapi."""
    mine = [replace(endpoint, root=ROOT) for endpoint in own()]
    names = {endpoint.name for endpoint in mine}
    shared = [endpoint for module in SHARED for endpoint in module.endpoints()]
    return [*mine, *(adapted(each) for each in shared if each.name not in names)]


def add_routes(app: web.Application, house: SimulatedExchange) -> None:
    """Register COIN-M's paths; before USD-M's, whose legacy /ws/<key> would hear nothing."""

    async def listen(request: web.Request) -> web.StreamResponse:
        is_ours = house.hub.keys.find(request.match_info["key"]) is not None
        return await connections.serve(request, house, is_deaf=not is_ours)

    app.router.add_get("/ws/{key}", listen)
    door = RestDoor(BinanceRest(house, endpoints()))
    app.router.add_route("*", f"{ROOT}/{{rest:.*}}", door.handle)
