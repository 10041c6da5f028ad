"""
The only door into the exchanges: a name in, an adapter, a stream or a REST client out.

An exchange without an adapter of its own goes by ccxt's name for it and is served by `generic`.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import importlib
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from exchanges.adapter import RestTerms, StreamTerms
from exchanges.errors import PermanentError
from exchanges.generic_names import GENERIC
from exchanges.messages import Exchange, MarketType, Message
from exchanges.stream import PrivateStream
from exchanges.stream_settings import StreamSettings

if TYPE_CHECKING:
    from exchanges.adapter import Adapter, Limits
    from exchanges.credentials import Credentials
    from exchanges.rest import RestClient
    from exchanges.stream import StreamHandler
    from exchanges.streams import Stream

#: where each exchange's ADAPTER is; read when it is first asked for
_MODULES: dict[str, str] = {
    Exchange.BINANCE: "exchanges.binance",
    Exchange.BYBIT: "exchanges.bybit",
    Exchange.UPBIT: "exchanges.upbit",
}
#: so long before the exchange ends a connection for its age a new one is made
_EARLIER = timedelta(hours=1)
_MARKET_TYPES: dict[str, MarketType] = {market_type: market_type for market_type in MarketType}


def names() -> tuple[str, ...]:
    """Name the exchanges that have an adapter of their own."""
    return tuple(_MODULES)


def generic_names() -> tuple[str, ...]:
    """Name the other exchanges, which ccxt speaks for."""
    return tuple(name for name in GENERIC if name not in _MODULES)


@cache
def adapter(exchange: str) -> Adapter:
    """Return the declared facts of an exchange. Raises PermanentError for an unknown name."""
    module = _MODULES.get(exchange)
    found: Adapter
    if module is not None:
        found = importlib.import_module(module).ADAPTER
    else:
        # it takes ccxt, which processes that serve only ours can do without
        found = importlib.import_module("exchanges.generic").adapter_for(exchange)
    return found


def facts(exchange: str, market_type: str) -> Adapter:
    """Return the declared facts of one market type. Raises PermanentError for what has none."""
    spoken = adapter(exchange)
    return spoken.of(_market_type(spoken, market_type))


def parse(exchange: str, market_type: str, raw: bytes | str) -> list[Message]:
    """Read one frame of a private stream. Pure.

    Raises MalformedMessage, which keeps `raw`, for any frame that cannot be read; and
    PermanentError for an exchange or a market type that has no adapter.
    """
    spoken = adapter(exchange)
    return spoken.parse(_market_type(spoken, market_type), raw)


def concerns_orders(exchange: str, market_type: str, raw: bytes | str) -> bool:
    """Tell whether a frame may tell of an order or cannot be read, so that `parse` must see it.

    Quicker than `parse`. Raises PermanentError for what has no adapter.
    """
    spoken = adapter(exchange)
    return spoken.concerns_orders(_market_type(spoken, market_type), raw)


def rest_for(
    exchange: str,
    market_type: str,
    *,
    credentials: Credentials,
    redis_url: str,
    base_url: str | None = None,
    egress_ip: str = "default",
    limits: Limits | None = None,
) -> RestClient:
    """Return the REST client of one account.

    `base_url` None means the exchange itself; a simulator has one of its own. `egress_ip` names
    the address the exchange sees, because that is what it counts and bans. `limits` replaces the
    published ceilings. Raises PermanentError for what has no adapter.
    """
    spoken = adapter(exchange)
    kind = _market_type(spoken, market_type)
    return spoken.rest(
        RestTerms(
            credentials=credentials,
            market_type=kind,
            redis_url=redis_url,
            limits=limits or spoken.limits[kind],
            base_url=base_url,
            egress_ip=egress_ip,
        )
    )


def stream_for(
    exchange: str,
    market_type: str,
    *,
    session_id: str,
    credentials: Credentials,
    client: RestClient,
    handler: StreamHandler,
    base_url: str | None = None,
    settings: StreamSettings | None = None,
) -> Stream:
    """Return the private stream of the account of `client`, not started yet.

    `base_url` is that of the WebSocket host; None means the exchange itself. Raises
    PermanentError for what has no adapter.
    """
    spoken = adapter(exchange)
    terms = StreamTerms(
        market_type=_market_type(spoken, market_type),
        credentials=credentials,
        client=client,
        base_url=base_url,
    )
    lifetime = (facts(exchange, market_type).connection_lifetime - _EARLIER).total_seconds()
    settings = settings or StreamSettings(lifetime=lifetime)
    if spoken.stream is not None:
        return spoken.stream(terms, session_id=session_id, handler=handler, settings=settings)
    if spoken.credential is None:
        msg = f"{spoken.name} has no private stream"
        raise PermanentError(msg)
    return PrivateStream(
        session_id=session_id,
        credential=spoken.credential(terms),
        handler=handler,
        settings=settings,
    )


def _market_type(spoken: Adapter, name: str) -> MarketType:
    market_type = _MARKET_TYPES.get(name)
    if market_type is None or market_type not in spoken.market_types:
        msg = f"{spoken.name} has no adapter for the market type {name!r}"
        raise PermanentError(msg)
    return market_type
