"""Multi-row writes of locked rows, and which columns each kind of row may change."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from tracking.models import ClosedOrder, OpenOrder, Trade, TradeExecution
from tracking.services.order_rows import STATE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tracking.domain.evidence import Transition

Row = TypeVar("Row", Trade, TradeExecution, OpenOrder, ClosedOrder)

#: An order that REST has to settle is asked about this soon; later: `verification_queue`.
FIRST_CHECK = timedelta(seconds=1)

OPEN_COLUMNS = (
    *STATE_COLUMNS,
    "strategy_account",
    "version",
    "updated_at",
    "next_verify_at",
    "verify_attempts",
    "not_found_count",
    "not_found_at",
    "cancel_requested_at",
    "withheld_status",
)

CLOSED_COLUMNS = (*STATE_COLUMNS, "version", "updated_at", "keep")

TRADE_COLUMNS = (
    "filled_quantity",
    "filled_quote",
    "realized_pnl",
    "commissions",
    "execution_count",
    "first_executed_at",
    "last_executed_at",
)


def upsert(model: type[Row], rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Update many locked rows in one statement (bulk_update's CASE lists are far slower)."""
    unique = {row.pk: row for row in rows}
    model._default_manager.bulk_create(  # noqa: SLF001 - the manager of any model
        list(unique.values()),
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=list(columns),
        batch_size=2000,
    )


def plan_check(row: OpenOrder, last: Transition, now: datetime) -> None:
    """Put the order in, or take it from, the verification queue."""
    if not last.needs_rest and row.cancel_requested_at is None:
        row.next_verify_at, row.verify_attempts = None, 0
    elif row.next_verify_at is None:
        row.next_verify_at = now + FIRST_CHECK
