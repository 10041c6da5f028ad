"""SIM-G: orders that would be stuck: refused cancels, cancels by hand, symbols that go."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.books import assert_clean
from tests.integration.services.test_order_manager import limit
from tests.scenarios.stories import (
    LONG_AGO,
    anomalies,
    assert_journal_whole,
    assert_settled,
    cancel,
    closed_orders,
    executions,
    fill,
    hear,
    open_orders,
    place,
    positions,
    quiesce,
    removals,
    sync,
    told,
    trade_ids,
    trades,
)
from tracking.models import ClosedOrder, OpenOrder, OrderRequest

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
NOT_JUST_NOW = timedelta(seconds=15)


def our_order(manager: OrderManager) -> OpenOrder:
    manager.execute(limit(), idempotency_key="place")
    return OpenOrder.objects.get()


def assert_cancel_was(outcome: str, detail: str) -> None:
    request = OrderRequest.objects.get(action="CANCEL")
    assert request.outcome == outcome
    assert detail in request.detail


def test_sim_g1_a_cancel_refused_for_an_order_that_filled_books_the_fill(
    exchange: Exchange, manager: OrderManager
) -> None:
    order = our_order(manager)
    name = str(order.exchange_order_id)
    fill(exchange, int(name), "0.2")

    manager.cancel(order, idempotency_key="cancel")

    assert_cancel_was("REJECTED", "FILLED")
    assert closed_orders() == [(name, "FILLED", "0.2", "6000")]
    assert executions() == [(*trade_ids(exchange), "0.2", "30000", "REST_TRADES")]
    assert trades() == [(name, "BUY", "0.2", "6000", 1)]
    assert positions() == [(BTC, "0.2", "30000")]
    assert removals() == [(name, "FILLED")]
    quiesce(exchange)
    assert_settled(exchange)


def test_sim_g1_a_cancel_refused_for_an_order_that_was_cancelled_ends_it_once(
    exchange: Exchange, manager: OrderManager
) -> None:
    order = our_order(manager)
    name = str(order.exchange_order_id)
    cancel(exchange, int(name))

    manager.cancel(order, idempotency_key="cancel")
    quiesce(exchange)

    assert_cancel_was("ACCEPTED", "CANCELLED")
    assert closed_orders() == [(name, "CANCELLED", "0", "0")]
    assert trades() == []
    assert positions() == []
    assert removals() == [(name, "CANCELLED")]
    assert told("order_cancelled") == ["order_cancelled"]
    assert_settled(exchange)


def test_sim_g1_a_cancel_refused_for_an_order_nobody_knows_ends_nothing(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(refuse_and_lose_answer={"POST order": "drop"})
    order = our_order(manager)
    assert order.status == "UNKNOWN"

    manager.cancel(order, idempotency_key="cancel")

    assert_cancel_was("REJECTED", "-2011")
    assert open_orders() == [("None", "UNKNOWN", "0")]
    assert OpenOrder.objects.get().cancel_requested_at is None
    assert OrderRequest.objects.get(action="PLACE").outcome == "UNKNOWN"
    assert closed_orders() == []
    assert exchange.ledger()["orders"] == []
    assert_clean(exchange.account.pk)


def test_sim_g1_a_cancel_refused_for_one_symbol_leaves_the_equal_id_of_another_alone(
    exchange: Exchange, manager: OrderManager
) -> None:
    order = our_order(manager)
    name = str(order.exchange_order_id)
    same_id = place(exchange, "1", symbol="ETHUSDT", price="1500")
    assert str(same_id) == name
    hear(exchange, *exchange.frames(2))
    fill(exchange, int(name), "0.2")

    manager.cancel(order, idempotency_key="cancel")
    quiesce(exchange)

    assert_cancel_was("REJECTED", "FILLED")
    assert closed_orders() == [(name, "FILLED", "0.2", "6000")]
    other = OpenOrder.objects.get()
    assert (other.symbol, other.exchange_order_id, other.status) == (ETH, name, "NEW")
    assert positions() == [(BTC, "0.2", "30000")]
    assert removals() == [(name, "FILLED")]
    assert_settled(exchange)


@pytest.mark.parametrize("by", ["stream", "sync"])
def test_sim_g2_an_order_cancelled_on_the_website_ends_once(
    exchange: Exchange, manager: OrderManager, by: str
) -> None:
    name = str(our_order(manager).exchange_order_id)
    fill(exchange, int(name), "0.1")
    cancel(exchange, int(name))

    if by == "stream":
        hear(exchange, *exchange.frames(3))
    else:
        sync(exchange)
    quiesce(exchange)

    assert open_orders() == []
    assert closed_orders() == [(name, "CANCELLED", "0.1", "3000")]
    assert trades() == [(name, "BUY", "0.1", "3000", 1)]
    assert positions() == [(BTC, "0.1", "30000")]
    assert removals() == [(name, "CANCELLED")]
    assert_settled(exchange)


def held_and_ordered(exchange: Exchange) -> tuple[int, int]:
    """Hold 1 ETH and let another order rest; let a bitcoin order rest as well."""
    held = place(exchange, "1", symbol="ETHUSDT", price="1500")
    fill(exchange, held, "1", symbol="ETHUSDT")
    ordered = place(exchange, "2", symbol="ETHUSDT", price="1500")
    place(exchange, "1")
    hear(exchange, *exchange.frames(4))
    exchange.act("delist", symbol="ETHUSDT")
    return held, ordered


def test_sim_g3_a_delisted_symbol_ends_its_orders_and_settles_its_position(
    exchange: Exchange,
) -> None:
    held, ordered = held_and_ordered(exchange)

    hear(exchange, *exchange.frames(3))
    quiesce(exchange)

    assert [row[:3] for row in closed_orders()] == [
        (str(held), "FILLED", "1"),
        (str(ordered), "EXPIRED", "0"),
        (str(ordered + 1), "FILLED", "1"),
    ]
    assert [row[1] for row in open_orders()] == ["NEW"]
    assert positions() == [(ETH, "0", "0")]
    assert executions(verified=False) == [(trade_ids(exchange)[-1], "1", "3000", "WS")]
    exchange.assert_equal_books()
    assert_journal_whole()
    assert_clean(exchange.account.pk, with_exchange=True)


def test_sim_g3_a_symbol_that_disappears_unheard_stops_no_sync_of_the_others(
    exchange: Exchange,
) -> None:
    held_and_ordered(exchange)
    order_id = place(exchange, "0.3")
    fill(exchange, order_id, "0.3")

    sync(exchange)
    sync(exchange, full=True)

    assert executions(symbol=BTC) == [(trade_ids(exchange)[-1], "0.3", "30000", "REST_TRADES")]
    assert anomalies() == ["DRIFT", "UNKNOWN_SYMBOL"]
    for _ in range(2):
        OpenOrder.objects.filter(symbol=ETH).update(
            not_found_at=timezone.now() - NOT_JUST_NOW, created_at=timezone.now() - LONG_AGO
        )
        sync(exchange)
    assert [row[1:3] for row in closed_orders()] == [
        ("FILLED", "0.3"),
        ("FILLED", "1"),
        ("CANCELLED", "0"),
    ]
    assert ClosedOrder.objects.get(status="CANCELLED").resolved_by_absence
    # what the settlement did cannot be read any more: a person is told, and nothing is invented
    assert positions() == [(BTC, "0.3", "30000"), (ETH, "1", "1500")]
    assert_clean(exchange.account.pk)


def test_sim_g3_an_order_of_a_market_that_is_gone_cannot_witness_a_reset(
    exchange: Exchange,
) -> None:
    held_and_ordered(exchange)
    ClosedOrder.objects.update(closed_at=timezone.now() - timedelta(hours=1))

    for _ in range(3):
        OpenOrder.objects.filter(symbol=ETH).update(
            not_found_at=timezone.now() - NOT_JUST_NOW, created_at=timezone.now() - LONG_AGO
        )
        sync(exchange, full=True)

    assert [row[1:3] for row in closed_orders()] == [("FILLED", "1"), ("CANCELLED", "0")]
    assert [row[1] for row in open_orders()] == ["NEW"]
