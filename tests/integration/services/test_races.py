"""Many hands at one account: the books are the same as if there had been one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils import timezone

from tests.books import assert_clean
from tests.integration.services.test_order_fill_monitor import drain, fill, place_resting
from tracking.models import (
    ClosedOrder,
    ExchangeAccount,
    OrderEvent,
    StrategyPosition,
    StreamEvent,
)
from tracking.services import inbox
from tracking.services.event_emitter import lock_account
from tracking.services.order_fill_monitor import OrderFillMonitor
from tracking.services.order_tracking import sync_open_orders
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.integration.services.conftest import Exchange
    from tracking.services.inbox import WaitingFrame

PATIENCE = 30


def together(*works: Callable[[], object]) -> list[BaseException]:
    """Run all at the same moment, each with a connection of its own; return what they raised."""
    barrier, failures = threading.Barrier(len(works)), list[BaseException]()

    def run(work: Callable[[], object]) -> None:
        barrier.wait(PATIENCE)
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - reported by the test
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return failures


def test_drains_and_syncs_at_once_book_each_fill_once(exchange: Exchange) -> None:
    orders = [place_resting(exchange) for _ in range(6)]
    for order_id in orders:
        fill(exchange, order_id, "0.3", counterparties=3)
    frames = exchange.frames(24)
    exchange.deliver(*frames, *frames)
    account_id = exchange.account.pk

    failures = together(
        *[lambda: OrderFillMonitor(account_id).on_order_update()] * 4,
        *[lambda: sync_open_orders(account_id, full=True, force=True)] * 2,
    )

    drain(exchange)
    assert failures == []
    exchange.assert_equal_books()
    assert StrategyPosition.objects.get().execution_count == 18


def test_two_syncs_and_the_stream_may_find_the_fills_of_one_order(exchange: Exchange) -> None:
    order_id = place_resting(exchange, "0.6")
    account_id = exchange.account.pk
    for quantity in ("0.1", "0.2", "0.3"):
        fill(exchange, order_id, quantity, counterparties=2)
        failures = together(
            *[lambda: sync_open_orders(account_id, full=True, force=True)] * 2,
            *[lambda: verify_due(account_id)] * 2,
            lambda: exchange.deliver(*exchange.frames(2)),
            *[lambda: OrderFillMonitor(account_id).on_order_update()] * 3,
        )
        assert failures == []

    drain(exchange)
    exchange.assert_equal_books()
    assert_clean(account_id)
    assert ClosedOrder.objects.get().status == "FILLED"
    assert OrderEvent.objects.filter(kind="order_filled").count() == 1


def test_a_frame_that_comes_while_the_books_are_locked_does_not_wait(exchange: Exchange) -> None:
    place_resting(exchange)
    (frame,) = exchange.frames(1)

    with transaction.atomic():
        lock_account(exchange.account.pk)
        assert together(lambda: exchange.deliver(frame)) == []

    assert StreamEvent.objects.count() == 1


def test_a_frame_that_comes_during_a_drain_is_seen_by_its_holder(exchange: Exchange) -> None:
    order_id = place_resting(exchange)
    fill(exchange, order_id, "0.3")
    new, filled = exchange.frames(2)
    exchange.deliver(new)
    monitor = OrderFillMonitor(exchange.account.pk)
    process = monitor.process_order_fill

    def process_and_receive(account: ExchangeAccount, events: Sequence[WaitingFrame]) -> None:
        process(account, events)
        if len(events) == 1 and events[0].raw == new:
            # nobody is woken: the holder has to look again by itself
            assert inbox.receive([a_frame(exchange, filled)]) == set()

    monitor.process_order_fill = process_and_receive  # type: ignore[method-assign]
    monitor.on_order_update()

    exchange.assert_equal_books()


def a_frame(exchange: Exchange, raw: str) -> inbox.Frame:
    return inbox.Frame(
        account_id=exchange.account.pk,
        market_type="FUTURES",
        session_id=None,
        epoch=1,
        raw=raw,
        received_at=timezone.now(),
    )


def test_a_frame_that_comes_after_the_holder_let_go_wakes_somebody(exchange: Exchange) -> None:
    place_resting(exchange)
    (frame,) = exchange.frames(1)
    drain(exchange)

    assert inbox.receive([a_frame(exchange, frame)]) == {exchange.account.pk}


def test_a_drain_that_is_taken_is_left_alone_with_word_to_look_again(exchange: Exchange) -> None:
    account_id = exchange.account.pk
    assert inbox.claim(account_id, "first")

    assert not inbox.claim(account_id, "second")

    assert not inbox.let_go(account_id, "first")
    assert inbox.renew(account_id, "first")
    assert inbox.let_go(account_id, "first")
    assert inbox.claim(account_id, "second")
