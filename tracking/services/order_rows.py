"""Order and execution rows as the states the domain works on, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.messages import (
    ExecutionKind,
    MarketType,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Source,
    TimeInForce,
)
from tracking.domain.evidence import OrderState
from tracking.domain.executions import ZERO, ExecutionState, quantised, quote_of
from tracking.models import ClosedOrder, OpenOrder, Trade, TradeExecution
from tracking.services.payloads import plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal

    from tracking.models.orders import OrderColumns

INVERSE = MarketType.COIN_FUTURES.value
#: Columns that hold an order's state; what `merge` decides.
STATE_COLUMNS = (
    "exchange_order_id",
    "client_order_id",
    "side",
    "position_side",
    "order_type",
    "time_in_force",
    "price",
    "stop_price",
    "quantity",
    "filled_quantity",
    "filled_quote",
    "status",
    "reason",
    "reduce_only",
    "post_only",
    "exchange_updated_at",
    "verified",
    "resolved_by_absence",
    "unverifiable",
)
#: What a closed order takes over from the open one besides its state.
CARRIED_COLUMNS = (
    "account_id",
    "strategy_account_id",
    "market_type",
    "symbol",
    "id_space",
    "parent_exchange_order_id",
    "placed_by_us",
    "version",
    "created_at",
    "updated_at",
)
EXECUTION_COLUMNS = (
    "execution_price",
    "execution_quantity",
    "is_maker",
    "commission",
    "commission_asset",
    "commission_rate",
    "realized_pnl",
    "kind",
    "verified",
    "verified_at",
    "next_verify_at",
    "verify_attempts",
    "unverifiable_at",
    "voided_at",
    "disclaimed",
)


def execution_state(row: TradeExecution) -> ExecutionState:
    """Read an execution row."""
    return ExecutionState(
        exchange_trade_id=row.exchange_trade_id,
        side=Side(row.side),
        sequence=row.sequence,
        execution_price=row.execution_price,
        execution_quantity=row.execution_quantity,
        executed_at=row.executed_at,
        source=Source(row.source),
        kind=ExecutionKind(row.kind),
        is_maker=row.is_maker,
        commission=row.commission,
        commission_asset=row.commission_asset,
        realized_pnl=row.realized_pnl,
        verified=row.verified,
        voided=row.voided_at is not None,
        disclaimed=row.disclaimed,
        is_inverse=row.market_type == INVERSE,
    )


def order_state(row: OrderColumns, executions: Iterable[TradeExecution]) -> OrderState:
    """Read an order row with its executions."""
    return OrderState(
        status=OrderStatus(row.status),
        side=Side(row.side),
        quantity=row.quantity,
        exchange_order_id=row.exchange_order_id,
        client_order_id=row.client_order_id,
        position_side=PositionSide(row.position_side),
        order_type=OrderType(row.order_type),
        time_in_force=TimeInForce(row.time_in_force),
        price=row.price,
        stop_price=row.stop_price,
        filled_quantity=row.filled_quantity,
        filled_quote=row.filled_quote,
        reason=row.reason,
        reduce_only=row.reduce_only,
        post_only=row.post_only,
        exchange_updated_at=row.exchange_updated_at,
        verified=row.verified,
        resolved_by_absence=row.resolved_by_absence,
        unverifiable=row.unverifiable,
        withheld_status=_withheld_status(row),
        is_inverse=row.market_type == INVERSE,
        executions=tuple(execution_state(e) for e in executions),
    )


def _withheld_status(row: OrderColumns) -> OrderStatus | None:
    if isinstance(row, OpenOrder) and row.withheld_status:
        return OrderStatus(row.withheld_status)
    return None


def write_state(row: OrderColumns, state: OrderState, now: datetime) -> None:
    """Put a state into a row, as its next version."""
    for column in STATE_COLUMNS:
        value = getattr(state, column)
        setattr(row, column, getattr(value, "value", value))
    row.reason = state.reason[:200]
    if isinstance(row, OpenOrder):
        withheld = state.withheld_status
        row.withheld_status = withheld.value if withheld else None
    row.version += 1
    row.updated_at = now


def closed_from(row: OpenOrder, now: datetime) -> ClosedOrder:
    """Make the memory of an order that has ended. Kept for ever if it filled or was ours."""
    closed = ClosedOrder(closed_at=now, keep=row.placed_by_us or bool(row.filled_quantity))
    for column in (*CARRIED_COLUMNS, *STATE_COLUMNS):
        setattr(closed, column, getattr(row, column))
    return closed


def reopened_from(row: ClosedOrder, state: OrderState) -> OpenOrder:
    """Make the open order of one that was held failed or absent and lives after all."""
    withheld = state.withheld_status
    order = OpenOrder(withheld_status=withheld.value if withheld else None)
    for column in (*CARRIED_COLUMNS, *STATE_COLUMNS):
        setattr(order, column, getattr(row, column))
    return order


def new_trade(state: OrderState) -> Trade:
    """Make the row of an order's first fill; where it belongs is for the caller to say."""
    return Trade(
        exchange_order_id=str(state.exchange_order_id),
        client_order_id=state.client_order_id,
        side=state.side.value,
        position_side=state.position_side.value,
    )


def new_execution(
    trade: Trade, state: ExecutionState, *, is_history: bool, now: datetime
) -> TradeExecution:
    """Make the row of a fill seen for the first time; `trade` gives its order and owner."""
    return TradeExecution(
        trade=trade,
        account_id=trade.account_id,
        strategy_account_id=trade.strategy_account_id,
        market_type=trade.market_type,
        symbol=trade.symbol,
        id_space=trade.id_space,
        exchange_order_id=trade.exchange_order_id,
        exchange_trade_id=state.exchange_trade_id,
        side=state.side.value,
        sequence=state.sequence,
        position_side=trade.position_side,
        execution_price=state.execution_price,
        execution_quantity=state.execution_quantity,
        is_maker=state.is_maker,
        commission=state.commission,
        commission_asset=state.commission_asset,
        realized_pnl=state.realized_pnl,
        executed_at=state.executed_at,
        kind=state.kind.value,
        source=state.source.value,
        verified=state.verified,
        verified_at=now if state.verified else None,
        next_verify_at=None if state.verified else now,
        is_history=is_history,
        voided_at=now if state.voided else None,
        disclaimed=state.disclaimed,
        created_at=now,
    )


def rewrite_execution(row: TradeExecution, state: ExecutionState, now: datetime) -> None:
    """Put what has become known of a fill into its row; another asset's rate is not its own."""
    if row.commission_asset != state.commission_asset:
        row.commission_rate = None
    row.execution_price = state.execution_price
    row.execution_quantity = state.execution_quantity
    row.is_maker = state.is_maker
    row.commission = state.commission
    row.commission_asset = state.commission_asset
    row.realized_pnl = state.realized_pnl
    row.kind = state.kind.value
    row.disclaimed = state.disclaimed
    if state.verified and not row.verified:
        row.verified, row.verified_at, row.next_verify_at = True, now, None
        row.unverifiable_at = None
    if state.voided != (row.voided_at is not None):
        row.voided_at = now if state.voided else None
        row.next_verify_at = None if state.voided else now
        row.verify_attempts, row.unverifiable_at = 0, None


def recompute_trade(trade: Trade, executions: Iterable[TradeExecution]) -> None:
    """Fold an order's live executions into its trade. Recomputed, never incremented.

    One whose fills were all disclaimed stays, with nothing filled, as the fills themselves do.
    """
    booked = list(executions)
    live = [e for e in booked if e.voided_at is None]
    trade.filled_quantity = sum((e.execution_quantity for e in live), ZERO)
    is_inverse = trade.market_type == INVERSE
    trade.filled_quote = sum(
        (quote_of(e.execution_price, e.execution_quantity, is_inverse=is_inverse) for e in live),
        ZERO,
    )
    trade.execution_count = len(live)
    trade.first_executed_at = min(e.executed_at for e in live or booked)
    trade.last_executed_at = max(e.executed_at for e in live or booked)
    known = [e.realized_pnl for e in live if e.realized_pnl is not None]
    trade.realized_pnl = quantised(sum(known, ZERO)) if len(known) == len(live) else None
    trade.commissions = _commissions(live)


def _commissions(live: list[TradeExecution]) -> dict[str, str]:
    sums: dict[str, Decimal] = {}
    for execution in live:
        if execution.commission is not None and execution.commission_asset:
            asset = execution.commission_asset
            sums[asset] = sums.get(asset, ZERO) + execution.commission
    return {asset: plain(total) for asset, total in sorted(sums.items())}
