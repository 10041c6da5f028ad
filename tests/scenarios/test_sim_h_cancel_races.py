"""SIM-H: the exchange does not know an order yet, or no more, and nothing is placed twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.services.test_order_manager import limit
from tests.scenarios.stories import (
    assert_settled,
    closed_orders,
    executions,
    fill,
    open_orders,
    positions,
    quiesce,
    removals,
    sync,
    told,
    trade_ids,
    trades,
    verify,
)
from tracking.models import FailedOrder, OpenOrder, OrderRequest

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

SYMBOL = "BTC/USDT:USDT"
NOT_FOUND_YET = {"not_found_window_ms": 3000}


def test_sim_h1_an_accepted_order_not_found_at_first_is_not_closed(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(**NOT_FOUND_YET)
    manager.execute(limit(), idempotency_key="1")
    (order,) = exchange.ledger()["orders"]

    sync(exchange, full=True)
    verify(exchange)

    assert open_orders() == [(order["exchange_order_id"], "NEW", "0")]
    assert removals() == []
    quiesce(exchange)
    assert OpenOrder.objects.get().not_found_count == 0
    assert_settled(exchange)


def test_sim_h1_a_submit_without_an_answer_not_found_at_first_is_neither_failed_nor_sent_again(
    exchange: Exchange, manager: OrderManager
) -> None:
    lost = {"POST order": {"how": "drop", "count": 1}}
    exchange.simulator.faults(accept_but_lose_answer=lost, **NOT_FOUND_YET)
    manager.execute(limit(), idempotency_key="1")

    for _ in range(3):
        verify(exchange)
        sync(exchange, full=True)
        manager.execute(limit(), idempotency_key="1")

    assert open_orders() == [("None", "UNKNOWN", "0")]
    assert not FailedOrder.objects.exists()
    (order,) = exchange.ledger()["orders"]
    quiesce(exchange)
    assert open_orders() == [(order["exchange_order_id"], "NEW", "0")]
    assert OrderRequest.objects.get().outcome == "ACCEPTED"
    assert_settled(exchange)


def test_sim_h2_a_cancel_refused_because_the_order_filled_books_it_and_places_nothing_again(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(), idempotency_key="1")
    order = OpenOrder.objects.get()
    name = str(order.exchange_order_id)
    fill(exchange, int(name), "0.2", counterparties=2)

    first = manager.cancel(order, idempotency_key="2")
    again = manager.cancel(order, idempotency_key="2")

    assert first == again
    assert first.outcome == "REJECTED"
    assert len(exchange.ledger()["orders"]) == 1
    assert open_orders() == []
    assert closed_orders() == [(name, "FILLED", "0.2", "6000")]
    assert [row[0] for row in executions()] == trade_ids(exchange)
    assert trades() == [(name, "BUY", "0.2", "6000", 2)]
    assert positions() == [(SYMBOL, "0.2", "30000")]
    assert removals() == [(name, "FILLED")]
    assert told("order_filled", "order_cancelled") == ["order_filled"]
    assert_settled(exchange)
