"""SIM-L: every order in which events can arrive ends in the same books."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.messages import OrderStatus
from tests.scenarios.stories import (
    assert_settled,
    closed_orders,
    executions,
    fill,
    hear,
    place,
    positions,
    removals,
    sync,
    trades,
    verify,
)
from tests.unit.tracking.domain.builders import merged
from tests.unit.tracking.domain.model_exchange import ModelExchange
from tracking.domain.states import is_terminal

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.domain.evidence import Evidence, OrderState

ORDERS = 1000
ENDS = (OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED)


def a_life(chance: random.Random) -> ModelExchange:
    """Let an order live: fills at various prices, new sizes, an end, and fills told after it."""
    order = ModelExchange()
    for _ in range(chance.randint(1, 8)):
        turn = chance.random()
        if turn < 0.7 and order.may_still_fill:
            fee = chance.choice([None, Decimal("0.01")])
            part, price = chance.randint(1, 5), chance.randint(90, 110)
            order.fill(part, price, is_id_used_again=False, streamed_fee=fee)
        elif turn < 0.8 and not order.is_over:
            order.amend(Decimal(chance.randint(5, 20)), in_same_moment=False)
        elif not order.is_over:
            order.end(chance.choice(ENDS))
    return order


def outcome(events: list[Evidence]) -> OrderState:
    """Give what the events make of an order; of its executions those that count, in no order."""
    after = merged(*events).after
    counted = [execution for execution in after.executions if not execution.voided]
    return replace(after, executions=tuple(sorted(counted, key=lambda e: e.key)))


def test_sim_l1_a_thousand_orders_end_the_same_in_whatever_order_their_events_come() -> None:
    chance = random.Random(12)
    ended = 0
    for _ in range(ORDERS):
        life = a_life(chance)
        events = [life.frame(moment) for moment in range(len(life.moments))]
        in_order = outcome(events)
        assert in_order.status is life.now.status
        assert in_order.filled_quantity == life.now.filled
        assert in_order.filled_quote == life.now.quote
        ended += is_terminal(in_order.status)
        for _ in range(2):
            chance.shuffle(events)
            assert outcome([*events, *chance.choices(events, k=2)]) == in_order
    assert ended > ORDERS / 2


def test_sim_l1_shuffled_frames_of_many_orders_end_in_the_same_rows(exchange: Exchange) -> None:
    chance = random.Random(4)
    expected = []
    for number in range(12):
        order_id = place(exchange, "1")
        for quantity in ("0.1", "0.2", "0.7")[: 1 + number % 3]:
            fill(exchange, order_id, quantity)
        if number % 3 < 2:
            exchange.act("cancel", symbol="BTCUSDT", orderId=order_id)
        expected.append((str(order_id), *ENDED[number % 3]))
    frames = exchange.frames(12 + 24 + 8)
    chance.shuffle(frames)

    # nobody to ask: only the frames decide
    exchange.simulator.faults(rest_status={"*": 503})
    while frames:
        some = [frames.pop() for _ in range(min(len(frames), chance.randint(1, 5)))]
        hear(exchange, *some)
    assert closed_orders() == expected
    exchange.simulator.faults(reset=True)
    verify(exchange)
    sync(exchange, full=True)

    assert closed_orders() == expected
    assert len(executions(source="WS")) == len(executions()) == 24
    assert [row[2] for row in trades()] == [row[2] for row in expected]
    assert positions() == [("BTC/USDT:USDT", "5.6", "30000")]
    assert sorted(removals()) == [row[:2] for row in expected]
    assert_settled(exchange)


ENDED = (
    ("CANCELLED", "0.1", "3000"),
    ("CANCELLED", "0.3", "9000"),
    ("FILLED", "1", "30000"),
)
