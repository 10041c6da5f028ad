"""
What was said of each order, kept beside what that made of it.

One row for each order a transaction merged, if a frame brought its evidence or anything changed;
an answer that only confirms what is known leaves no row. Frames stay in the inbox, the row names
them; of REST's answers the row keeps what was read, with numbers as they were told. Written in the
emitter's transaction: no change of the books is without its evidence, and none of this is on record
for what was rolled back.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from exchanges.messages import OrderSnapshot, Source
from exchanges.redaction import redacted
from tracking.domain.executions import ZERO
from tracking.models import OrderEvidence
from tracking.models.fields import compressed
from tracking.services import bulk_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from tracking.domain.evidence import Evidence, Transition
    from tracking.domain.executions import ExecutionState
    from tracking.services.order_records import Gathered, Record

#: among the sources: what we concluded ourselves
VERDICT = "VERDICT"
_COLUMNS = (
    "account_id",
    "created_at",
    "market_type",
    "symbol",
    "id_space",
    "exchange_order_id",
    "client_order_id",
    "sources",
    "stream_event_ids",
    "answers",
    "changed",
    "status_before",
    "status_after",
    "filled_before",
    "filled_after",
    "executions_added",
    "executions_updated",
    "gap",
    "findings",
    "version",
    "received_at",
)
_NOTHING = compressed("")


def write(account_id: int, records: Iterable[Record], now: datetime) -> None:
    """Keep why the records are what they are; after they were written, in their transaction."""
    lines = [
        bulk_rows.line((account_id, now, *_row(record)))
        for record in records
        if any(done.changed or said.frames for said, done in record.transitions)
    ]
    if lines:
        bulk_rows.copy_lines(OrderEvidence, _COLUMNS, lines)


def _row(record: Record) -> tuple[object, ...]:
    said = [gathered for gathered, _ in record.transitions]
    done = [transition for _, transition in record.transitions]
    before, after, last = done[0].before, done[-1].after, said[-1]
    added, updated = _counts(done)
    return (
        last.market_type,
        last.symbol,
        last.id_space,
        after.exchange_order_id or last.exchange_order_id,
        after.client_order_id or last.client_order_id,
        _sources(said),
        tuple(dict.fromkeys(frame.pk for gathered in said for frame in gathered.frames)),
        _compressed_answers(said),
        any(transition.changed for transition in done),
        before.status.value if before else "",
        after.status.value,
        before.filled_quantity if before else ZERO,
        after.filled_quantity,
        added,
        updated,
        done[-1].gap,
        tuple(f"{finding.kind}: {finding.detail}" for t in done for finding in t.findings),
        record.row.version if record.row else 1,
        min((g.received_at for g in said if g.received_at), default=None),
    )


def _counts(done: list[Transition]) -> tuple[int, int]:
    """Count the executions that are new, and those that differ; a guess retired here is neither."""
    last: dict[object, ExecutionState] = {}
    added: set[object] = set()
    for transition in done:
        added |= {state.key for state in transition.added}
        last |= {state.key: state for state in (*transition.added, *transition.updated)}
    kept = {key for key in added if not last[key].voided}
    return len(kept), len(last.keys() - added)


def _sources(said: list[Gathered]) -> tuple[str, ...]:
    return tuple(sorted({source for gathered in said for source in _sources_of(gathered)}))


def _sources_of(gathered: Gathered) -> set[str]:
    evidence = gathered.evidence
    found: set[str] = set()
    for statement in evidence.statements:
        source = statement.source if isinstance(statement, OrderSnapshot) else Source.WS
        found.add(source.value)
    found |= {execution.source.value for execution in evidence.executions}
    if not gathered.frames and len(found) > 1:
        # answers to what booked frames left open; the frames are named where they were booked
        found.discard(Source.WS.value)
    if evidence.disclaimed:
        found.add(Source.MANUAL.value)
    return found | {VERDICT} if evidence.verdict else found


def _compressed_answers(said: list[Gathered]) -> bytes:
    kept = [answer for gathered in said if (answer := _answer(gathered.evidence))]
    return compressed(redacted(_json(kept))) if kept else _NOTHING


def _answer(evidence: Evidence) -> dict[str, Any]:
    """Give what is in no frame: REST's rows, and what we concluded."""
    kept: dict[str, Any] = {}
    if orders := [_order(s) for s in evidence.statements if isinstance(s, OrderSnapshot)]:
        kept["orders"] = orders
    if executions := [e.raw for e in evidence.executions if e.raw is not None]:
        kept["executions"] = executions
    if evidence.trades_complete:
        kept["trades_complete"] = True
    if evidence.verdict:
        kept["verdict"] = asdict(evidence.verdict)
    return kept


def _order(snapshot: OrderSnapshot) -> dict[str, Any]:
    return {
        "source": snapshot.source.value,
        "requested_at": snapshot.requested_at,
        "row": snapshot.raw,
    }


def _json(kept: list[dict[str, Any]]) -> str:
    try:
        return orjson.dumps(kept, default=_plain).decode()
    except TypeError:
        # a number beyond 64 bits, a lone surrogate, nested without end: in fields nobody reads
        return json.dumps([_reduced(answer) for answer in kept], default=_plain)


def _plain(value: object) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _reduced(answer: dict[str, Any]) -> dict[str, Any]:
    orders = [order | {"row": _scalars(order["row"])} for order in answer.get("orders", ())]
    return answer | {
        "orders": orders,
        "executions": [_scalars(row) for row in answer.get("executions", ())],
    }


def _scalars(row: Mapping[str, object] | None) -> dict[str, object]:
    return {k: v for k, v in (row or {}).items() if not isinstance(v, (dict, list))}
