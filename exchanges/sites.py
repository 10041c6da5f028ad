"""
One address of an exchange, and what all clients of a process share there: sockets, budget, markets.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from exchanges.calls import Calls
from exchanges.governor import Governor
from exchanges.http_session import HttpSession
from exchanges.markets import Markets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exchanges.adapter import Limits, RestTerms
    from exchanges.calls import AnswerReader
    from exchanges.messages import MarketType
    from exchanges.questions import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where an exchange is asked, and how. One value for all clients: they share what it makes."""

    exchange: str
    production_url: str
    #: ccxt's name of the exchange
    signer: str
    #: names what the exchange counts together
    pool: str
    reader: AnswerReader
    load_markets: Callable[[Calls, MarketType], Iterable[Market]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What a client of one account is made of."""

    api: Calls
    governor: Governor
    markets: Markets


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    session: HttpSession
    governor: Governor
    markets: Markets


def connect(site: Site, terms: RestTerms) -> Connected:
    """Make what an account's client needs; what can be shared is shared with the others."""
    shared = _shared(
        site=site,
        market_type=terms.market_type,
        redis_url=terms.redis_url,
        limits=terms.limits,
        base_url=terms.base_url,
        egress_ip=terms.egress_ip,
    )
    return Connected(
        api=Calls(
            session=shared.session,
            governor=shared.governor,
            credentials=terms.credentials,
            reader=site.reader,
        ),
        governor=shared.governor,
        markets=shared.markets,
    )


@lru_cache(maxsize=64)
def _shared(
    *,
    site: Site,
    market_type: MarketType,
    redis_url: str,
    limits: Limits,
    base_url: str | None,
    egress_ip: str,
) -> _Shared:
    session = HttpSession(site.production_url, base_url, signer=site.signer)
    governor = Governor(
        redis_url,
        exchange=site.exchange,
        egress_ip=egress_ip,
        # a simulator counts for itself
        kind=urlsplit(base_url).netloc if base_url else site.pool,
        limits=limits,
    )
    api = Calls(session=session, governor=governor, credentials=None, reader=site.reader)
    return _Shared(
        session=session,
        governor=governor,
        markets=Markets(lambda: site.load_markets(api, market_type)),
    )
