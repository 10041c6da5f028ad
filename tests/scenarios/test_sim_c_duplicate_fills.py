"""SIM-C: the same fill told again and again, by everybody; a guess overtaken by the truth."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from exchanges.errors import ExchangeError
from tests.integration.services.test_races import together
from tests.scenarios.stories import (
    assert_settled,
    closed_orders,
    executions,
    fill,
    hear,
    place,
    positions,
    sync,
    told,
    trade_ids,
    trades,
    verify,
)
from tracking.models import TradeExecution
from tracking.services.order_fill_monitor import OrderFillMonitor
from tracking.services.order_tracking import sync_open_orders
from tracking.services.verification_queue import verify_due

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.services.conftest import Exchange

SOL = "SOL/USDT:USDT"


def test_sim_c1_a_fill_told_up_to_five_times_by_everybody_at_once_counts_once(
    exchange: Exchange,
) -> None:
    chance = random.Random(3)
    orders = [place(exchange) for _ in range(4)]
    for order_id in orders:
        fill(exchange, order_id, "0.4")
        fill(exchange, order_id, "0.6", counterparties=2)
    frames = [f for f in exchange.frames(16) for _ in range(chance.randint(1, 5))]
    chance.shuffle(frames)
    account_id = exchange.account.pk

    def drain() -> None:
        OrderFillMonitor(account_id).on_order_update()

    middle = len(frames) // 2
    for part in (frames[:middle], frames[middle:]):
        exchange.deliver(*part)
        failures = together(
            drain,
            drain,
            lambda: sync_open_orders(account_id, full=True, force=True),
            lambda: tolerate(lambda: verify_due(account_id)),
        )
        assert failures == []
    drain()
    verify(exchange)

    assert closed_orders() == [(str(i), "FILLED", "1", "30000") for i in orders]
    assert trades() == [(str(i), "BUY", "1", "30000", 3) for i in orders]
    assert {row[0] for row in executions()} == set(trade_ids(exchange))
    assert len(executions()) == 12
    assert positions() == [("BTC/USDT:USDT", "4", "30000")]
    assert told("order_filled") == ["order_filled"] * 4
    assert_settled(exchange)


def tolerate(work: Callable[[], object]) -> None:
    try:
        work()
    except ExchangeError:
        return


def test_sim_c2_a_guessed_fill_gives_way_to_the_three_trades_it_stood_for(
    exchange: Exchange,
) -> None:
    order_id = place(exchange, "5", symbol="SOLUSDT", price="100")
    hear(exchange, *exchange.frames(1))
    exchange.simulator.faults(stale_rest_ms={"userTrades": 60_000})
    for quantity, price in (("2", "100"), ("2", "100"), ("1", "94")):
        exchange.act("amend", symbol="SOLUSDT", orderId=order_id, price=price)
        fill(exchange, order_id, quantity, symbol="SOLUSDT")
    told_by_stream = [f for f in exchange.frames(6) if '"x":"TRADE"' in f]

    sync(exchange)

    name = str(order_id)
    assert executions() == [("inferred", "5", "98.8", "INFERRED")]
    assert closed_orders() == [(name, "FILLED", "5", "494")]
    assert positions() == [(SOL, "5", "98.8")]

    ids = trade_ids(exchange)
    guessed = [("3", "98"), ("1", "94"), None]
    for count, (frame, rest) in enumerate(zip(told_by_stream, guessed, strict=True), start=1):
        hear(exchange, frame)
        guesses = [e[1:3] for e in executions() if e[0] == "inferred"]
        assert guesses == ([rest] if rest else [])
        assert closed_orders() == [(name, "FILLED", "5", "494")]
        assert len([e for e in executions() if e[0] in ids]) == count

    assert executions() == [
        (ids[0], "2", "100", "WS"),
        (ids[1], "2", "100", "WS"),
        (ids[2], "1", "94", "WS"),
    ]
    assert trades() == [(name, "BUY", "5", "494", 3)]
    assert positions() == [(SOL, "5", "98.8")]
    assert TradeExecution.objects.get(source="INFERRED").voided_at is not None
    exchange.simulator.faults(reset=True)
    verify(exchange)
    assert_settled(exchange)
