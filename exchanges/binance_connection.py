"""
What all Binance clients of a process share: sockets, budget, table of markets.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from exchanges import binance_answers as answers
from exchanges import binance_calls as calls
from exchanges import binance_requests as requests
from exchanges import binance_spot_answers as spot_answers
from exchanges import binance_verification as verification
from exchanges.binance_calls import BinanceReader
from exchanges.binance_futures_rest import BinanceFuturesRest
from exchanges.binance_permissions import LIMITS as WALLET_LIMITS
from exchanges.binance_rest import Speech
from exchanges.binance_spot_rest import BinanceSpotRest
from exchanges.binance_trades import TradeList
from exchanges.calls import Calls
from exchanges.governor import Governor, Priority
from exchanges.http_session import HttpSession
from exchanges.markets import Markets
from exchanges.messages import Exchange, MarketType
from exchanges.rest import TIMEOUT
from exchanges.understanding import understood

if TYPE_CHECKING:
    from exchanges.adapter import Limits, RestTerms
    from exchanges.binance_calls import Endpoints
    from exchanges.questions import Market

PRODUCTION_URLS: Final = {
    MarketType.SPOT: "https://api.binance.com",
    MarketType.FUTURES: "https://fapi.binance.com",
    MarketType.COIN_FUTURES: "https://dapi.binance.com",
}
#: USD-M and COIN-M are counted together (2026-06-30), spot for itself.
POOLS: Final = {
    MarketType.SPOT: "spot",
    MarketType.FUTURES: "futures",
    MarketType.COIN_FUTURES: "futures",
}
#: futures keep trades for three months; a day less stays clear of the edge
_KEPT: Final = timedelta(days=89)
_FUTURES: Final = {
    MarketType.FUTURES: calls.FUTURES,
    MarketType.COIN_FUTURES: calls.COIN_FUTURES,
}

_COSTS: Final = {
    MarketType.FUTURES: verification.FUTURES,
    MarketType.COIN_FUTURES: verification.COIN_FUTURES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    session: HttpSession
    governor: Governor
    markets: Markets
    wallet: HttpSession
    wallet_governor: Governor


def rest(terms: RestTerms) -> BinanceFuturesRest | BinanceSpotRest:
    """Return an account's client; what can be shared is shared with the others."""
    kind = terms.market_type
    shared = _shared(kind, terms.redis_url, terms.limits, terms.base_url, terms.egress_ip)
    api = Calls(
        session=shared.session,
        governor=shared.governor,
        credentials=terms.credentials,
        reader=BinanceReader(_endpoints(kind).server_time),
    )
    wallet = Calls(
        session=shared.wallet,
        governor=shared.wallet_governor,
        credentials=terms.credentials,
        reader=BinanceReader(calls.SPOT.server_time),
    )
    if kind is MarketType.SPOT:
        return BinanceSpotRest(
            api=api,
            governor=shared.governor,
            markets=shared.markets,
            market_type=kind,
            speech=SPOT,
            wallet=wallet,
        )
    return BinanceFuturesRest(
        api=api,
        governor=shared.governor,
        markets=shared.markets,
        market_type=kind,
        speech=futures(kind),
        wallet=wallet,
        endpoints=_FUTURES[kind],
    )


def futures(market_type: MarketType) -> Speech:
    """Say how USD-M or COIN-M is spoken to."""
    endpoints = _FUTURES[market_type]
    return Speech(
        endpoints=endpoints,
        trades=TradeList(
            everyone=endpoints.trades,
            of_order=endpoints.trades_of_order,
            read=partial(answers.execution, market_type=market_type),
            window=timedelta(days=7),
            keeps=_KEPT,
        ),
        costs=_COSTS[market_type],
        write=requests.terms,
    )


SPOT: Final = Speech(
    endpoints=calls.SPOT,
    trades=TradeList(
        everyone=calls.SPOT.trades,
        of_order=calls.SPOT.trades_of_order,
        read=spot_answers.execution,
        window=timedelta(days=1),
        keeps=None,
        newest_first=True,
    ),
    costs=verification.SPOT,
    write=requests.spot_terms,
)


@lru_cache(maxsize=64)
def _shared(
    market_type: MarketType, redis_url: str, limits: Limits, base_url: str | None, egress_ip: str
) -> _Shared:
    # ccxt's "binance" speaks to all hosts and signs for each
    session = HttpSession(PRODUCTION_URLS[market_type], base_url, signer="binance")
    governor = partial(
        Governor,
        redis_url,
        exchange=Exchange.BINANCE,
        egress_ip=egress_ip,
    )
    # a simulator counts for itself
    address = f"{urlsplit(base_url).netloc}:" if base_url else ""
    budget = governor(kind=f"{address}{POOLS[market_type]}", limits=limits)
    api = Calls(
        session=session,
        governor=budget,
        credentials=None,
        reader=BinanceReader(_endpoints(market_type).server_time),
    )
    return _Shared(
        session=session,
        governor=budget,
        markets=Markets(lambda: _load_markets(api, market_type)),
        wallet=HttpSession(PRODUCTION_URLS[MarketType.SPOT], base_url, signer="binance"),
        wallet_governor=governor(kind=f"{address}wallet", limits=WALLET_LIMITS),
    )


def _endpoints(market_type: MarketType) -> Endpoints:
    return calls.SPOT if market_type is MarketType.SPOT else _FUTURES[market_type]


def _load_markets(api: Calls, market_type: MarketType) -> list[Market]:
    # spot's sets of permissions are most of its answer, and nobody reads them
    is_spot = market_type is MarketType.SPOT
    told = api.call(
        _endpoints(market_type).markets,
        {"showPermissionSets": "false"} if is_spot else {},
        priority=Priority.VERIFY,
        timeout=TIMEOUT,
    )
    if is_spot:
        return understood(lambda: spot_answers.markets(told.body))
    return understood(lambda: answers.markets(told.body, market_type))
