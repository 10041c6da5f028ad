"""Waiting frames read and grouped per order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exchanges import registry
from exchanges.errors import PermanentError
from exchanges.messages import OrderReport
from tracking.domain.evidence import Evidence
from tracking.services import clients
from tracking.services.order_records import Gathered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exchanges.messages import ExecutionReport
    from tracking.models import ExchangeAccount, StreamEvent


@dataclass(slots=True)
class Group:
    """The waiting frames of one order."""

    gathered: Gathered
    event_ids: list[int]
    has_fill: bool
    attempts: int


def group_by_order(
    account: ExchangeAccount, events: Sequence[StreamEvent]
) -> tuple[list[Group], list[int], dict[int, str]]:
    """Read frames and group them per order.

    Returns the groups, the frames that say nothing about orders, and those nobody can read (with
    the reason). Raises TransientError when the market table cannot be loaded just now.
    """
    groups: dict[tuple[str, str, str, str], Group] = {}
    ignorable: list[int] = []
    bad: dict[int, str] = {}
    markets = clients.rest_client(account).markets
    for event in events:
        try:
            reports = _order_reports(account, event)
            for report in reports:
                symbol = markets.symbol_of(report.market_type, report.symbol_id)
                _add(groups, report, symbol, event)
            if not reports:
                ignorable.append(event.pk)
        except PermanentError as error:
            bad[event.pk] = f"{type(error).__name__}: {error}"
    return list(groups.values()), ignorable, bad


def _order_reports(account: ExchangeAccount, event: StreamEvent) -> list[OrderReport]:
    messages = registry.parse(account.exchange, event.market_type, event.raw)
    return [message for message in messages if isinstance(message, OrderReport)]


def _add(
    groups: dict[tuple[str, str, str, str], Group],
    report: OrderReport,
    symbol: str,
    event: StreamEvent,
) -> None:
    key = (report.market_type.value, symbol, report.id_space.value, report.exchange_order_id)
    fills = (report.execution,) if report.execution else ()
    group = groups.get(key)
    if group is None:
        gathered = Gathered(
            market_type=key[0],
            symbol=symbol,
            id_space=key[2],
            exchange_order_id=report.exchange_order_id,
            client_order_id=report.client_order_id,
            evidence=Evidence(statements=(report,), executions=fills),
            received_at=event.received_at,
        )
        has_fill = bool(report.execution) or report.filled_quantity > 0
        groups[key] = Group(gathered, [event.pk], has_fill, event.attempts)
        return
    group.event_ids.append(event.pk)
    group.has_fill = group.has_fill or bool(report.execution)
    group.attempts = max(group.attempts, event.attempts)
    group.gathered = _extended(group.gathered, report, fills)


def _extended(
    gathered: Gathered, report: OrderReport, fills: tuple[ExecutionReport, ...]
) -> Gathered:
    evidence = gathered.evidence
    return replace(
        gathered,
        evidence=replace(
            evidence,
            statements=(*evidence.statements, report),
            executions=evidence.executions + fills,
        ),
    )
