"""Waiting frames read and grouped per order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from exchanges import registry
from exchanges.errors import PermanentError
from exchanges.messages import OrderReport, OrderStatus
from tracking.domain.evidence import Evidence
from tracking.services import clients
from tracking.services.order_records import Gathered, HeardFrame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exchanges.messages import MarketType
    from tracking.models import ExchangeAccount
    from tracking.services.inbox import WaitingFrame
    from tracking.services.order_records import OrderIdentity


class Symbols(Protocol):
    """Knows the unified symbol of what an exchange calls a market."""

    def symbol_of(self, market_type: MarketType, symbol_id: str) -> str:
        """Give the unified symbol. Raises UnknownSymbol."""


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

    reports: list[OrderReport] = field(default_factory=list)
    events: list[WaitingFrame] = field(default_factory=list)

    def grouped(self, identity: OrderIdentity) -> Group:
        fills = [report.execution for report in self.reports if report.execution]
        market_type, symbol, id_space, exchange_order_id = identity
        gathered = Gathered(
            market_type=market_type,
            symbol=symbol,
            id_space=id_space,
            exchange_order_id=exchange_order_id,
            client_order_id=self.reports[0].client_order_id,
            evidence=Evidence(statements=tuple(self.reports), executions=tuple(fills)),
            received_at=self.events[0].received_at,
            frames=tuple(HeardFrame(event.pk, event.received_at) for event in self.events),
        )
        return Group(
            gathered,
            [event.pk for event in self.events],
            bool(fills) or self.reports[0].filled_quantity > 0,
            max(event.attempts for event in self.events),
        )


def group_by_order(
    account: ExchangeAccount, events: Sequence[WaitingFrame], symbols: Symbols | None = None
) -> tuple[list[Group], list[int], dict[int, str]]:
    """Read frames and group them per order.

    Returns the groups, the frames that say nothing about orders, and those nobody can read (with
    the reason). `symbols`: the exchange's own market table where None is given; raises
    TransientError when that cannot be loaded just now.
    """
    orders: dict[OrderIdentity, _Frames] = {}
    ignorable: list[int] = []
    bad: dict[int, str] = {}
    markets = symbols or clients.rest_client(account).markets
    for event in events:
        try:
            reports = _order_reports(account, event)
            for report in reports:
                symbol = markets.symbol_of(report.market_type, report.symbol_id)
                frames = orders.setdefault(_identity(report, symbol), _Frames())
                frames.reports.append(report)
                frames.events.append(event)
            if not reports:
                ignorable.append(event.pk)
        except PermanentError as error:
            bad[event.pk] = f"{type(error).__name__}: {error}"
    groups = [frames.grouped(identity) for identity, frames in orders.items()]
    return groups, ignorable, bad


def _order_reports(account: ExchangeAccount, event: WaitingFrame) -> list[OrderReport]:
    messages = registry.parse(account.exchange, event.market_type, event.raw)
    reports = [message for message in messages if isinstance(message, OrderReport)]
    return [report for report in reports if not _is_of_nothing(report)]


def _is_of_nothing(report: OrderReport) -> bool:
    """Whether it is the liquidation of nothing: Binance tells of orders over 0, filled with 0."""
    is_filled = report.status is OrderStatus.FILLED
    return is_filled and not report.quantity and not report.filled_quantity


def _identity(report: OrderReport, symbol: str) -> OrderIdentity:
    return report.market_type.value, symbol, report.id_space.value, report.exchange_order_id
