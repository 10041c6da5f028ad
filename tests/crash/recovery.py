"""
What the system does by itself after a failure, with the clocks moved instead of waited for.

Only work that the system finds undone is done: frames the sweep sees, verifications that are due,
a sync that is due. Nothing is put into a queue here that was not in it. A stream is alive, so the
sync is the cheap one of every 10 s, not the full one of every 5 minutes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.utils import timezone

from tests.ageing import LATER, age
from tests.streams_alive import keep_alive
from tracking.models import (
    AccountDrain,
    ExchangeAccount,
    OpenOrder,
    OrderRequest,
    StreamEvent,
    SymbolSubscription,
    TradeExecution,
)
from tracking.models.requests import UNRESOLVED
from tracking.services import inbox, order_dispatch, order_tracking, verification_queue
from tracking.services.order_fill_monitor import OrderFillMonitor

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange

ROUNDS = 6
LONG_AGO = timedelta(minutes=2)
#: an absence is believed after three answers at least 10 s apart and none older than 90 s
NOT_FOUND_AGO = timedelta(seconds=30)


def recover(exchange: Exchange) -> int:
    """Let the system come round; give the rounds it took. Fails if it never does."""
    # as between two tasks: a connection that failed is not used again
    connection.close_if_unusable_or_obsolete()
    go_on_with_orders(exchange.account.pk)
    for count in range(1, ROUNDS + 1):
        move_clocks(exchange.account.pk)
        work(exchange.account.pk)
        if not open_questions(exchange.account):
            return count
    raise AssertionError(open_questions(exchange.account))


def go_on_with_orders(account_id: int) -> None:
    """Let the sweep find, two seconds later, the orders that nobody has claimed."""
    soon = timezone.now() + timedelta(seconds=2)
    order_dispatch.dispatch(order_dispatch.left_waiting(soon).get(account_id, []))


def move_clocks(account_id: int) -> None:
    """Let a time pass that is enough for whatever waits for one; the stream is alive."""
    now = timezone.now()
    then = now - LONG_AGO
    orders = OpenOrder.objects.filter(account_id=account_id)
    orders.update(created_at=then)
    orders.exclude(next_verify_at=None).update(next_verify_at=then)
    orders.exclude(cancel_requested_at=None).update(cancel_requested_at=then)
    orders.exclude(not_found_at=None).update(not_found_at=now - NOT_FOUND_AGO)
    age(OrderRequest.objects.filter(account_id=account_id), LATER)
    keep_alive(ExchangeAccount.objects.get(pk=account_id))
    executions = TradeExecution.objects.filter(account_id=account_id)
    executions.exclude(next_verify_at=None).update(next_verify_at=then)
    SymbolSubscription.objects.filter(account_id=account_id).update(verified_at=None)
    AccountDrain.objects.filter(account_id=account_id).exclude(until=None).update(until=then)
    accounts = ExchangeAccount.objects.filter(pk=account_id)
    accounts.update(next_sync_at=then, income_checked_at=then)


def work(account_id: int) -> None:
    """Do what the sweeps and the beat find undone."""
    if account_id in inbox.accounts_waiting():
        OrderFillMonitor(account_id).on_order_update()
    order_dispatch.dispatch(order_dispatch.left_waiting(timezone.now()).get(account_id, []))
    if account_id in verification_queue.accounts_due(timezone.now()):
        verification_queue.verify_due(account_id)
    if account_id in order_tracking.accounts_to_sync():
        order_tracking.sync_open_orders(account_id)


def open_questions(account: ExchangeAccount) -> list[str]:
    """Name what the account's books still wait for."""
    rows = {
        "frames": StreamEvent.objects.filter(account=account, processed_at=None),
        "executions to verify": TradeExecution.objects.filter(
            account=account, voided_at=None, verified=False
        ),
        "requests": OrderRequest.objects.filter(account=account, outcome__in=UNRESOLVED),
        "orders without an answer": OpenOrder.objects.filter(
            account=account, exchange_order_id=None
        ),
        "cancels": OpenOrder.objects.filter(account=account, cancel_requested_at__isnull=False),
    }
    return [name for name, found in rows.items() if found.exists()]
