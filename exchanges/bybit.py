"""
Bybit v5: the facts the rest of the system may rely on.

A unified account trades everything by one key; a row of accounts here serves one market type of it:
SPOT is Bybit's `spot`, FUTURES its `linear` (USDT and USDC), COIN_FUTURES its `inverse`.

Sources: v5 "Place Order", "Batch Place Order", "Get Order History", "Rate Limit Rules",
"Connect" (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from exchanges import bybit_answers, bybit_calls, bybit_websocket
from exchanges import bybit_vocabulary as words
from exchanges.adapter import (
    Adapter,
    ClientOrderIdRules,
    RestTerms,
    SessionCredential,
    StreamTerms,
)
from exchanges.bybit_auth import PRODUCTION_URL, AuthMessage
from exchanges.messages import Exchange, MarketType
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from exchanges.adapter import Placed
    from exchanges.rest import RestClient
    from exchanges.stream_credential import StreamCredential


def place_of(fill: Placed) -> int:
    """Execution ids are no numbers, so time orders the fills: in milliseconds, as Bybit tells."""
    return milliseconds(fill.executed_at)


def rest(terms: RestTerms) -> RestClient:
    """Return an account's REST client."""
    # ccxt takes 0.3 s and 76 MB: only processes that ask pay for it
    from exchanges import bybit_connection  # noqa: PLC0415

    return bybit_connection.rest(terms)


def credential(terms: StreamTerms) -> StreamCredential:
    """Return what opens an account's private stream."""
    return AuthMessage(
        terms.credentials,
        terms.client,
        market_type=terms.market_type,
        base_url=terms.base_url or PRODUCTION_URL,
    )


#: a request may bring twenty orders of contracts, but so many are counted at ten a second
_BATCH: Final = 10

_CONTRACTS: Final = Adapter(
    name=Exchange.BYBIT,
    market_types=frozenset(MarketType),
    client_order_ids=ClientOrderIdRules(
        prefix="",
        alphabet=string.ascii_letters + string.digits + "_-",
        max_length=36,
    ),
    limits=dict.fromkeys(MarketType, bybit_calls.LIMITS),
    session_credential=SessionCredential.AUTH_MESSAGE,
    credential_refresh=None,
    # no limit is published; replaced daily as elsewhere
    connection_lifetime=timedelta(hours=24),
    # "Get Order History": cancelled or rejected without a fill for 24 hours, filled for two years
    remembers_unfilled=timedelta(hours=24),
    remembers_filled=timedelta(days=729),
    parse=bybit_websocket.parse,
    concerns_orders=bybit_websocket.concerns_orders,
    read_order=bybit_answers.read_order,
    read_execution=bybit_answers.execution,
    place_of=place_of,
    rest=rest,
    credential=credential,
    conditional_types=words.CONDITIONAL,
    batch_size=_BATCH,
    can_amend=True,
)
ADAPTER = replace(
    _CONTRACTS,
    apart={MarketType.SPOT: replace(_CONTRACTS, takes_quote_quantity=True)},
)
