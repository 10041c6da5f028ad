"""
What an exchange declares about itself, as values the rest of the system may rely on.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from exchanges.messages import (
        Exchange,
        ExecutionReport,
        IdSpace,
        MarketType,
        Message,
        OrderSnapshot,
        Source,
    )


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
class Limits:
    """The exchange's published ceilings: weight per address, orders per account."""

    weight_per_minute: int
    orders_per_10_seconds: int
    orders_per_minute: int


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

    name: Exchange
    market_types: frozenset[MarketType]
    client_order_ids: ClientOrderIdRules
    limits: Limits
    #: how often the stream's credential must be extended; None where it does not expire
    credential_refresh: timedelta | None
    #: the exchange ends every connection after this long
    connection_lifetime: timedelta
    #: how long an order that ended can be asked for: without any fill, and with one
    remembers_unfilled: timedelta
    remembers_filled: timedelta
    parse: Callable[[MarketType, bytes | str], list[Message]]
    #: whether a frame tells of an order, or cannot be read; quicker than reading it
    concerns_orders: Callable[[MarketType, bytes | str], bool]
    #: read again what was kept of REST answers (`raw` of snapshots and executions)
    read_order: OrderReader
    read_execution: ExecutionReader
