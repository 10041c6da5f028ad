"""Requests made by hand, and the transaction that attempts them, for tests of what it asks."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from exchanges.messages import MarketType, OrderType, Side
from exchanges.questions import NewOrder
from tests.factories import OpenOrderFactory
from tracking.models import OrderRequest, StrategyAccount
from tracking.services import halts, order_limits, waiting_queue
from tracking.services.event_emitter import lock_account

if TYPE_CHECKING:
    from datetime import datetime

SYMBOL = "BTC/USDT:USDT"
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as dispatch prepares it."""

    notional: Decimal | None
    notional_asset: str
    order: NewOrder


def prepared(worth: str | None = "100", asset: str = "USDT", **terms: Any) -> Order:
    order = NewOrder(
        **{
            "market_type": MarketType.FUTURES,
            "symbol_id": "BTCUSDT",
            "client_order_id": "c",
            "side": Side.BUY,
            "order_type": OrderType.MARKET,
            "quantity": Decimal(1),
            **terms,
        }
    )
    return Order(
        notional=None if worth is None else Decimal(worth), notional_asset=asset, order=order
    )


def a_request(use: StrategyAccount, **columns: Any) -> OrderRequest:
    number = next(_numbers)
    return OrderRequest.objects.create(
        **{
            "user_id": use.account.user_id,
            "account_id": use.account_id,
            "strategy_account": use,
            "idempotency_key": f"request-{number}",
            "action": "PLACE",
            "body": {},
            "market_type": "FUTURES",
            "symbol": SYMBOL,
            "client_order_id": f"client-of-{number}",
            "created_at": timezone.now(),
            **columns,
        }
    )


def attempt(request: OrderRequest, order: Order | None = None) -> str:
    """Do what dispatch does under the account's lock; give the request's outcome."""
    order = order or prepared()
    with transaction.atomic(durable=True):
        account = lock_account(request.account_id)
        now = timezone.now()
        request.refresh_from_db()
        uses = StrategyAccount.objects.select_related("strategy")
        use = uses.get(account=account, pk=request.strategy_account_id or 0)
        refused = halts.refusal(account, now) or order_limits.refusal(
            account, use, request, order, now
        )
        if refused:
            request.outcome, request.detail = "FAILED", refused.kind.value
        elif waiting_queue.must_wait(account, use, request, now):
            request.outcome = "WAITING"
        else:
            _make(request, order, now)
        request.save()
    return request.outcome


def _make(request: OrderRequest, order: Order, now: datetime) -> None:
    request.outcome, request.attempted_at = "PENDING", now
    request.notional, request.notional_asset = order.notional, order.notional_asset
    OpenOrderFactory.create(
        account_id=request.account_id,
        strategy_account_id=request.strategy_account_id,
        client_order_id=request.client_order_id,
        exchange_order_id=None,
        placed_by_us=True,
    )
