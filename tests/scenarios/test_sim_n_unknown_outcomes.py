"""SIM-N: what left and got no answer is asked about until it is known, and never sent again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.ageing import age, sent_ago
from tests.integration.services.conftest import make_due
from tests.integration.services.test_order_manager import limit
from tests.scenarios.stories import (
    anomalies,
    assert_settled,
    cancel,
    closed_orders,
    executions,
    fill,
    hear,
    open_orders,
    place,
    quiesce,
    requests,
    sync,
    told,
)
from tests.streams_alive import keep_alive
from tracking.domain.submit_rounds import SUBMIT_MAY_ARRIVE
from tracking.models import (
    ClosedOrder,
    FailedOrder,
    OpenOrder,
    OrderRequest,
    StrategyPosition,
)
from tracking.services import order_sending
from tracking.services.event_emitter import withdraw_cancel
from tracking.services.unknown_submits import AGAIN, SCHEDULE, next_question
from tracking.services.verification_queue import accounts_due, verify_due

if TYPE_CHECKING:
    from datetime import datetime

    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

FIRST = "8886001"
WAYS = ("drop", "502", "503", "-1007")


def ask_at(exchange: Exchange, seconds: float, *, is_alive: bool = True) -> None:
    """Let so many seconds have passed since the submit, and whatever is due be asked now."""
    sent_ago(seconds)
    if is_alive:
        keep_alive(exchange.account)
    make_due()
    verify_due(exchange.account.pk)


def outcomes() -> list[tuple[str, str]]:
    return list(OrderRequest.objects.order_by("pk").values_list("action", "outcome"))


@pytest.mark.parametrize("how", WAYS)
def test_sim_n1_an_accepted_order_whose_answer_was_lost_is_found_by_its_name(
    exchange: Exchange, manager: OrderManager, how: str
) -> None:
    exchange.simulator.faults(accept_but_lose_answer={"POST order": {"how": how, "count": 1}})
    request = manager.execute(limit(quantity="0.2"), idempotency_key="1")
    assert request.outcome == "UNKNOWN"
    assert open_orders() == [("None", "UNKNOWN", "0")]

    ask_at(exchange, 1)

    assert outcomes() == [("PLACE", "ACCEPTED")]
    assert open_orders() == [(FIRST, "NEW", "0")]
    assert requests(exchange.simulator)["POST order"] == 1
    fill(exchange, int(FIRST), "0.2")
    quiesce(exchange)
    assert closed_orders() == [(FIRST, "FILLED", "0.2", "6000")]
    assert StrategyPosition.objects.get().strategy_account == manager.strategy_account
    assert_settled(exchange)


def test_sim_n1_an_accepted_order_whose_answer_never_came_in_time_is_found(
    exchange: Exchange, manager: OrderManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_sending, "TIMEOUT", 0.2)
    exchange.simulator.faults(rest_latency_ms={"POST order": 400})
    request = manager.execute(limit(quantity="0.2"), idempotency_key="1")
    assert (request.outcome, request.detail) == ("UNKNOWN", "no answer: ReadTimeout")

    ask_at(exchange, 1)

    assert outcomes() == [("PLACE", "ACCEPTED")]
    assert open_orders() == [(FIRST, "NEW", "0")]
    assert_settled(exchange)


def test_sim_n1_the_fill_of_a_submit_without_an_answer_is_found_by_its_trades(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(accept_but_lose_answer={"POST order": {"how": "drop", "count": 1}})
    manager.execute(limit(quantity="0.2"), idempotency_key="1")
    fill(exchange, int(FIRST), "0.2")

    ask_at(exchange, 1)

    (row,) = exchange.ledger()["executions"]
    assert executions() == [(row["exchange_trade_id"], "0.2", "30000", "REST_TRADES")]
    assert closed_orders() == [(FIRST, "FILLED", "0.2", "6000")]
    assert outcomes() == [("PLACE", "ACCEPTED")]
    assert_settled(exchange)


@pytest.mark.parametrize("how", WAYS)
def test_sim_n2_an_order_nobody_knows_was_not_accepted_once_it_cannot_arrive_any_more(
    exchange: Exchange, manager: OrderManager, how: str
) -> None:
    exchange.simulator.faults(refuse_and_lose_answer={"POST order": {"how": how, "count": 1}})
    manager.execute(limit(), idempotency_key="1")

    for seconds in (1, 2, 5, 10, 24):
        ask_at(exchange, seconds)
        assert outcomes() == [("PLACE", "UNKNOWN")]
    ask_at(exchange, 30)

    assert outcomes() == [("PLACE", "NOT_ACCEPTED")]
    (failed,) = FailedOrder.objects.all()
    assert failed.reason == (
        "never accepted: order, open orders and trades did not know it 6 times,"
        " the last 30 s after it was sent, and the stream was alive"
    )
    (closed,) = ClosedOrder.objects.all()
    assert (closed.status, closed.filled_quantity) == ("FAILED", 0)
    assert anomalies() == ["NOT_FOUND"]
    assert told("order_rejected", "order_cancelled", "order_expired") == ["order_rejected"]
    asked = requests(exchange.simulator)
    assert (asked["POST order"], asked["GET openOrders"] >= 6, asked["GET userTrades"] >= 6) == (
        1,
        True,
        True,
    )
    assert_settled(exchange)


def test_sim_n2_one_end_point_that_does_not_answer_proves_nothing(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(
        refuse_and_lose_answer={"POST order": {"how": "drop", "count": 1}},
        rest_status={"userTrades": 500},
    )
    manager.execute(limit(), idempotency_key="1")

    for seconds in (30, 40, 50, 60):
        ask_at(exchange, seconds)

    order = OpenOrder.objects.get()
    assert order.not_found_count == 0
    assert order.next_verify_at is not None
    assert order.next_verify_at <= timezone.now() + AGAIN
    assert outcomes() == [("PLACE", "UNKNOWN")]
    quiesce(exchange)
    for seconds in (70, 80, 90):
        ask_at(exchange, seconds)
    assert outcomes() == [("PLACE", "NOT_ACCEPTED")]
    assert_settled(exchange)


def test_sim_n2_of_a_market_that_is_gone_nobody_was_asked(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(accept_but_lose_answer={"POST order": {"how": "drop", "count": 1}})
    manager.execute(limit(), idempotency_key="1")
    OpenOrder.objects.update(symbol="GONE/USDT:USDT")
    OrderRequest.objects.update(symbol="GONE/USDT:USDT")

    for seconds in (1, 30, 40, 50, 121):
        ask_at(exchange, seconds)

    assert outcomes() == [("PLACE", "NEEDS_REVIEW")]
    assert "the market is gone" in OrderRequest.objects.get().detail
    OpenOrder.objects.update(symbol="BTC/USDT:USDT")
    OrderRequest.objects.update(symbol="BTC/USDT:USDT")
    ask_at(exchange, 160)
    assert outcomes() == [("PLACE", "ACCEPTED")]


def test_sim_n2_a_late_word_brings_back_what_was_not_accepted(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(
        accept_but_lose_answer={"POST order": {"how": "drop", "count": 1}},
        not_found_window_ms=600_000,
    )
    manager.execute(limit(quantity="0.2"), idempotency_key="1")
    for seconds in (30, 40, 50):
        ask_at(exchange, seconds)
    assert outcomes() == [("PLACE", "NOT_ACCEPTED")]

    hear(exchange, *exchange.frames(1))

    assert outcomes() == [("PLACE", "ACCEPTED")]
    assert open_orders() == [(FIRST, "NEW", "0")]
    assert not FailedOrder.objects.exists()
    assert anomalies() == ["FALSE_ABSENCE", "NOT_FOUND"]
    quiesce(exchange)
    assert_settled(exchange)


def test_sim_n2_a_submit_is_asked_about_after_1_2_5_10_and_30_seconds() -> None:
    sent = now = timezone.now()
    asked: list[datetime] = []
    while len(asked) < len(SCHEDULE) + 2:
        now = next_question(sent, now)
        asked.append(now)

    assert [(at - sent).total_seconds() for at in asked] == [1, 2, 5, 10, 30, 40, 50]
    assert asked[len(SCHEDULE) - 1] - sent >= SUBMIT_MAY_ARRIVE


@pytest.mark.parametrize("how", WAYS)
def test_sim_n3_a_cancel_whose_answer_was_lost_is_known_by_the_order(
    exchange: Exchange, manager: OrderManager, how: str
) -> None:
    manager.execute(limit(quantity="0.5"), idempotency_key="1")
    fill(exchange, int(FIRST), "0.2")
    exchange.simulator.faults(
        accept_but_lose_answer={"DELETE order": {"how": how, "count": 1}},
        rest_status={"GET order": {"status": 500, "count": 1}},
    )

    manager.cancel(OpenOrder.objects.get(), idempotency_key="2")
    assert outcomes() == [("PLACE", "ACCEPTED"), ("CANCEL", "UNKNOWN")]
    quiesce(exchange)

    assert outcomes() == [("PLACE", "ACCEPTED"), ("CANCEL", "ACCEPTED")]
    assert closed_orders() == [(FIRST, "CANCELLED", "0.2", "6000")]
    assert requests(exchange.simulator)["DELETE order"] == 1
    assert_settled(exchange)


def test_sim_n3_a_cancel_that_never_arrived_leaves_the_order_working(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(quantity="0.5"), idempotency_key="1")
    exchange.simulator.faults(refuse_and_lose_answer={"DELETE order": {"how": "drop", "count": 1}})
    manager.cancel(OpenOrder.objects.get(), idempotency_key="2")
    assert OpenOrder.objects.get().cancel_requested_at is not None

    long_ago()
    quiesce(exchange)

    assert outcomes() == [("PLACE", "ACCEPTED"), ("CANCEL", "NOT_ACCEPTED")]
    order = OpenOrder.objects.get()
    assert (order.status, order.cancel_requested_at) == ("NEW", None)
    assert requests(exchange.simulator)["DELETE order"] == 1
    assert_settled(exchange)


def long_ago() -> None:
    """Let nobody expect the answer of a request any more."""
    by = SUBMIT_MAY_ARRIVE + timedelta(seconds=1)
    age(OrderRequest.objects.all(), by)
    OpenOrder.objects.exclude(cancel_requested_at=None).update(
        cancel_requested_at=timezone.now() - by
    )


@pytest.mark.parametrize("is_claimed", [True, False])
@pytest.mark.parametrize("end", ["cancel", "fill"])
def test_sim_n3_a_cancel_of_an_order_that_had_just_ended_ends_too(
    exchange: Exchange, manager: OrderManager, end: str, *, is_claimed: bool
) -> None:
    manager.execute(limit(quantity="0.5"), idempotency_key="1")
    stale = OpenOrder.objects.get()
    exchange.act(end, symbol="BTCUSDT", orderId=int(FIRST))
    hear(exchange, *exchange.frames(2))
    assert not OpenOrder.objects.exists()
    request = manager.cancel(stale, idempotency_key="2")
    assert "DELETE order" not in requests(exchange.simulator)
    # whoever should have written down what became of it died before
    OrderRequest.objects.filter(pk=request.pk).update(
        outcome="UNKNOWN" if is_claimed else "PENDING",
        sent_at=timezone.now() if is_claimed else None,
        answered_at=None,
    )
    assert accounts_due(timezone.now()) == []
    long_ago()

    assert accounts_due(timezone.now()) == [exchange.account.pk]
    verify_due(exchange.account.pk)

    expected = {"cancel": ("ACCEPTED", "CANCELLED"), "fill": ("REJECTED", "FILLED")}[end]
    request.refresh_from_db()
    assert (request.outcome, request.detail) == (expected[0], f"the order ended {expected[1]}")
    assert accounts_due(timezone.now()) == []
    assert_settled(exchange)


def test_sim_n3_a_cancel_that_was_withdrawn_before_its_send_is_not_accepted(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(quantity="0.5"), idempotency_key="1")
    exchange.simulator.faults(refuse_and_lose_answer={"DELETE order": {"how": "drop", "count": 1}})
    request = manager.cancel(OpenOrder.objects.get(), idempotency_key="2")
    order_id = OpenOrder.objects.get().pk
    withdraw_cancel(exchange.account.pk, order_id, timezone.now(), request_id=request.pk)
    long_ago()

    verify_due(exchange.account.pk)

    assert outcomes() == [("PLACE", "ACCEPTED"), ("CANCEL", "NOT_ACCEPTED")]
    assert open_orders() == [(FIRST, "NEW", "0")]
    assert_settled(exchange)


def test_sim_n4_an_amendment_nobody_told_of_is_found_by_the_sync(exchange: Exchange) -> None:
    order_id = place(exchange, quantity="1")
    hear(exchange, *exchange.frames(1))
    exchange.act("amend", symbol="BTCUSDT", orderId=order_id, quantity="0.6", price="29000")
    lost = exchange.frames(1)

    sync(exchange)

    order = OpenOrder.objects.get()
    assert (order.quantity, order.price, order.status) == (Decimal("0.6"), 29000, "NEW")
    hear(exchange, *lost)
    fill(exchange, order_id, "0.2")
    cancel(exchange, order_id)
    quiesce(exchange)
    assert closed_orders() == [(FIRST, "CANCELLED", "0.2", "5800")]
    assert_settled(exchange)
