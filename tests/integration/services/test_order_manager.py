"""What left the building is always known."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from exchanges.messages import OrderType, Side
from tests.ageing import LATER, age, ask_much_later
from tests.integration.services.conftest import PAST, make_due
from tests.integration.services.test_order_fill_monitor import drain
from tracking.models import (
    ClosedOrder,
    ExchangeAccount,
    FailedOrder,
    OpenOrder,
    OrderRequest,
    StrategyPosition,
    TradeExecution,
)
from tracking.services.order_intents import OrderIntent
from tracking.services.order_requests import RequestMismatchError
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

SYMBOL = "BTC/USDT:USDT"


def limit(price: str = "30000", quantity: str = "0.2") -> OrderIntent:
    return OrderIntent(
        symbol=SYMBOL,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal(quantity),
        price=Decimal(price),
    )


def market(quantity: str = "0.2") -> OrderIntent:
    return OrderIntent(
        symbol=SYMBOL, side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal(quantity)
    )


def test_a_limit_order_is_accepted_and_open(exchange: Exchange, manager: OrderManager) -> None:
    request = manager.execute(limit(), idempotency_key="1")

    assert request.outcome == "ACCEPTED"
    assert OpenOrder.objects.get().status == "NEW"
    exchange.assert_equal_books()


def test_a_market_order_is_filled_and_belongs_to_its_strategy(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(market(), idempotency_key="1")

    exchange.assert_equal_books()
    assert StrategyPosition.objects.get().strategy_account == manager.strategy_account


def test_the_frames_of_our_own_order_change_nothing_more(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(market(), idempotency_key="1")
    fills = len(exchange.ledger()["executions"])
    exchange.deliver(*exchange.frames(1 + fills))

    drain(exchange)

    exchange.assert_equal_books()


def test_frames_that_come_before_the_answer_find_the_pending_order(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(accept_but_lose_answer={"POST order": {"how": "drop", "count": 1}})
    request = manager.execute(limit(), idempotency_key="1")
    assert request.outcome == "UNKNOWN"
    exchange.deliver(*exchange.frames(1))

    drain(exchange)

    request.refresh_from_db()
    assert request.outcome == "ACCEPTED"
    assert OpenOrder.objects.get().status == "NEW"
    exchange.assert_equal_books()


def test_an_unknown_order_is_resolved_by_asking(exchange: Exchange, manager: OrderManager) -> None:
    exchange.simulator.faults(accept_but_lose_answer={"POST order": {"how": "drop", "count": 1}})
    request = manager.execute(market(), idempotency_key="1")
    OpenOrder.objects.update(next_verify_at=timezone.now() - timedelta(seconds=1))

    verify_due(exchange.account.pk)

    request.refresh_from_db()
    assert request.outcome == "ACCEPTED"
    exchange.assert_equal_books()


def test_an_order_that_never_arrived_is_never_sent_again(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(refuse_and_lose_answer={"POST order": {"how": "drop", "count": 1}})
    request = manager.execute(limit(), idempotency_key="1")
    for _ in range(3):
        ask_much_later(exchange.account)

    request.refresh_from_db()
    assert request.outcome == "NOT_ACCEPTED"
    assert not OpenOrder.objects.exists()
    assert exchange.ledger()["orders"] == []


def test_the_same_key_gives_the_same_request(exchange: Exchange, manager: OrderManager) -> None:
    first = manager.execute(limit(), idempotency_key="1")
    again = manager.execute(limit(), idempotency_key="1")

    assert first == again
    assert len(exchange.ledger()["open_orders"]) == 1


def test_the_same_key_with_another_body_is_refused(manager: OrderManager) -> None:
    manager.execute(limit(), idempotency_key="1")

    with pytest.raises(RequestMismatchError):
        manager.execute(limit(price="30001"), idempotency_key="1")


def test_an_order_below_the_minimum_is_not_sent(exchange: Exchange, manager: OrderManager) -> None:
    request = manager.execute(limit(quantity="0.0000001"), idempotency_key="1")

    assert (request.outcome, request.sent_at) == ("FAILED", None)
    assert FailedOrder.objects.get().kind == "BELOW_MINIMUM"
    assert not OpenOrder.objects.exists()
    assert exchange.ledger()["orders"] == []


def test_a_refused_order_is_remembered_with_its_reason(manager: OrderManager) -> None:
    request = manager.execute(limit(quantity="900"), idempotency_key="1")

    assert request.outcome == "REJECTED"
    failed = FailedOrder.objects.get()
    assert (failed.kind, failed.code) == ("INSUFFICIENT_FUNDS", "-2019")
    assert "-2019" in failed.reason
    assert ClosedOrder.objects.get().status == "REJECTED"


def test_a_cancelled_order_is_closed(exchange: Exchange, manager: OrderManager) -> None:
    manager.execute(limit(), idempotency_key="1")

    request = manager.cancel(OpenOrder.objects.get(), idempotency_key="2")

    assert request.outcome == "ACCEPTED"
    assert ClosedOrder.objects.get().status == "CANCELLED"
    exchange.assert_equal_books()


def test_a_refused_cancel_finds_out_that_the_order_filled(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(), idempotency_key="1")
    order = OpenOrder.objects.get()
    exchange.act(
        "fill", symbol="BTCUSDT", orderId=int(str(order.exchange_order_id)), quantity="0.2"
    )

    request = manager.cancel(order, idempotency_key="2")

    assert request.outcome == "REJECTED"
    assert ClosedOrder.objects.get().status == "FILLED"
    exchange.assert_equal_books()


def test_a_clock_that_is_behind_the_senders_books_the_fill(
    exchange: Exchange,
    manager: OrderManager,
) -> None:
    exchange.simulator.faults(accept_but_lose_answer={"POST order": {"how": "drop", "count": 1}})
    manager.execute(market(), idempotency_key="1")
    OrderRequest.objects.update(created_at=timezone.now() + PAST)
    exchange.deliver(*exchange.frames(2))

    drain(exchange)

    assert OrderRequest.objects.get().outcome == "ACCEPTED"
    assert TradeExecution.objects.exists()


def test_a_refused_account_places_nothing(exchange: Exchange, manager: OrderManager) -> None:
    ExchangeAccount.objects.update(state="AUTH_FAILED")

    request = manager.execute(limit(), idempotency_key="1")

    assert request.outcome == "FAILED"
    assert FailedOrder.objects.get().kind == "HALTED"
    assert exchange.ledger()["orders"] == []


def test_a_cancel_that_never_arrived_stops_showing(
    exchange: Exchange,
    manager: OrderManager,
) -> None:
    manager.execute(limit(), idempotency_key="1")
    exchange.simulator.faults(refuse_and_lose_answer={"DELETE order": {"how": "drop", "count": 1}})
    request = manager.cancel(OpenOrder.objects.get(), idempotency_key="2")
    assert request.outcome == "UNKNOWN"
    assert OpenOrder.objects.get().cancel_requested_at is not None
    OpenOrder.objects.update(cancel_requested_at=timezone.now() - PAST)
    age(OrderRequest.objects.all(), LATER)
    make_due()

    verify_due(exchange.account.pk)

    order = OpenOrder.objects.get()
    assert order.cancel_requested_at is None
    assert order.status == "NEW"
    request.refresh_from_db()
    assert request.outcome == "NOT_ACCEPTED"


def test_a_cancel_whose_answer_was_lost_is_settled_by_the_end_of_its_order(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(), idempotency_key="1")
    exchange.simulator.faults(accept_but_lose_answer={"DELETE order": {"how": "drop", "count": 1}})
    exchange.simulator.faults(rest_status={"GET order": {"status": 503, "count": 1}})
    request = manager.cancel(OpenOrder.objects.get(), idempotency_key="2")
    assert request.outcome == "UNKNOWN"
    exchange.deliver(*exchange.frames(2))

    drain(exchange)

    request.refresh_from_db()
    assert request.outcome == "ACCEPTED"
    assert ClosedOrder.objects.get().status == "CANCELLED"


def test_a_cancel_whose_answer_was_lost_is_settled_by_asking(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(), idempotency_key="1")
    exchange.simulator.faults(accept_but_lose_answer={"DELETE order": {"how": "drop", "count": 1}})

    request = manager.cancel(OpenOrder.objects.get(), idempotency_key="2")

    assert request.outcome == "ACCEPTED"
    assert ClosedOrder.objects.get().status == "CANCELLED"
