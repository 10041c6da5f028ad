"""
What all Binance clients of a process share: sockets, budget, table of markets.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from exchanges import binance_answers as answers
from exchanges import binance_calls as calls
from exchanges.binance_calls import BinanceReader
from exchanges.binance_rest import BinanceRest
from exchanges.calls import Calls
from exchanges.errors import MalformedMessage, TransientError
from exchanges.governor import Governor, Priority
from exchanges.http_session import HttpSession
from exchanges.markets import Markets
from exchanges.messages import Exchange
from exchanges.rest import TIMEOUT

if TYPE_CHECKING:
    from exchanges.adapter import Limits, RestTerms
    from exchanges.messages import MarketType
    from exchanges.questions import Market

PRODUCTION_URL: Final = "https://fapi.binance.com"
#: USD-M and COIN-M are counted together.
_POOL: Final = "futures"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    session: HttpSession
    governor: Governor
    markets: Markets


def rest(terms: RestTerms) -> BinanceRest:
    """Return an account's client; what can be shared is shared with the others."""
    shared = _shared(
        terms.market_type, terms.redis_url, terms.limits, terms.base_url, terms.egress_ip
    )
    return BinanceRest(
        api=Calls(
            session=shared.session,
            governor=shared.governor,
            credentials=terms.credentials,
            reader=BinanceReader(),
        ),
        governor=shared.governor,
        markets=shared.markets,
        market_type=terms.market_type,
    )


@lru_cache(maxsize=64)
def _shared(
    market_type: MarketType, redis_url: str, limits: Limits, base_url: str | None, egress_ip: str
) -> _Shared:
    session = HttpSession(PRODUCTION_URL, base_url)
    governor = Governor(
        redis_url,
        exchange=Exchange.BINANCE,
        egress_ip=egress_ip,
        # a simulator counts for itself
        kind=urlsplit(base_url).netloc if base_url else _POOL,
        limits=limits,
    )
    api = Calls(session=session, governor=governor, credentials=None, reader=BinanceReader())

    return _Shared(
        session=session,
        governor=governor,
        markets=Markets(lambda: _load_markets(api, market_type)),
    )


def _load_markets(api: Calls, market_type: MarketType) -> list[Market]:
    told = api.call(calls.MARKETS, {}, priority=Priority.VERIFY, timeout=TIMEOUT)
    try:
        return answers.markets(told.body, market_type)
    except MalformedMessage as error:
        msg = f"unreadable answer: {error}"
        raise TransientError(msg) from None
