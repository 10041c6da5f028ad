"""
What all Bybit clients of a process share: sockets, budget, table of markets.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from exchanges import bybit_markets
from exchanges.bybit_calls import BybitReader
from exchanges.bybit_rest import BybitRest
from exchanges.calls import Calls
from exchanges.governor import Governor
from exchanges.http_session import HttpSession
from exchanges.markets import Markets
from exchanges.messages import Exchange

if TYPE_CHECKING:
    from exchanges.adapter import Limits, RestTerms
    from exchanges.messages import MarketType

PRODUCTION_URL: Final = "https://api.bybit.com"
#: ccxt's name
_SIGNER: Final = "bybit"
#: spot and contracts are counted together
_POOL: Final = "v5"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    session: HttpSession
    governor: Governor
    markets: Markets


def rest(terms: RestTerms) -> BybitRest:
    """Return an account's client; what can be shared is shared with the others."""
    shared = _shared(
        terms.market_type, terms.redis_url, terms.limits, terms.base_url, terms.egress_ip
    )
    return BybitRest(
        api=Calls(
            session=shared.session,
            governor=shared.governor,
            credentials=terms.credentials,
            reader=BybitReader(),
        ),
        governor=shared.governor,
        markets=shared.markets,
        market_type=terms.market_type,
    )


@lru_cache(maxsize=64)
def _shared(
    market_type: MarketType, redis_url: str, limits: Limits, base_url: str | None, egress_ip: str
) -> _Shared:
    session = HttpSession(PRODUCTION_URL, base_url, signer=_SIGNER)
    governor = Governor(
        redis_url,
        exchange=Exchange.BYBIT,
        egress_ip=egress_ip,
        # a simulator counts for itself
        kind=urlsplit(base_url).netloc if base_url else _POOL,
        limits=limits,
    )
    api = Calls(session=session, governor=governor, credentials=None, reader=BybitReader())
    return _Shared(
        session=session,
        governor=governor,
        markets=Markets(lambda: bybit_markets.load(api, market_type)),
    )
