"""
Upbit (Korea): the facts the rest of the system may rely on.

Upbit's sites in Singapore, Indonesia and Thailand are other exchanges with the same protocol.

Sources: docs.upbit.com, "Create Order", "Get Order", "WebSocket guide", "Authentication" (2026).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import string
from datetime import timedelta
from typing import TYPE_CHECKING

from exchanges import upbit_answers, upbit_calls, upbit_websocket
from exchanges.adapter import (
    Adapter,
    ClientOrderIdRules,
    RestTerms,
    SessionCredential,
    StreamTerms,
)
from exchanges.messages import Exchange, MarketType
from exchanges.upbit_handshake import PRODUCTION_URL, HandshakeToken
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from exchanges.adapter import Placed
    from exchanges.rest import RestClient
    from exchanges.stream_credential import StreamCredential


def place_of(fill: Placed) -> int:
    """Trade ids are no numbers, so time orders the fills: milliseconds, as the stream tells it."""
    return milliseconds(fill.executed_at)


def rest(terms: RestTerms) -> RestClient:
    """Return an account's REST client."""
    # ccxt takes 0.3 s and 76 MB: only processes that ask pay for it
    from exchanges import upbit_connection  # noqa: PLC0415

    return upbit_connection.rest(terms)


def credential(terms: StreamTerms) -> StreamCredential:
    """Return what opens an account's private stream."""
    return HandshakeToken(terms.credentials, base_url=terms.base_url or PRODUCTION_URL)


ADAPTER = Adapter(
    name=Exchange.UPBIT,
    market_types=frozenset({MarketType.SPOT}),
    # `identifier`: any text of one's own, never used before; no limit is published
    client_order_ids=ClientOrderIdRules(
        prefix="",
        alphabet=string.ascii_letters + string.digits + "_-",
        max_length=36,
    ),
    limits={MarketType.SPOT: upbit_calls.LIMITS},
    session_credential=SessionCredential.HANDSHAKE_HEADER,
    credential_refresh=None,
    # no limit is published; replaced daily as elsewhere
    connection_lifetime=timedelta(hours=24),
    # no limit is published for an order asked for by its id; an API key lives for a year
    remembers_unfilled=timedelta(days=365),
    remembers_filled=timedelta(days=365),
    parse=upbit_websocket.parse,
    concerns_orders=upbit_websocket.concerns_orders,
    read_order=upbit_answers.read_order,
    read_execution=upbit_answers.execution,
    place_of=place_of,
    rest_dates_to=timedelta(seconds=1),
    rest_tells_makers=False,
    rest=rest,
    credential=credential,
    # a market buy; a market sell names its quantity
    takes_quote_quantity=True,
)
