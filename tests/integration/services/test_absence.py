"""Not seeing an order proves little: it ends only when there is no other explanation."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from tests.ageing import ask_much_later
from tests.integration.services.conftest import PAST
from tests.integration.services.test_order_fill_monitor import drain, fill, place_resting
from tests.integration.services.test_order_manager import limit, market
from tests.integration.services.test_order_tracking import sync
from tracking.models import (
    Anomaly,
    ClosedOrder,
    FailedOrder,
    OpenOrder,
    OrderRequest,
    SymbolSubscription,
)
from tracking.services import absence
from tracking.services.absence import ABSENCE_SPACING
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    import pytest

    from tests.integration.services.conftest import Exchange
    from tracking.models import ExchangeAccount
    from tracking.services.order_manager import OrderManager

#: REST neither lists nor finds an order it knows
LAGGING: Final = {"not_found_window_ms": 600_000, "stale_rest_ms": {"openOrders": 600_000}}


def test_an_order_rest_does_not_show_yet_is_not_closed_by_its_fills(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    exchange.simulator.faults(not_found_window_ms=600_000, stale_rest_ms={"openOrders": 600_000})

    sync(exchange)

    assert not ClosedOrder.objects.exists()
    exchange.simulator.faults(reset=True)
    sync(exchange, full=True)
    exchange.assert_equal_books()


def test_an_order_waiting_to_be_sent_is_not_found_absent_by_the_sync(
    exchange: Exchange,
    manager: OrderManager,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("tracking.services.order_sending.claim_send", lambda _request: False)
        manager.execute(limit(), idempotency_key="1")
    OpenOrder.objects.update(created_at=timezone.now() - PAST)

    sync(exchange)

    assert OpenOrder.objects.get().not_found_count == 0


def test_one_answer_long_ago_does_not_help_to_prove_an_absence(exchange: Exchange) -> None:
    place_resting(exchange)
    sync(exchange, full=True)
    long_ago = timezone.now() - timedelta(hours=1)
    OpenOrder.objects.update(
        not_found_count=2, not_found_at=long_ago, created_at=long_ago, next_verify_at=long_ago
    )
    SymbolSubscription.objects.update(verified_at=None)
    exchange.simulator.faults(not_found_window_ms=600_000)

    verify_due(exchange.account.pk)

    assert OpenOrder.objects.get().not_found_count == 1


def let_time_pass() -> None:
    """Let the next answer "not found" count: far from the last, and the order is old."""
    OpenOrder.objects.update(created_at=timezone.now() - timedelta(hours=1))
    spaced = timezone.now() - ABSENCE_SPACING
    OpenOrder.objects.exclude(not_found_at=None).update(not_found_at=spaced)


def test_an_order_that_is_found_now_and_then_is_not_absent(exchange: Exchange) -> None:
    place_resting(exchange)

    for _ in range(3):
        sync(exchange, full=True)
        exchange.simulator.faults(**LAGGING)
        let_time_pass()
        sync(exchange, full=True)
        exchange.simulator.faults(reset=True)

    order = OpenOrder.objects.get()
    assert (order.not_found_count, order.version) == (1, 1)


def test_an_order_the_stream_speaks_of_is_not_absent(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    sync(exchange, full=True)
    exchange.frames(1)
    exchange.simulator.faults(**LAGGING)

    for _ in range(3):
        let_time_pass()
        sync(exchange, full=True)
        fill(exchange, order_id, "0.01")
        exchange.deliver(*exchange.frames(1))
        drain(exchange)

    assert OpenOrder.objects.get().not_found_count == 0


def test_an_order_spoken_of_while_its_trades_are_asked_for_is_not_absent(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = place_resting(exchange)
    sync(exchange, full=True)
    exchange.frames(1)
    exchange.simulator.faults(**LAGGING)
    concluded = absence.conclude

    def conclude_late(account: ExchangeAccount, weighed: absence.Weighed) -> absence.Conclusion:
        conclusion = concluded(account, weighed)
        fill(exchange, order_id, "0.01")
        exchange.deliver(*exchange.frames(1))
        drain(exchange)
        return conclusion

    monkeypatch.setattr(absence, "conclude", conclude_late)
    for _ in range(3):
        let_time_pass()
        sync(exchange, full=True)

    assert OpenOrder.objects.get().status == "PARTIALLY_FILLED"
    assert not Anomaly.objects.filter(kind="NOT_FOUND").exists()


def test_an_order_of_ours_that_filled_is_not_found_absent(
    exchange: Exchange,
    manager: OrderManager,
) -> None:
    exchange.simulator.faults(accept_but_lose_answer={"POST order": {"how": "drop", "count": 1}})
    manager.execute(market(), idempotency_key="1")
    exchange.simulator.faults(not_found_window_ms=600_000)
    for _ in range(4):
        ask_much_later(exchange.account)
    assert OpenOrder.objects.get().status == "UNKNOWN"
    exchange.simulator.faults(reset=True)

    sync(exchange)

    exchange.assert_equal_books()
    assert OrderRequest.objects.get().outcome == "ACCEPTED"


def test_a_false_failure_is_brought_back_by_its_frames(
    exchange: Exchange,
    manager: OrderManager,
) -> None:
    exchange.simulator.faults(accept_but_lose_answer={"POST order": {"how": "drop", "count": 1}})
    request = manager.execute(limit(), idempotency_key="1")
    frames = exchange.frames(1)
    exchange.simulator.faults(not_found_window_ms=600_000)
    for _ in range(3):
        ask_much_later(exchange.account)
    assert ClosedOrder.objects.get().status == "FAILED"
    assert FailedOrder.objects.count() == 1

    exchange.deliver(*frames)
    drain(exchange)

    request.refresh_from_db()
    assert request.outcome == "ACCEPTED"
    order = OpenOrder.objects.get()
    assert order.placed_by_us
    assert not ClosedOrder.objects.exists()
    assert not FailedOrder.objects.exists()
    assert Anomaly.objects.filter(kind="FALSE_ABSENCE").exists()


def test_an_order_fenced_before_a_crash_fails_all_the_same(
    exchange: Exchange,
    manager: OrderManager,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("tracking.services.order_sending.claim_send", lambda _request: False)
        request = manager.execute(limit(), idempotency_key="1")
    OrderRequest.objects.update(outcome="FAILED")
    long_ago = timezone.now() - PAST
    OpenOrder.objects.update(created_at=long_ago, next_verify_at=long_ago)

    verify_due(exchange.account.pk)

    assert ClosedOrder.objects.get().status == "FAILED"
    assert OrderRequest.objects.get(pk=request.pk).outcome == "FAILED"
