"""SIM-Z: clocks that differ, exchanges that begin anew, and what they forget meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from tests.books import assert_clean
from tests.integration.services.test_order_manager import limit, market
from tests.scenarios.stories import (
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
    sync,
    verify,
)
from tracking.models import (
    ClosedOrder,
    ExchangeAccount,
    OpenOrder,
    StrategyPosition,
    SymbolSubscription,
    TradeExecution,
)
from tracking.services import absence, event_emitter
from tracking.services.absence import ABSENCE_SPACING

if TYPE_CHECKING:
    from exchanges.simulator.thread import SimulatorThread
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

DAYS_AWAY = timedelta(days=4)


def miss_three_times(exchange: Exchange) -> None:
    """Let orders that are not found be asked about three times, ten seconds apart."""
    OpenOrder.objects.update(created_at=timezone.now() - DAYS_AWAY)
    for _ in range(3):
        spaced = timezone.now() - ABSENCE_SPACING
        OpenOrder.objects.exclude(not_found_at=None).update(not_found_at=spaced)
        sync(exchange, full=True)


@pytest.fixture(params=[5_000, -5_000])
def skewed(
    account: ExchangeAccount, simulator: SimulatorThread, request: pytest.FixtureRequest
) -> int:
    """Let the exchange's clock be off before anybody looks at it."""
    simulator.faults(clock_skew_ms=request.param)
    return int(request.param)


def test_sim_z1_clocks_five_seconds_apart_lose_nothing(
    skewed: int, exchange: Exchange, manager: OrderManager
) -> None:
    bought = manager.execute(market("0.2"), idempotency_key="1")
    placed = manager.execute(limit(quantity="0.3"), idempotency_key="2")
    assert (bought.outcome, placed.outcome) == ("ACCEPTED", "ACCEPTED")
    order = OpenOrder.objects.get()
    fill(exchange, int(str(order.exchange_order_id)), "0.1")
    by_hand = place(exchange, "0.1", side="SELL", price="90000")
    fill(exchange, by_hand, "0.1")

    sync(exchange, full=True)
    cancelled = manager.cancel(OpenOrder.objects.get(), idempotency_key="3")
    verify(exchange)

    assert cancelled.outcome == "ACCEPTED"
    assert not TradeExecution.objects.filter(is_history=True).exists()
    off = min(e.executed_at - e.created_at for e in TradeExecution.objects.all())
    assert abs(off - timedelta(milliseconds=skewed)) < timedelta(seconds=3)
    assert anomalies() == []
    assert_settled(exchange)


def trade_round(exchange: Exchange) -> tuple[int, int]:
    """Buy and sell again, long enough ago to be remembered for certain."""
    ids = []
    for side, price in (("BUY", "30000"), ("SELL", "90000")):
        order_id = place(exchange, "0.5", side=side, price=price)
        fill(exchange, order_id, "0.5")
        ids.append(order_id)
    hear(exchange, *exchange.frames(4))
    ClosedOrder.objects.update(closed_at=timezone.now() - timedelta(hours=1))
    return ids[0], ids[1]


def test_sim_z2_what_was_open_when_the_exchange_began_anew_has_expired(
    exchange: Exchange, manager: OrderManager
) -> None:
    bought, sold = trade_round(exchange)
    manager.execute(limit(quantity="0.4"), idempotency_key="1")
    before = executions()

    exchange.act("reset")
    miss_three_times(exchange)

    row = ClosedOrder.objects.get(strategy_account=manager.strategy_account)
    assert (row.status, row.filled_quantity, row.resolved_by_absence) == ("EXPIRED", 0, True)
    assert row.reason == (
        "resolved by absence: not found 3 times, no trades;"
        f" the exchange was reset: it forgot #{sold}, too"
    )
    assert anomalies() == ["NOT_FOUND"]
    # what was traded before stays booked
    assert executions() == before
    assert [row[0] for row in closed_orders()][:2] == [str(bought), str(sold)]
    assert StrategyPosition.objects.get(strategy_account=None).quantity == 0
    assert set(SymbolSubscription.objects.values_list("trade_cursor", flat=True)) == {None}
    assert_journal_whole()
    assert_clean(exchange.account.pk)


def test_sim_z2_trades_of_the_new_exchange_are_found_although_their_ids_are_small(
    exchange: Exchange, simulator: SimulatorThread
) -> None:
    trade_round(exchange)
    place(exchange, "0.4")
    hear(exchange, *exchange.frames(1))
    exchange.act("reset")
    miss_three_times(exchange)

    # another market, whose ids nobody has used before
    new = place(exchange, "2", symbol="ETHUSDT", price="1500")
    fill(exchange, new, "2", symbol="ETHUSDT")
    quiesce(exchange)

    assert positions() == [("BTC/USDT:USDT", "0", "0"), ("ETH/USDT:USDT", "2", "1500")]
    assert open_orders() == []
    assert_clean(exchange.account.pk)


def test_sim_z2_a_crash_behind_the_last_verdict_leaves_no_old_cursor(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade_round(exchange)
    place(exchange, "0.4")
    hear(exchange, *exchange.frames(1))
    SymbolSubscription.objects.update(trade_cursor="1000000")
    exchange.act("reset")
    emit = event_emitter.emit_trade_event

    def emit_and_die(**terms: Any) -> None:
        emit(**terms)
        raise KeyboardInterrupt

    monkeypatch.setattr(absence, "emit_trade_event", emit_and_die)
    with pytest.raises(KeyboardInterrupt):
        miss_three_times(exchange)

    assert open_orders() == []
    assert set(SymbolSubscription.objects.values_list("trade_cursor", flat=True)) == {None}


def test_sim_z2_without_a_witness_an_order_nobody_knows_is_cancelled(exchange: Exchange) -> None:
    order_id = place(exchange, "0.4")
    hear(exchange, *exchange.frames(1))

    exchange.act("reset")
    miss_three_times(exchange)

    row = ClosedOrder.objects.get()
    assert (row.status, row.resolved_by_absence) == ("CANCELLED", True)
    assert row.reason == "resolved by absence: not found 3 times, no trades"
    assert str(order_id) == row.exchange_order_id


@pytest.fixture
def four_days_ago(account: ExchangeAccount, simulator: SimulatorThread) -> None:
    """Let the exchange live in the past, until its faults are reset."""
    simulator.faults(clock_skew_ms=-int(DAYS_AWAY.total_seconds() * 1000))


@pytest.mark.usefixtures("four_days_ago")
def test_sim_z3_four_days_away_the_forgotten_are_told_from_the_filled(exchange: Exchange) -> None:
    trade_round(exchange)
    kept = place(exchange, "0.1", price="29000")
    forgotten = place(exchange, "0.2", price="29000")
    filled = place(exchange, "0.3", price="29000")
    partial = place(exchange, "0.4", price="29000")
    hear(exchange, *exchange.frames(4))

    cancel(exchange, forgotten)
    fill(exchange, filled, "0.3")
    fill(exchange, partial, "0.1")
    cancel(exchange, partial)
    exchange.simulator.faults(reset=True)
    miss_three_times(exchange)

    ended = {row[0]: row[1:3] for row in closed_orders()}
    assert ended[str(forgotten)] == ("CANCELLED", "0")
    assert ended[str(filled)] == ("FILLED", "0.3")
    assert ended[str(partial)] == ("CANCELLED", "0.1")
    row = ClosedOrder.objects.get(exchange_order_id=forgotten)
    assert row.reason == (
        "resolved by absence: not found 3 times, no trades;"
        " the exchange forgets unfilled orders after 3 days:"
        " how it ended cannot be verified any more"
    )
    by_absence = ClosedOrder.objects.filter(resolved_by_absence=True)
    assert list(by_absence.values_list("exchange_order_id", flat=True)) == [str(forgotten)]
    assert open_orders() == [(str(kept), "NEW", "0")]
    assert anomalies() == ["NOT_FOUND"]
    assert_settled(exchange)
