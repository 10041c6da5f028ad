"""SIM-A: fills that were lost by the network, by a restart, or by being too fast."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from tests.integration.services.test_order_manager import limit
from tests.scenarios.stories import (
    LONG_AGO,
    assert_settled,
    closed_orders,
    executions,
    fill,
    hear,
    open_orders,
    place,
    positions,
    removals,
    sync,
    told,
    trade_ids,
    trades,
)
from tracking.models import AccountDrain, OpenOrder, OrderRequest
from tracking.services import event_emitter, order_fill_monitor, order_sending
from tracking.services.order_fill_monitor import OrderFillMonitor
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

SYMBOL = "BTC/USDT:USDT"


def assert_booked_once(exchange: Exchange) -> None:
    (order,) = exchange.ledger()["orders"]
    order_id = order["exchange_order_id"]
    (trade_id,) = trade_ids(exchange)
    assert open_orders() == []
    assert closed_orders() == [(order_id, "FILLED", "0.2", "6000")]
    assert trades() == [(order_id, "BUY", "0.2", "6000", 1)]
    assert [row[:3] for row in executions()] == [(trade_id, "0.2", "30000")]
    assert positions() == [(SYMBOL, "0.2", "30000")]
    assert removals() == [(order_id, "FILLED")]
    assert told("order_filled") == ["order_filled"]
    assert OrderRequest.objects.get().outcome == "ACCEPTED"
    assert_settled(exchange)


def fill_the_order(exchange: Exchange) -> None:
    (order,) = exchange.ledger()["open_orders"]
    fill(exchange, int(order["exchange_order_id"]), "0.2")


def test_sim_a1_a_fill_both_messages_of_which_were_lost_is_booked_by_one_sync(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(account=exchange.key, lose=1.0)
    manager.execute(limit(), idempotency_key="1")
    fill_the_order(exchange)

    sync(exchange)

    assert_booked_once(exchange)


def test_sim_a1_a_fill_is_booked_by_one_sync_although_the_submit_had_no_answer_either(
    exchange: Exchange, manager: OrderManager
) -> None:
    lost = {"POST order": {"how": "drop", "count": 1}}
    exchange.simulator.faults(account=exchange.key, lose=1.0, accept_but_lose_answer=lost)
    manager.execute(limit(), idempotency_key="1")
    assert open_orders() == [("None", "UNKNOWN", "0")]
    fill_the_order(exchange)

    sync(exchange)

    assert_booked_once(exchange)


def die(*_args: object, **_named: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_before_the_transaction(module: Any) -> Callable[[], None]:
    """Let the process die between the exchange's answer and the transaction that books it."""
    return lambda: setattr(module, "emit_trade_event", die)


def die_before_the_commit(module: Any) -> Callable[[], None]:
    """Let the process die when everything is written and only the commit is left."""

    def emit_and_die(**named: Any) -> None:
        setattr(BaseDatabaseWrapper, "_commit", die)  # noqa: B010 - its types hide the method
        event_emitter.emit_trade_event(**named)

    return lambda: setattr(module, "emit_trade_event", emit_and_die)


def killed(work: Callable[[], object], arm: Callable[[], None]) -> None:
    """Do work in a process of its own, forked from this one, that kills itself on the way."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            arm()
            work()
        finally:
            os._exit(1)
    _pid, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize("deadly", [die_before_the_transaction, die_before_the_commit])
def test_sim_a2_a_worker_killed_between_the_answer_to_its_order_and_the_commit_loses_nothing(
    exchange: Exchange, manager: OrderManager, deadly: Callable[[Any], Callable[[], None]]
) -> None:
    killed(lambda: manager.execute(limit(), idempotency_key="1"), deadly(order_sending))
    assert OpenOrder.objects.get().status == "PENDING"
    assert len(exchange.ledger()["orders"]) == 1
    fill_the_order(exchange)

    OpenOrder.objects.update(next_verify_at=timezone.now() - LONG_AGO)
    restart(exchange)

    assert len(exchange.ledger()["orders"]) == 1
    assert_booked_once(exchange)


@pytest.mark.parametrize("deadly", [die_before_the_transaction, die_before_the_commit])
def test_sim_a2_a_worker_killed_between_rest_and_the_commit_of_a_fill_loses_nothing(
    exchange: Exchange, deadly: Callable[[Any], Callable[[], None]]
) -> None:
    order_id = place(exchange, "0.2")
    hear(exchange, *exchange.frames(1))
    fill(exchange, order_id, "0.2")
    exchange.deliver(*exchange.frames(1))
    monitor = OrderFillMonitor(exchange.account.pk)

    killed(monitor.on_order_update, deadly(order_fill_monitor))
    assert open_orders() == [(str(order_id), "NEW", "0")]
    AccountDrain.objects.update(until=timezone.now() - LONG_AGO)
    hear(exchange)

    assert closed_orders() == [(str(order_id), "FILLED", "0.2", "6000")]
    assert trades() == [(str(order_id), "BUY", "0.2", "6000", 1)]
    assert executions() == [(*trade_ids(exchange), "0.2", "30000", "WS")]
    assert positions() == [(SYMBOL, "0.2", "30000")]
    assert told("order_filled") == ["order_filled"]
    assert_settled(exchange)


def restart(exchange: Exchange) -> None:
    """Let the workers begin again: verify what is due, and sync."""
    verify_due(exchange.account.pk)
    sync(exchange, full=True)
