"""Statements and fills with sensible defaults; a test names only what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from exchanges.messages import (
    ExecutionReport,
    MarketType,
    OrderReport,
    OrderSnapshot,
    OrderStatus,
    Side,
    Source,
)
from tracking.domain.evidence import Evidence, OrderState, Transition, Verdict
from tracking.domain.orders import merge

if TYPE_CHECKING:
    from tracking.domain.executions import ExecutionKey
    from tracking.domain.findings import AnomalyKind

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def a_fill(trade_id: str = "1", quantity: str = "1", price: str = "100", **terms: Any) -> Any:
    fill = ExecutionReport(
        market_type=MarketType.FUTURES,
        symbol_id="BTCUSDT",
        exchange_order_id="7",
        exchange_trade_id=trade_id,
        side=Side.BUY,
        execution_price=Decimal(price),
        execution_quantity=Decimal(quantity),
        executed_at=at(int(trade_id) if trade_id.isdigit() else 0),
        source=Source.WS,
        is_maker=True,
        commission=Decimal("0.01"),
        commission_asset="USDT",
        realized_pnl=Decimal(0),
    )
    return replace(fill, **terms)


def a_report(
    status: OrderStatus | None = OrderStatus.NEW,
    filled: str = "0",
    *,
    second: float = 0,
    **terms: Any,
) -> OrderReport:
    report = OrderReport(
        market_type=MarketType.FUTURES,
        symbol_id="BTCUSDT",
        exchange_order_id="7",
        status=status,
        exchange_status=status.value if status else "STRANGE",
        side=Side.BUY,
        quantity=Decimal(3),
        filled_quantity=Decimal(filled),
        exchange_updated_at=at(second),
        price=Decimal(100),
        event_at=at(second),
    )
    return replace(report, **terms)


def a_snapshot(
    status: OrderStatus = OrderStatus.NEW, filled: str = "0", *, second: float = 0, **terms: Any
) -> OrderSnapshot:
    snapshot = OrderSnapshot(
        market_type=MarketType.FUTURES,
        symbol_id="BTCUSDT",
        exchange_order_id="7",
        status=status,
        exchange_status=status.value,
        side=Side.BUY,
        quantity=Decimal(3),
        filled_quantity=Decimal(filled),
        filled_quote=Decimal(filled) * 100,
        exchange_updated_at=at(second),
        price=Decimal(100),
        requested_at=at(second),
    )
    return replace(snapshot, **terms)


def seen(*statements: Any, fills: tuple[Any, ...] = (), complete: bool = False) -> Evidence:
    return Evidence(statements=tuple(statements), executions=tuple(fills), trades_complete=complete)


def ours(status: OrderStatus, **terms: Any) -> Any:
    """An order we placed, of which the exchange has said nothing yet."""
    state = OrderState(
        status=status,
        side=Side.BUY,
        quantity=Decimal(3),
        client_order_id="mine",
        price=Decimal(100),
    )
    return replace(state, **terms)


def judged(
    status: OrderStatus,
    reason: str = "because",
    *,
    by_absence: bool = False,
    is_forgotten: bool = False,
) -> Evidence:
    return Evidence(
        verdict=Verdict(
            status=status, reason=reason, by_absence=by_absence, is_forgotten=is_forgotten
        )
    )


def denied(*keys: ExecutionKey) -> Evidence:
    """Staff says these fills did not happen."""
    return Evidence(disclaimed=keys)


def key(trade_id: str = "1", sequence: int = 0) -> ExecutionKey:
    return trade_id, "BUY", sequence


def live(state: OrderState) -> dict[str, Decimal]:
    return {e.exchange_trade_id: e.execution_quantity for e in state.executions if not e.voided}


def kinds(transition: Transition) -> set[AnomalyKind]:
    return {finding.kind for finding in transition.findings}


def merged(*evidence: Evidence, state: OrderState | None = None) -> Transition:
    """Merge one piece of evidence after another; give the last transition."""
    transition: Transition | None = None
    for item in evidence:
        transition = merge(state, item)
        state = transition.after
    assert transition is not None
    return transition
