"""
What REST once answered, read again from `OrderEvidence.answers` by the adapter's own readers.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from exchanges import registry
from exchanges.messages import IdSpace, MarketType, OrderStatus, Source
from exchanges.wire import decode
from tracking.domain.evidence import Evidence, Verdict
from tracking.services.verification import explained

if TYPE_CHECKING:
    from exchanges.messages import ExecutionReport, OrderSnapshot
    from tracking.models import OrderEvidence

#: what one merge keeps is a few answers; a list of 1,000 trades among them is under 500 KiB
_LIMIT = 1 << 26


def read(exchange: str, row: OrderEvidence) -> list[Evidence]:
    """Read what a row kept; empty where no answer took part. Raises MalformedMessage."""
    if not row.answers:
        return []
    kept = cast("list[dict[str, Any]]", decode(row.answers, limit=_LIMIT))
    return [_evidence(exchange, row, answer) for answer in kept]


def _evidence(exchange: str, row: OrderEvidence, answer: dict[str, Any]) -> Evidence:
    market_type = MarketType(row.market_type)
    snapshots = tuple(_order(exchange, row, order) for order in answer.get("orders", ()))
    reader = registry.adapter(exchange).read_execution
    fills: list[ExecutionReport] = [
        reader(trade, market_type=market_type) for trade in answer.get("executions", ())
    ]
    return Evidence(
        statements=snapshots,
        executions=tuple(explained(fills, snapshots[-1] if snapshots else None)),
        trades_complete=answer.get("trades_complete", False),
        verdict=_verdict(answer["verdict"]) if answer.get("verdict") else None,
    )


def _order(exchange: str, row: OrderEvidence, order: dict[str, Any]) -> OrderSnapshot:
    return registry.adapter(exchange).read_order(
        order["row"],
        market_type=MarketType(row.market_type),
        id_space=IdSpace(row.id_space),
        requested_at=datetime.fromisoformat(order["requested_at"]),
        source=Source(order["source"]),
    )


def _verdict(kept: dict[str, Any]) -> Verdict:
    return Verdict(**(kept | {"status": OrderStatus(kept["status"])}))
