"""
Binance, spot and both kinds of futures: the facts the rest of the system may rely on.

Sources: "General Info", "New Order", "User Data Streams" of spot, USD-M and COIN-M, "Websocket
Market Streams".

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from exchanges import binance_answers, binance_websocket
from exchanges.adapter import (
    Adapter,
    ClientOrderIdRules,
    Limits,
    Pool,
    Rate,
    RestTerms,
    SessionCredential,
    StreamTerms,
)
from exchanges.binance_session import SignedSubscription
from exchanges.binance_vocabulary import (
    CONDITIONAL,
    ORDERS_10_SECONDS,
    ORDERS_DAY,
    ORDERS_MINUTE,
)
from exchanges.errors import PermanentError
from exchanges.listen_key import ListenKey
from exchanges.messages import Exchange, IdSpace, MarketType
from exchanges.rest import KeyedRestClient

if TYPE_CHECKING:
    from exchanges.adapter import Placed
    from exchanges.rest import RestClient
    from exchanges.stream_credential import StreamCredential

#: the key lives 60 minutes: half of that leaves room for a failed attempt
_KEY_REFRESH = timedelta(minutes=30)


def place_of(fill: Placed) -> int:
    """Trade ids of a symbol are numbers that grow."""
    return int(fill.exchange_trade_id)


def rest(terms: RestTerms) -> RestClient:
    """Return an account's REST client."""
    # ccxt takes 0.3 s and 76 MB: only processes that ask pay for it
    from exchanges import binance_connection  # noqa: PLC0415

    return binance_connection.rest(terms)


def credential(terms: StreamTerms) -> StreamCredential:
    """Return what opens an account's private stream: in futures a listen key."""
    if terms.market_type is MarketType.SPOT:
        return SignedSubscription(terms.client, terms.credentials, base_url=terms.base_url)
    if not isinstance(terms.client, KeyedRestClient):
        msg = "this client obtains no listen keys"
        raise PermanentError(msg)
    return ListenKey(
        terms.client,
        refresh_after=_KEY_REFRESH,
        base_url=terms.base_url,
        market_type=terms.market_type,
    )


#: USD-M and COIN-M share one account of both
_FUTURES_LIMITS = Limits(
    address=Rate(limit=2400, period=60),
    pools=(
        Pool(name=ORDERS_10_SECONDS, rate=Rate(limit=300, period=10)),
        Pool(name=ORDERS_MINUTE, rate=Rate(limit=1200, period=60)),
    ),
    # open orders of a symbol, and a page of its trades
    look=6,
)
#: of orders the smaller figures that exchange information has shown
_SPOT_LIMITS = Limits(
    address=Rate(limit=6000, period=60),
    pools=(
        Pool(name=ORDERS_10_SECONDS, rate=Rate(limit=50, period=10)),
        Pool(name=ORDERS_DAY, rate=Rate(limit=160_000, period=86_400)),
    ),
    look=26,
)
_FUTURES = Adapter(
    name=Exchange.BINANCE,
    market_types=frozenset(MarketType),
    client_order_ids=ClientOrderIdRules(
        prefix="",
        alphabet=string.ascii_letters + string.digits + ".:/_-",
        max_length=36,
    ),
    limits={
        MarketType.SPOT: _SPOT_LIMITS,
        MarketType.FUTURES: _FUTURES_LIMITS,
        MarketType.COIN_FUTURES: _FUTURES_LIMITS,
    },
    session_credential=SessionCredential.LISTEN_KEY,
    credential_refresh=_KEY_REFRESH,
    connection_lifetime=timedelta(hours=24),
    # "Query Order": CANCELED or EXPIRED without a fill for 3 days, anything for 90
    remembers_unfilled=timedelta(days=3),
    remembers_filled=timedelta(days=90),
    parse=binance_websocket.parse,
    concerns_orders=binance_websocket.concerns_orders,
    read_order=binance_answers.read_order,
    read_execution=binance_answers.read_execution,
    place_of=place_of,
    rest=rest,
    credential=credential,
    conditional_types=CONDITIONAL,
    # of USD-M since December 2025, of COIN-M since June 2026
    conditional_id_space=IdSpace.ALGO,
    batch_size=5,
    can_amend=True,
)
#: spot's subscription lasts as long as its connection (`binance_session`), and spot archives only
#: unfilled orders, after 90 days (-2026)
_SPOT = replace(
    _FUTURES,
    session_credential=SessionCredential.SIGNED_SUBSCRIPTION,
    credential_refresh=None,
    remembers_unfilled=timedelta(days=90),
    remembers_filled=timedelta(days=365),
    conditional_id_space=IdSpace.ORDER,
    takes_quote_quantity=True,
    batch_size=1,
)
ADAPTER = replace(_FUTURES, apart={MarketType.SPOT: _SPOT})
