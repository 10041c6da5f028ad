"""What the books hold of one order now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracking.models import ClosedOrder, OpenOrder, StrategyPosition, Trade, TradeExecution
from tracking.services.payloads import (
    execution_payload,
    order_payload,
    position_payload,
    to_json,
    trade_payload,
)

if TYPE_CHECKING:
    from tracking.models.orders import OrderColumns
    from tracking.services.order_search import OrderKey
    from tracking.services.payloads import Payload


def books_of(key: OrderKey) -> Payload:
    """Give an order's row, trade, executions and the positions they moved; null where none is."""
    order = order_row(key)
    trade = Trade.objects.filter(**key.rows()).first()
    executions = list(TradeExecution.objects.filter(**key.rows()).order_by("executed_at", "pk"))
    return {
        "order": None if order is None else _order(order),
        "trade": trade_payload(trade) if trade else None,
        "executions": [
            execution_payload(row)
            | {
                "voided_at": to_json(row.voided_at),
                "unverifiable_at": to_json(row.unverifiable_at),
            }
            for row in executions
        ],
        "positions": [position_payload(row) for row in _positions(executions)],
    }


def order_row(key: OrderKey) -> OrderColumns | None:
    """Give the row of an order, open or closed."""
    for model in (OpenOrder, ClosedOrder):
        row = model.objects.filter(key.named(), market_type=key.market_type, id_space=key.id_space)
        if found := row.first():
            return found
    return None


def _order(row: OrderColumns) -> Payload:
    table = "closed" if isinstance(row, ClosedOrder) else "open"
    return {
        "table": table,
        "closed_at": to_json(getattr(row, "closed_at", None)),
        "unverifiable": row.unverifiable,
        **order_payload(row),
    }


def _positions(executions: list[TradeExecution]) -> list[StrategyPosition]:
    moved = [row for row in executions if not row.is_history]
    if not moved:
        return []
    return list(
        StrategyPosition.objects.filter(
            account_id=moved[0].account_id,
            market_type=moved[0].market_type,
            symbol=moved[0].symbol,
            position_side__in={row.position_side for row in moved},
            strategy_account_id=moved[0].strategy_account_id,
        )
    )
