"""
What one writes first: a Celery task for each fill, one question to REST, one ORM transaction.

It has the same tables, the same REST client, the same worker with its connections kept open, and is
correct as far as it goes; it is what the batched write path is compared with. The reader hands on
fills only, so the naive variant pays nothing for frames that carry none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from exchanges import registry
from exchanges.messages import OrderReport, OrderSnapshot, OrderStatus, Side
from exchanges.questions import OrderRef
from tracking.models import (
    ClosedOrder,
    ExchangeAccount,
    OpenOrder,
    StrategyPosition,
    Trade,
    TradeExecution,
)
from tracking.services import clients

if TYPE_CHECKING:
    from exchanges.messages import ExecutionReport


def fill_in(account: ExchangeAccount, raw: bytes | str) -> OrderReport | None:
    """Read a frame; None if it tells of no fill."""
    for message in registry.parse(account.exchange, account.market_type, raw):
        if isinstance(message, OrderReport) and message.execution:
            return message
    return None


@shared_task(name="bench.book_fill", queue="events")
def book_fill(*, account_id: int, raw: str) -> None:
    """Ask REST about the fill's order, and book both."""
    account = ExchangeAccount.objects.get(pk=account_id)
    report = fill_in(account, raw)
    if report is None or report.execution is None:
        return
    client = clients.rest_client(account)
    ref = OrderRef(
        market_type=report.market_type,
        symbol_id=report.symbol_id,
        exchange_order_id=report.exchange_order_id,
    )
    snapshot = client.fetch_order(ref)
    symbol = client.markets.symbol_of(report.market_type, report.symbol_id)
    with transaction.atomic():
        _book(account, symbol, snapshot, report.execution)


def _book(
    account: ExchangeAccount, symbol: str, snapshot: OrderSnapshot, fill: ExecutionReport
) -> None:
    identity = {
        "account": account,
        "market_type": fill.market_type.value,
        "symbol": symbol,
        "exchange_order_id": fill.exchange_order_id,
    }
    order = _order(identity, snapshot)
    trade = _trade(identity, fill)
    _, is_new = TradeExecution.objects.get_or_create(
        **identity,
        exchange_trade_id=fill.exchange_trade_id,
        side=fill.side.value,
        defaults={
            "trade": trade,
            "execution_price": fill.execution_price,
            "execution_quantity": fill.execution_quantity,
            "is_maker": fill.is_maker,
            "commission": fill.commission,
            "commission_asset": fill.commission_asset,
            "realized_pnl": fill.realized_pnl,
            "executed_at": fill.executed_at,
            "source": fill.source.value,
            "verified": snapshot.filled_quantity >= fill.execution_quantity,
            "verified_at": timezone.now(),
            "created_at": timezone.now(),
        },
    )
    if is_new:
        _move(trade, fill)
        _move_position(identity, fill)
    _end_or_save(order, identity, snapshot)


def _order(identity: dict[str, Any], snapshot: OrderSnapshot) -> OpenOrder | None:
    if ClosedOrder.objects.filter(**identity).exists():
        return None
    order, _ = OpenOrder.objects.select_for_update().get_or_create(
        **identity,
        defaults={
            "client_order_id": snapshot.client_order_id,
            "side": snapshot.side.value,
            "order_type": snapshot.order_type.value,
            "price": snapshot.price,
            "quantity": snapshot.quantity,
            "status": OrderStatus.NEW.value,
            "created_at": timezone.now(),
            "updated_at": timezone.now(),
        },
    )
    return order


def _trade(identity: dict[str, Any], fill: ExecutionReport) -> Trade:
    trade, _ = Trade.objects.select_for_update().get_or_create(
        **identity,
        defaults={
            "side": fill.side.value,
            "filled_quantity": 0,
            "filled_quote": 0,
            "execution_count": 0,
            "first_executed_at": fill.executed_at,
            "last_executed_at": fill.executed_at,
        },
    )
    return trade


def _move(trade: Trade, fill: ExecutionReport) -> None:
    trade.filled_quantity += fill.execution_quantity
    trade.filled_quote += fill.execution_quantity * fill.execution_price
    trade.execution_count += 1
    trade.first_executed_at = min(trade.first_executed_at, fill.executed_at)
    trade.last_executed_at = max(trade.last_executed_at, fill.executed_at)
    trade.save()


def _move_position(identity: dict[str, Any], fill: ExecutionReport) -> None:
    position, _ = StrategyPosition.objects.select_for_update().get_or_create(
        account=identity["account"],
        strategy_account=None,
        market_type=identity["market_type"],
        symbol=identity["symbol"],
        defaults={"updated_at": timezone.now()},
    )
    bought = fill.side is Side.BUY
    position.quantity += fill.execution_quantity if bought else -fill.execution_quantity
    position.execution_count += 1
    position.updated_at = timezone.now()
    position.save()


def _end_or_save(
    order: OpenOrder | None, identity: dict[str, Any], snapshot: OrderSnapshot
) -> None:
    if order is None:
        return
    order.filled_quantity = max(order.filled_quantity, snapshot.filled_quantity)
    order.status = (snapshot.status or OrderStatus.NEW).value
    order.exchange_updated_at = snapshot.exchange_updated_at
    order.updated_at = timezone.now()
    if snapshot.status is not OrderStatus.FILLED:
        order.save()
        return
    columns = {field.attname for field in ClosedOrder._meta.concrete_fields} - {"id"}
    kept = {name: getattr(order, name) for name in columns if hasattr(order, name)}
    order.delete()
    # two fills of one order may both hear that it has ended
    ClosedOrder.objects.get_or_create(
        **identity, defaults=kept | {"closed_at": timezone.now(), "keep": True}
    )
