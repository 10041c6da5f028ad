"""
Any exchange ccxt.pro can stream: its facts from ccxt's own tables, conservative where they end.

What is not proven for an exchange by trying it (OKX and Kraken were) rests on ccxt's reading of it:
its verification asks for orders one by one, its cursors stand at times, its look-up by our client
id may have to search lists. An exchange that matters deserves an adapter of its own.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from exchanges import ccxt_websocket, generic_answers
from exchanges.adapter import (
    Adapter,
    ClientOrderIdRules,
    Limits,
    Rate,
    RestTerms,
    SessionCredential,
    StreamTerms,
)
from exchanges.errors import PermanentError
from exchanges.generic_conditions import offered
from exchanges.generic_facts import amends_in_place, features_of, market_types_of, place_of
from exchanges.generic_names import GENERIC
from exchanges.messages import MarketType

if TYPE_CHECKING:
    from exchanges.adapter import StreamMaker
    from exchanges.rest import RestClient
    from exchanges.stream import StreamHandler
    from exchanges.stream_settings import StreamSettings
    from exchanges.streams import Stream

#: Kraken takes no more than 18 characters of free text, the shortest we know of.
CLIENT_ORDER_IDS: Final = ClientOrderIdRules(
    prefix="", alphabet=string.ascii_lowercase + string.digits, max_length=18
)
#: what every exchange answers for, where ccxt does not know better (OKX: two hours)
_UNFILLED: Final = timedelta(hours=1)
_FILLED: Final = timedelta(days=1)
#: ccxt says 100,000 days where it means for ever
_LONGEST: Final = 3650.0
_LIFETIME: Final = timedelta(hours=24)


def adapter_for(exchange: str) -> Adapter:
    """Return the declared facts of an exchange ccxt speaks for; takes ccxt's class of it alone.

    Raises PermanentError for a name ccxt.pro cannot stream.
    """
    if exchange not in GENERIC:
        msg = f"no adapter for the exchange {exchange!r}"
        raise PermanentError(msg)
    # only processes that have such an account pay for ccxt
    from exchanges.generic_speaker import described  # noqa: PLC0415

    name = exchange.lower()
    facts = described(name)
    market_types = market_types_of(facts)
    rate = Rate(limit=60_000 / facts.rateLimit, period=60)
    common = Adapter(
        name=exchange,
        market_types=market_types,
        client_order_ids=CLIENT_ORDER_IDS,
        limits=dict.fromkeys(market_types, Limits(address=rate)),
        session_credential=SessionCredential.AUTH_MESSAGE,
        credential_refresh=None,
        connection_lifetime=_LIFETIME,
        remembers_unfilled=_memory(facts, market_types, "daysBackCanceled", _UNFILLED),
        remembers_filled=_memory(facts, market_types, "daysBack", _FILLED),
        parse=ccxt_websocket.parse,
        concerns_orders=ccxt_websocket.concerns_orders,
        read_order=generic_answers.read_order,
        read_execution=generic_answers.read_execution,
        place_of=place_of,
        rest=lambda terms: _rest(name, terms),
        stream=_stream_of(name),
    )
    apart = {kind: _placing(common, facts, kind) for kind in market_types}
    return replace(common, apart=apart)


def _placing(common: Adapter, facts: Any, market_type: MarketType) -> Adapter:
    """Complete the facts by what can be sent in one market type.

    Several orders in one request are not: ccxt does not tell what became of each at all exchanges.
    """
    is_spot = market_type is MarketType.SPOT
    return replace(
        common,
        conditional_types=offered(facts, market_type),
        takes_quote_quantity=is_spot and facts.has.get("createMarketBuyOrderWithCost") is True,
        can_amend=amends_in_place(facts, market_type),
    )


def _memory(
    facts: Any, market_types: frozenset[MarketType], key: str, untold: timedelta
) -> timedelta:
    told = [features_of(facts, kind, "fetchClosedOrders").get(key) for kind in market_types]
    days = [float(number) for number in told if number]
    return timedelta(days=min(_LONGEST, *days)) if days else untold


def _rest(name: str, terms: RestTerms) -> RestClient:
    from exchanges import generic_connection  # noqa: PLC0415 - as above

    return generic_connection.rest(name, terms)


def _stream_of(name: str) -> StreamMaker:
    def make(
        terms: StreamTerms, *, session_id: str, handler: StreamHandler, settings: StreamSettings
    ) -> Stream:
        return ccxt_websocket.CcxtStream(
            exchange=name,
            terms=terms,
            session_id=session_id,
            handler=handler,
            settings=settings,
        )

    return make
