"""SIM-K: the stream is ahead of REST, by a moment or by a minute."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from django.db import connection

from tests.integration.services.test_order_manager import limit
from tests.scenarios.stories import (
    assert_settled,
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
    verify,
)
from tracking.models import OrderRequest, StrategyPosition, TradeExecution

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

SYMBOL = "BTC/USDT:USDT"


def test_sim_k1_a_fill_told_before_the_answer_to_its_order_is_booked_for_its_strategy(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.account("another", "its secret")
    exchange.simulator.faults(thin_book=True)
    exchange.simulator.faults(account=exchange.key, rest_latency_ms={"POST order": 300})
    exchange.simulator.act(
        action="place", account="another", symbol="BTCUSDT", side="SELL", type="LIMIT",
        quantity="0.2", price="60000",
    )  # fmt: skip

    def execute() -> str:
        try:
            return manager.execute(limit(price="60000"), idempotency_key="1").outcome
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(execute)
        hear(exchange, *exchange.frames(2))
        assert not outcome.done()
        (name,) = (order["exchange_order_id"] for order in exchange.ledger()["orders"])
        booked = closed_orders()

    assert booked == [(name, "FILLED", "0.2", "12000")]
    assert closed_orders() == booked
    assert outcome.result() == "ACCEPTED"
    assert executions() == [(*trade_ids(exchange), "0.2", "60000", "WS")]
    assert trades() == [(name, "BUY", "0.2", "12000", 1)]
    assert positions() == [(SYMBOL, "0.2", "60000")]
    assert StrategyPosition.objects.get().strategy_account == manager.strategy_account
    assert removals() == [(name, "FILLED")]
    assert told("order_filled") == ["order_filled"]
    assert OrderRequest.objects.get().outcome == "ACCEPTED"
    assert_settled(exchange)


def test_sim_k2_a_fill_rest_does_not_show_for_a_minute_is_booked_now_and_verified_later(
    exchange: Exchange,
) -> None:
    # placed ninety seconds ago by the exchange's clock, filled now: REST shows the time between
    exchange.simulator.faults(clock_skew_ms=-90_000)
    order_id = place(exchange, "0.2")
    exchange.simulator.faults(clock_skew_ms=0)
    fill(exchange, order_id, "0.2")
    exchange.simulator.faults(stale_rest_ms=60_000)

    hear(exchange, *exchange.frames(2))

    def assert_booked(*, verified: bool) -> None:
        assert open_orders() == []
        assert closed_orders() == [(str(order_id), "FILLED", "0.2", "6000")]
        assert executions(verified=verified) == [(*trade_ids(exchange), "0.2", "30000", "WS")]
        assert trades() == [(str(order_id), "BUY", "0.2", "6000", 1)]
        assert positions() == [(SYMBOL, "0.2", "30000")]
        assert removals() == [(str(order_id), "FILLED")]

    assert_booked(verified=False)
    assert TradeExecution.objects.get().next_verify_at is not None
    for _ in range(3):
        sync(exchange, full=True)
        verify(exchange)
        assert_booked(verified=False)

    quiesce(exchange)
    assert_booked(verified=True)
    assert_settled(exchange)
