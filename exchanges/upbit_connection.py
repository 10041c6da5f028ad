"""
Upbit's address, and the clients that are made there.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges import upbit_calls as endpoints
from exchanges import upbit_markets
from exchanges.governor import Priority
from exchanges.messages import Exchange
from exchanges.rest import TIMEOUT
from exchanges.sites import Site, connect
from exchanges.understanding import understood
from exchanges.upbit_calls import UpbitReader
from exchanges.upbit_rest import UpbitRest

if TYPE_CHECKING:
    from exchanges.adapter import RestTerms
    from exchanges.calls import Calls
    from exchanges.messages import MarketType
    from exchanges.questions import Market


def rest(terms: RestTerms) -> UpbitRest:
    """Return an account's client."""
    parts = connect(SITE, terms)
    return UpbitRest(
        api=parts.api,
        governor=parts.governor,
        markets=parts.markets,
        market_type=terms.market_type,
        api_key=terms.credentials.api_key,
    )


def _load_markets(api: Calls, market_type: MarketType) -> list[Market]:
    told = api.call(endpoints.MARKETS, {}, priority=Priority.VERIFY, timeout=TIMEOUT)
    return understood(lambda: upbit_markets.markets(told.body, market_type))


SITE: Final = Site(
    exchange=Exchange.UPBIT,
    production_url="https://api.upbit.com",
    signer="upbit",
    pool="spot",
    reader=UpbitReader(),
    load_markets=_load_markets,
)
