"""Real processes, sockets and stores: what happens at the exchange is what we have booked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from exchanges.messages import OrderStatus, OrderType, Side, Source
from ordertrack.processes import beat
from ordertrack.supervisor import Supervisor
from tests.e2e.broker import everything_doubled, tasks_stolen
from tests.e2e.system import SYMBOL, System, executions_of
from tracking.management.demo.trader import place_by_hand
from tracking.models import ClosedOrder, OpenOrder, StreamEvent, Trade, TradeExecution
from tracking.services.order_intents import OrderIntent

if TYPE_CHECKING:
    from tracking.models import OrderRequest


def test_a_limit_order_fills_in_part_and_then_wholly_over_the_stream(system: System) -> None:
    use = system.cast.uses[0]
    system.await_live_stream(use)
    request = system.place(use, "0.5", system.resting_price())
    orders = OpenOrder.objects.filter(client_order_id=request.client_order_id)

    system.fill(request, "0.2")
    # the sync that asks at this very moment may tell the order's total before the stream its fill
    assert system.eventually(executions_of(request).exists)
    assert executions_of(request).get().execution_quantity == Decimal("0.2")
    assert orders.get().status == OrderStatus.PARTIALLY_FILLED.value
    assert orders.get().filled_quantity == Decimal("0.2")
    assert system.eventually(lambda: frames_of(request, "TRADE"))

    system.fill(request, "0.3")
    assert system.eventually(lambda: not orders.exists())
    closed = ClosedOrder.objects.get(client_order_id=request.client_order_id)
    assert (closed.status, closed.filled_quantity) == (OrderStatus.FILLED.value, Decimal("0.5"))
    trade = Trade.objects.get(client_order_id=request.client_order_id)
    assert (trade.filled_quantity, trade.execution_count) == (Decimal("0.5"), 2)
    assert trade.strategy_account == use
    system.assert_equal_books()


def test_a_market_order_is_booked_before_its_answer_comes(system: System) -> None:
    use = system.cast.uses[1]
    system.await_live_stream(use)
    system.control.faults(account=use.account.api_key, rest_latency_ms={"POST order": 1500})

    request = system.place(use, "0.4")
    answered_at = timezone.now()

    booked = executions_of(request)
    assert sum(row.execution_quantity for row in booked) == Decimal("0.4")
    # the answer took 1.5 s, the event did not
    assert max(row.created_at for row in booked) < answered_at - timedelta(seconds=1)
    assert Trade.objects.get(client_order_id=request.client_order_id).strategy_account == use
    system.assert_equal_books()


def test_the_sync_finds_the_fill_of_an_order_whose_stream_is_dead(system: System) -> None:
    use = system.cast.uses[2]
    system.control.faults(account=use.account.api_key, mute=True)
    request = system.place(use, "0.3", system.resting_price())

    system.fill(request, "0.3")

    assert system.eventually(executions_of(request).exists, timeout=15)
    assert executions_of(request).get().source != Source.WS.value
    system.assert_equal_books()


def test_a_hand_made_order_is_found_when_every_frame_is_lost(system: System) -> None:
    account = system.cast.accounts[1]
    system.control.faults(account=account.api_key, lose=1.0)
    fills = TradeExecution.objects.filter(account=account)
    before = fills.count()

    place_by_hand(system.control, account, a_market_order("0.7"))

    assert system.eventually(lambda: fills.count() > before, timeout=15)
    system.assert_equal_books()


def test_a_late_word_of_a_new_order_does_not_open_it_again(system: System) -> None:
    use = system.cast.uses[3]
    system.await_live_stream(use)
    request = system.place(use, "0.2", system.resting_price())
    assert system.eventually(lambda: frames_of(request, "NEW"))
    (first,) = frames_of(request, "NEW")
    system.fill(request, "0.2")
    closed = ClosedOrder.objects.filter(client_order_id=request.client_order_id)
    assert system.eventually(closed.exists)

    system.control.act("say", use.account.api_key, text=first.raw)

    def done() -> list[StreamEvent]:
        return [frame for frame in frames_of(request, "NEW") if frame.processed_at]

    assert system.eventually(lambda: len(done()) == 2)
    assert not OpenOrder.objects.filter(client_order_id=request.client_order_id).exists()
    assert closed.get().status == OrderStatus.FILLED.value
    system.assert_equal_books()


@pytest.mark.parametrize("process", ["worker", "sync", "streams", "valkey"])
def test_books_are_equal_after_a_process_was_killed_while_trading(
    system: System, process: str
) -> None:
    with system.trading(seed=len(process)) as trader:
        system.trade_on(trader, 8)
        killed = system.kill(process)
        system.trade_on(trader, 12)

    assert system.eventually(lambda: system.pid(process) not in {None, killed})
    system.assert_equal_books()


def test_sim_v1_every_task_run_twice_and_at_once_books_everything_once(system: System) -> None:
    with system.trading(seed=21) as trader, everything_doubled(system) as doubled:
        system.trade_on(trader, 15)

    assert doubled.count > trader.orders
    system.assert_equal_books()


def test_sim_v2_a_fifth_of_all_tasks_lost_on_the_way_loses_no_fill(system: System) -> None:
    with system.trading(seed=22) as trader, tasks_stolen(one_in=5) as stolen:
        system.trade_on(trader, 15)
        # a worker may take a task before the thief does
        assert system.eventually(lambda: stolen.count > 0, timeout=60)

    system.assert_equal_books()


def test_sim_v3_a_broker_that_forgets_everything_while_trading_loses_no_fill(
    system: System,
) -> None:
    with system.trading(seed=23) as trader:
        for _ in range(3):
            system.trade_on(trader, 5)
            for url in (settings.REDIS_URL, settings.REDIS_STATE_URL):
                with redis.Redis.from_url(url) as store:
                    store.flushall()

    system.assert_equal_books()


def test_sim_v4_a_second_beat_changes_nothing(system: System) -> None:
    with Supervisor([replace(beat(), name="second beat")]) as second:
        assert system.eventually(second.pids)
        with system.trading(seed=24) as trader:
            system.trade_on(trader, 15)
        assert second.pids()

    system.assert_equal_books()


def a_market_order(quantity: str) -> OrderIntent:
    return OrderIntent(
        symbol=SYMBOL, side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal(quantity)
    )


def frames_of(request: OrderRequest, kind: str) -> list[StreamEvent]:
    """Choose the frames of one kind about the order a request placed; they are kept deflated."""
    marks = (f'"{request.client_order_id}"', f'"x":"{kind}"')
    newest = StreamEvent.objects.order_by("-pk")[:100]
    return [frame for frame in newest if all(mark in frame.raw for mark in marks)]
