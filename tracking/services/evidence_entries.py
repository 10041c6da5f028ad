"""
The evidence of one order as entries of its life: frames, answers, and what each merge made of them.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from exchanges import registry
from exchanges.errors import ExchangeError
from exchanges.messages import FillReport, OrderReport, OrderSnapshot, Source
from tracking.models import StreamEvent
from tracking.services import kept_answers
from tracking.services.life import Entry, milliseconds
from tracking.services.payloads import plain, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.messages import ExecutionReport
    from tracking.domain.evidence import Evidence
    from tracking.models import OrderEvidence
    from tracking.services.order_search import OrderKey
    from tracking.services.payloads import Json

#: so many fills fit a line
SHOWN = 8


def frames(key: OrderKey, exchange: str, evidence: list[OrderEvidence]) -> Iterator[Entry]:
    """Tell the frames an order's evidence names."""
    booked = {pk: row for row in reversed(evidence) for pk in row.stream_event_ids}
    kept = StreamEvent.objects.in_bulk(list(booked))
    for pk, row in booked.items():
        if pk in kept:
            yield _frame(key, exchange, kept[pk], row)
        else:
            yield Entry(
                at=row.received_at or row.created_at,
                kind="frame",
                source="WS",
                text=f"frame {pk}, no longer kept",
                details={"frame": pk},
            )


def _frame(key: OrderKey, exchange: str, event: StreamEvent, row: OrderEvidence) -> Entry:
    details: dict[str, Json] = {
        "frame": event.pk,
        "session": to_json(event.session_id),
        "booked_after_ms": milliseconds(event.received_at, row.created_at),
    }
    text = "cannot be read any more"
    if reports := _reports(key, exchange, event):
        text = "; ".join(map(_told, reports))
        details["event_at"] = to_json(reports[0].event_at)
        details["received_after_ms"] = milliseconds(reports[0].event_at, event.received_at)
    return Entry(
        at=event.received_at, kind="frame", source="WS", text=text, details=details, raw=event.raw
    )


def _reports(key: OrderKey, exchange: str, event: StreamEvent) -> list[OrderReport | FillReport]:
    """Read what a frame tells of this order; it may tell of others, and of this one twice."""
    try:
        messages = registry.parse(exchange, event.market_type, event.raw)
    except ExchangeError:
        return []
    reports = [message for message in messages if isinstance(message, OrderReport | FillReport)]
    return [r for r in reports if r.exchange_order_id == key.exchange_order_id]


def _told(report: OrderReport | FillReport) -> str:
    if isinstance(report, FillReport):
        return _fill(report.execution)
    text = f"{report.exchange_status} {plain(report.filled_quantity)}/{plain(report.quantity)}"
    return text if report.execution is None else f"{text}, {_fill(report.execution)}"


def _fill(fill: ExecutionReport) -> str:
    amounts = f"{plain(fill.execution_quantity)} @ {plain(fill.execution_price)}"
    return f"fill {amounts} #{fill.exchange_trade_id}"


def answers(exchange: str, row: OrderEvidence) -> Iterator[Entry]:
    """Tell what REST answered, and what we concluded, in one merge."""
    try:
        kept = kept_answers.read(exchange, row)
    except ExchangeError:
        yield Entry(
            at=row.created_at, kind="answer", text="cannot be read any more", raw=row.answers
        )
        return
    for evidence in kept:
        for statement in evidence.statements:
            if isinstance(statement, OrderSnapshot):
                yield _order(row, statement)
        if evidence.executions or evidence.trades_complete:
            yield _trades(row, evidence)
        if verdict := evidence.verdict:
            text = f"{verdict.status}: {verdict.reason}"
            yield Entry(at=row.created_at, kind="conclusion", source="OURS", text=text)


def _order(row: OrderEvidence, told: OrderSnapshot) -> Entry:
    return Entry(
        at=told.requested_at,
        kind="answer",
        source=told.source.value,
        text=f"{told.exchange_status} {plain(told.filled_quantity)}/{plain(told.quantity)}",
        details={"booked_after_ms": milliseconds(told.requested_at, row.created_at)},
        raw=_json(told.raw),
    )


def _trades(row: OrderEvidence, evidence: Evidence) -> Entry:
    fills = evidence.executions
    told = ", ".join(
        f"{plain(f.execution_quantity)} @ {plain(f.execution_price)} #{f.exchange_trade_id}"
        for f in fills[:SHOWN]
    )
    more = f" and {len(fills) - SHOWN} more" if len(fills) > SHOWN else ""
    return Entry(
        at=row.created_at,
        kind="answer",
        source=Source.REST_TRADES.value,
        text=f"{len(fills)} trade(s): {told}{more}" if fills else "no trades",
        details={"complete": evidence.trades_complete},
        raw=_json([fill.raw for fill in fills]),
    )


def merge(row: OrderEvidence) -> Entry:
    """Tell what a merge made of its order."""
    text = "nothing new"
    if row.changed:
        before, after = row.status_before or "unknown", row.status_after
        text = (
            f"{before} to {after}, filled {plain(row.filled_before)} to {plain(row.filled_after)}"
        )
    counts = (("new", row.executions_added), ("rewritten", row.executions_updated))
    text += "".join(f", {count} {word} fill(s)" for word, count in counts if count)
    text += f", {plain(row.gap)} unexplained" if row.gap else ""
    return Entry(
        at=row.created_at,
        kind="merge",
        source="+".join(row.sources),
        text="; ".join([text, *row.findings]),
        details={
            "changed": row.changed,
            "status_before": row.status_before,
            "status_after": row.status_after,
            "filled_before": to_json(row.filled_before),
            "filled_after": to_json(row.filled_after),
            "executions_added": row.executions_added,
            "executions_updated": row.executions_updated,
            "gap": to_json(row.gap),
            "findings": to_json(row.findings),
            "version": row.version,
            "frames": to_json(row.stream_event_ids),
        },
    )


def _json(told: object) -> str:
    return json.dumps(told, default=str)
