"""Frames become books: whatever happens to the frames on their way, the books are the ledger's."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from exchanges.http_session import HttpSession
from tests.integration.services.conftest import make_due
from tracking.models import (
    Anomaly,
    ClosedOrder,
    ExchangeAccount,
    OpenOrder,
    OrderEvent,
    StreamEvent,
    Trade,
    TradeExecution,
)
from tracking.services.order_fill_monitor import OrderFillMonitor
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    import pytest

    from tests.integration.services.conftest import Exchange


def drain(exchange: Exchange) -> None:
    OrderFillMonitor(exchange.account.pk).on_order_update()


def place_resting(exchange: Exchange, quantity: str = "0.3") -> int:
    price = exchange.price()
    placed = exchange.act(
        "place",
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity=quantity,
        price=f"{price * 9 // 10:f}".split(".")[0],
    )
    return int(placed["exchange_order_id"] if "exchange_order_id" in placed else placed["orderId"])


def fill(exchange: Exchange, order_id: int, quantity: str, counterparties: int = 1) -> None:
    exchange.act(
        "fill",
        symbol="BTCUSDT",
        orderId=order_id,
        quantity=quantity,
        counterparties=counterparties,
    )


def test_an_order_filled_in_parts_is_booked_and_closed(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    fill(exchange, order_id, "0.2", counterparties=2)
    exchange.deliver(*exchange.frames(4))

    drain(exchange)

    exchange.assert_equal_books()
    assert ClosedOrder.objects.get().status == "FILLED"
    assert Trade.objects.get().execution_count == 3
    assert not Trade.objects.get().executions.filter(verified=False).exists()


def test_frames_in_any_order_and_number_give_the_same_books(exchange: Exchange) -> None:
    orders = [place_resting(exchange) for _ in range(3)]
    for order_id in orders:
        fill(exchange, order_id, "0.1")
        fill(exchange, order_id, "0.2")
    frames = exchange.frames(9) * 3
    random.Random(5).shuffle(frames)

    for index in range(0, 27, 5):
        exchange.deliver(*frames[index : index + 5])
        drain(exchange)

    exchange.assert_equal_books()
    assert not OpenOrder.objects.exists()


def test_a_lost_fill_is_found_when_the_next_frame_shows_the_gap(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    fill(exchange, order_id, "0.2")
    new, _lost, last = exchange.frames(3)
    exchange.deliver(new, last)

    drain(exchange)

    exchange.assert_equal_books()


def test_a_late_new_frame_does_not_bring_a_closed_order_back(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3")
    new, last = exchange.frames(2)
    exchange.deliver(last)
    drain(exchange)

    exchange.deliver(new)
    drain(exchange)

    assert not OpenOrder.objects.exists()
    exchange.assert_equal_books()


def test_garbage_is_quarantined_and_the_rest_goes_on(exchange: Exchange) -> None:
    place_resting(exchange)
    exchange.deliver('{"e":"ORDER_TRADE_UPDATE","o":', *exchange.frames(1))

    drain(exchange)

    assert StreamEvent.objects.filter(quarantined_at__isnull=False).count() == 1
    assert Anomaly.objects.get().kind == "MALFORMED_FRAME"
    assert OpenOrder.objects.count() == 1


def test_fills_are_booked_unverified_while_rest_is_down(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.1")
    exchange.deliver(*exchange.frames(2))
    exchange.simulator.faults(rest_status={"*": {"status": 503, "count": 100}})

    drain(exchange)

    execution = Trade.objects.get().executions.get()
    assert not execution.verified
    assert execution.next_verify_at is not None


def test_journal_numbers_have_no_holes(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3", counterparties=3)
    exchange.deliver(*exchange.frames(4))

    drain(exchange)

    numbers = list(OrderEvent.objects.order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_gap_in_a_drain_does_not_wait_for_slow_rest(exchange: Exchange) -> None:
    orders = [place_resting(exchange) for _ in range(2)]
    for order_id in orders:
        fill(exchange, order_id, "0.1")
        fill(exchange, order_id, "0.2")
    frames = exchange.frames(6)
    exchange.deliver(frames[0], frames[1], frames[3], frames[5])
    exchange.simulator.faults(rest_latency_ms={"*": 3000})

    began = time.monotonic()
    drain(exchange)

    assert time.monotonic() - began < 2
    exchange.simulator.faults(reset=True)
    make_due()
    verify_due(exchange.account.pk)
    exchange.assert_equal_books()


def test_a_refused_account_is_asked_nothing_and_books_what_came(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3")
    exchange.deliver(*exchange.frames(2))
    ExchangeAccount.objects.update(state="AUTH_FAILED")
    asked: list[str] = []
    call = HttpSession.call

    def counted(session: HttpSession, name: str, *rest: Any, **named: Any) -> Any:
        asked.append(name)
        return call(session, name, *rest, **named)

    monkeypatch.setattr(HttpSession, "call", counted)

    drain(exchange)
    make_due()
    verify_due(exchange.account.pk)

    assert [name for name in asked if "Private" in name] == []
    assert not TradeExecution.objects.get().verified


def test_an_end_is_told_once(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3")
    exchange.deliver(*exchange.frames(2))
    exchange.simulator.faults(rest_status={"*": {"status": 503, "count": 1000}})
    drain(exchange)
    exchange.simulator.faults(reset=True)
    make_due()
    verify_due(exchange.account.pk)

    assert TradeExecution.objects.get().verified
    assert OrderEvent.objects.filter(kind="order_filled").count() == 1
