"""Waiting frames read and grouped per order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from exchanges import registry
from exchanges.errors import PermanentError
from exchanges.messages import FillReport, OrderReport, OrderStatus, UnclassifiedMessage
from tracking.domain.evidence import Evidence
from tracking.services import clients
from tracking.services.order_records import Gathered, HeardFrame

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from exchanges.messages import MarketType
    from tracking.models import ExchangeAccount
    from tracking.services.inbox import WaitingFrame
    from tracking.services.order_records import OrderIdentity


class Symbols(Protocol):
    """Knows the unified symbol of what an exchange calls a market."""

    def symbol_of(self, market_type: MarketType, symbol_id: str) -> str:
        """Give the unified symbol. Raises UnknownSymbol."""


_Told = OrderReport | FillReport | UnclassifiedMessage


class UnclassifiedError(PermanentError):
    """An exchange told of something we do not know: a person must look at it."""

    def __init__(self, message: UnclassifiedMessage) -> None:
        super().__init__(f"{message.event} in {message.symbol_id or 'no market'}")


@dataclass(slots=True)
class Group:
    """The waiting frames of one order."""

    gathered: Gathered
    event_ids: list[int]
    has_fill: bool
    attempts: int


@dataclass(slots=True)
class _Frames:
    """What was read for one order so far."""

    reports: list[OrderReport | FillReport] = field(default_factory=list)
    #: what brought the reports, one each
    events: list[WaitingFrame] = field(default_factory=list)

    def take(self, message: _Told, event: WaitingFrame) -> None:
        """Add what a frame tells of this order."""
        if not isinstance(message, UnclassifiedMessage):
            self.reports.append(message)
            self.events.append(event)

    def grouped(self, identity: OrderIdentity, bad: Container[int]) -> Group:
        """Make a group; what else is in a frame nobody can read must not be taken for settled."""
        statements = [report for report in self.reports if isinstance(report, OrderReport)]
        fills = [report.execution for report in self.reports if report.execution]
        market_type, symbol, id_space, exchange_order_id = identity
        gathered = Gathered(
            market_type=market_type,
            symbol=symbol,
            id_space=id_space,
            exchange_order_id=exchange_order_id,
            client_order_id=next(
                (r.client_order_id for r in self.reports if r.client_order_id), None
            ),
            evidence=Evidence(statements=tuple(statements), executions=tuple(fills)),
            received_at=self.events[0].received_at,
            frames=tuple(
                HeardFrame(event.pk, event.received_at, report)
                for event, report in zip(self.events, self.reports, strict=True)
            ),
        )
        event_ids = dict.fromkeys(event.pk for event in self.events if event.pk not in bad)
        return Group(
            gathered,
            list(event_ids),
            bool(fills) or any(report.filled_quantity > 0 for report in statements[:1]),
            max(event.attempts for event in self.events),
        )


def group_by_order(
    account: ExchangeAccount, events: Sequence[WaitingFrame], symbols: Symbols | None = None
) -> tuple[list[Group], list[int], dict[int, str]]:
    """Read frames and group them per order.

    Returns the groups, the frames that say nothing about orders, and those nobody can read (with
    the reason). A frame may tell of several orders; what can be read of one that cannot be read
    whole is grouped all the same. `symbols`: the exchange's own market table where None is given;
    raises TransientError when that cannot be loaded just now.
    """
    orders: dict[OrderIdentity, _Frames] = {}
    ignorable: list[int] = []
    bad: dict[int, str] = {}
    markets = symbols or clients.rest_client(account).markets
    for event in events:
        try:
            told = _told_by(account, event)
        except PermanentError as error:
            bad[event.pk] = _reason(error)
            continue
        if not told:
            ignorable.append(event.pk)
        for message in told:
            try:
                frames = orders.setdefault(_identity(message, markets), _Frames())
            except PermanentError as error:
                bad[event.pk] = _reason(error)
            else:
                frames.take(message, event)
    groups = [frames.grouped(identity, bad) for identity, frames in orders.items()]
    return groups, ignorable, bad


def _told_by(account: ExchangeAccount, event: WaitingFrame) -> list[_Told]:
    messages = registry.parse(account.exchange, event.market_type, event.raw)
    told = [message for message in messages if isinstance(message, _Told)]
    return [message for message in told if not _is_of_nothing(message)]


def _reason(error: PermanentError) -> str:
    return f"{type(error).__name__}: {error}"


def _is_of_nothing(message: _Told) -> bool:
    """Whether it is the liquidation of nothing: Binance tells of orders over 0, filled with 0."""
    if not isinstance(message, OrderReport):
        return False
    is_filled = message.status is OrderStatus.FILLED
    return is_filled and not message.quantity and not message.filled_quantity


def _identity(message: _Told, markets: Symbols) -> OrderIdentity:
    """Say which order a message is about. Raises UnknownSymbol, UnclassifiedError."""
    if isinstance(message, UnclassifiedMessage):
        raise UnclassifiedError(message)
    symbol = markets.symbol_of(message.market_type, message.symbol_id)
    return message.market_type.value, symbol, message.id_space.value, message.exchange_order_id
