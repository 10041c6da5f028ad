"""
What all clients of one exchange of ccxt's share in a process: budget and table of markets.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from exchanges.generic_calls import GenericCalls
from exchanges.generic_markets import MarketSource
from exchanges.generic_rest import GenericRest
from exchanges.governor import Governor

if TYPE_CHECKING:
    from exchanges.adapter import Limits, RestTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """What clients must have in common to share."""

    exchange: str
    redis_url: str
    limits: Limits
    base_url: str
    egress_ip: str


def rest(exchange: str, terms: RestTerms) -> GenericRest:
    """Return an account's client; what can be shared is shared with the others."""
    base_url = (terms.base_url or "").rstrip("/")
    shared = _Terms(
        exchange=exchange,
        redis_url=terms.redis_url,
        limits=terms.limits,
        base_url=base_url,
        egress_ip=terms.egress_ip,
    )
    governor, source = _shared(shared)
    return GenericRest(
        GenericCalls(
            exchange=exchange,
            base_url=base_url,
            market_type=terms.market_type,
            credentials=terms.credentials,
            governor=governor,
            source=source,
        )
    )


@lru_cache(maxsize=64)
def _shared(terms: _Terms) -> tuple[Governor, MarketSource]:
    governor = Governor(
        terms.redis_url,
        exchange=terms.exchange.upper(),
        egress_ip=terms.egress_ip,
        # ccxt knows one rate for all of an exchange's markets; a local server counts for itself
        kind=urlsplit(terms.base_url).netloc or "all",
        limits=terms.limits,
    )
    return governor, MarketSource(terms.exchange, terms.base_url, governor)
