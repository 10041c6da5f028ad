"""
What an exchange declares about itself, as values the rest of the system may rely on.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from exchanges.messages import IdSpace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from exchanges.credentials import Credentials
    from exchanges.messages import (
        ExecutionReport,
        MarketType,
        Message,
        OrderSnapshot,
        OrderType,
        Source,
    )
    from exchanges.rest import RestClient
    from exchanges.stream import StreamHandler
    from exchanges.stream_credential import StreamCredential
    from exchanges.stream_settings import StreamSettings
    from exchanges.streams import Stream

ONE_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOrderIdRules:
    """Which client order ids the exchange takes: `prefix` + letters of `alphabet`."""

    prefix: str
    alphabet: str
    max_length: int

    def allows(self, client_order_id: str) -> bool:
        """Tell whether the exchange would take this id."""
        return (
            client_order_id.startswith(self.prefix)
            and len(self.prefix) < len(client_order_id) <= self.max_length
            and set(client_order_id[len(self.prefix) :]) <= set(self.alphabet)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A ceiling: so much in so many seconds."""

    limit: float
    period: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A ceiling of one holder (an API key, a user id, a pocket), by the name endpoints use."""

    name: str
    rate: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The exchange's published ceilings: weight per address, and what each holder may do."""

    address: Rate
    pools: tuple[Pool, ...] = ()
    #: what it costs to ask about many orders of one market at once, with their fills
    look: float = 1


class SessionCredential(Enum):
    """How a private stream proves whose it is, and so what keeps it alive."""

    #: a key obtained by REST that expires unless it is extended
    LISTEN_KEY = "LISTEN_KEY"
    #: a signed subscription on the connection, good for as long as it lasts
    SIGNED_SUBSCRIPTION = "SIGNED_SUBSCRIPTION"
    #: a signed message at the beginning, good for the connection
    AUTH_MESSAGE = "AUTH_MESSAGE"
    #: a signed token in the handshake, good for the connection
    HANDSHAKE_HEADER = "HANDSHAKE_HEADER"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestTerms:
    """What a REST client is made of."""

    credentials: Credentials
    market_type: MarketType
    redis_url: str
    limits: Limits
    #: None: the exchange itself
    base_url: str | None
    #: names the address the exchange sees, because that is what it counts and bans
    egress_ip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTerms:
    """What a private stream's credential, or the stream itself, is made of."""

    market_type: MarketType
    credentials: Credentials
    client: RestClient
    #: of the WebSocket host; None: the exchange itself
    base_url: str | None


class StreamMaker(Protocol):
    """Makes a private stream whose connection is not ours to keep."""

    def __call__(
        self,
        terms: StreamTerms,
        *,
        session_id: str,
        handler: StreamHandler,
        settings: StreamSettings,
    ) -> Stream:
        """Return it, not started yet."""


class Placed(Protocol):
    """What a place is read from: a report of a fill, or a row that keeps one."""

    @property
    def exchange_trade_id(self) -> str:
        """Its own id."""

    @property
    def executed_at(self) -> datetime:
        """When it happened, by the exchange's clock."""


class OrderReader(Protocol):
    """Reads one order of a REST answer. Raises MalformedMessage."""

    def __call__(
        self,
        answer: object,
        *,
        market_type: MarketType,
        id_space: IdSpace,
        requested_at: datetime,
        source: Source,
    ) -> OrderSnapshot:
        """Read it as it came, or as `raw` kept it."""


class ExecutionReader(Protocol):
    """Reads one fill of a REST answer. Raises MalformedMessage."""

    def __call__(self, answer: object, *, market_type: MarketType) -> ExecutionReport:
        """Read it as it came, or as `raw` kept it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """The declared facts of one exchange, and its pure readers."""

    name: str
    market_types: frozenset[MarketType]
    client_order_ids: ClientOrderIdRules
    #: by market type: not all of them are counted together
    limits: Mapping[MarketType, Limits]
    session_credential: SessionCredential
    #: how often the stream's credential must be extended; None where it does not expire
    credential_refresh: timedelta | None
    #: the exchange ends every connection after this long
    connection_lifetime: timedelta
    #: how long an order that ended can be asked for: without any fill, and with one
    remembers_unfilled: timedelta
    remembers_filled: timedelta
    parse: Callable[[MarketType, bytes | str], list[Message]]
    #: whether a frame tells of an order or a movement, or cannot be read; quicker than reading it
    concerns_orders: Callable[[MarketType, bytes | str], bool]
    #: read again what was kept of REST answers (`raw` of snapshots and executions)
    read_order: OrderReader
    read_execution: ExecutionReader
    #: where a fill stands in the list a trade cursor reads, as a number that only grows: a trade
    #: id, or a time in milliseconds where ids are no numbers (then a query begins *at* it)
    place_of: Callable[[Placed], int]
    #: REST dates fills no finer than this; the stream may
    rest_dates_to: timedelta = ONE_MILLISECOND
    #: whether REST says of a fill who made its price
    rest_tells_makers: bool = True
    rest: Callable[[RestTerms], RestClient]
    #: opens the private stream, which `PrivateStream` keeps; or else `stream` makes the whole of it
    credential: Callable[[StreamTerms], StreamCredential] | None = None
    stream: StreamMaker | None = None
    #: conditional orders it takes, and the numbering they live in until they trigger
    conditional_types: frozenset[OrderType] = frozenset()
    conditional_id_space: IdSpace = IdSpace.ORDER
    #: whether a MARKET order may name an amount of money instead of a quantity
    takes_quote_quantity: bool = False
    #: how many orders one request may place; 1: it has no such request
    batch_size: int = 1
    can_amend: bool = False
    #: market types of which other facts are true: theirs
    apart: Mapping[MarketType, Adapter] = field(default_factory=dict)

    def of(self, market_type: MarketType) -> Adapter:
        """Return the facts of one market type."""
        return self.apart.get(market_type, self)
