"""Rows and states say the same, in both directions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exchanges.messages import OrderStatus, OrderType, PositionSide, Side, TimeInForce
from tests.unit.tracking.domain.builders import a_fill, a_report, at, denied, key, merged, seen
from tracking.domain.evidence import OrderState
from tracking.domain.executions import ExecutionState, from_report
from tracking.models import ClosedOrder, OpenOrder, Trade, TradeExecution
from tracking.services.order_rows import (
    closed_from,
    execution_state,
    new_execution,
    order_state,
    recompute_trade,
    reopened_from,
    rewrite_execution,
    write_state,
)

NOW = at(60)
FULL = OrderState(
    status=OrderStatus.CANCELLED,
    side=Side.SELL,
    quantity=Decimal(5),
    exchange_order_id="7",
    client_order_id="mine",
    position_side=PositionSide.SHORT,
    order_type=OrderType.STOP,
    time_in_force=TimeInForce.GTX,
    price=Decimal(99),
    stop_price=Decimal(98),
    filled_quantity=Decimal(2),
    filled_quote=Decimal(190),
    reason="not found 3 times",
    reduce_only=True,
    post_only=True,
    exchange_updated_at=at(9),
    verified=True,
    resolved_by_absence=True,
)


@pytest.mark.parametrize("model", [OpenOrder, ClosedOrder])
def test_an_order_is_read_as_it_was_written(model: type[OpenOrder | ClosedOrder]) -> None:
    row = model(version=4)

    write_state(row, FULL, NOW)

    assert order_state(row, []) == FULL
    assert (row.version, row.updated_at) == (5, NOW)


def test_an_open_order_keeps_the_end_it_withholds() -> None:
    state = replace(FULL, status=OrderStatus.NEW, withheld_status=OrderStatus.FILLED)
    row = OpenOrder()

    write_state(row, state, NOW)

    assert order_state(row, []) == state


def test_an_end_by_absence_is_carried_to_the_closed_order_and_back() -> None:
    row = OpenOrder(symbol="BTC/USDT", placed_by_us=True, strategy_account_id=3)
    write_state(row, FULL, NOW)

    closed = closed_from(row, NOW)
    working = replace(FULL, status=OrderStatus.NEW, resolved_by_absence=False)
    write_state(closed, working, NOW)
    reopened = reopened_from(closed, working)

    assert order_state(closed, []) == order_state(reopened, []) == working
    assert (reopened.symbol, reopened.placed_by_us) == ("BTC/USDT", True)
    assert reopened.strategy_account_id == 3


def a_row(**terms: Any) -> TradeExecution:
    trade = Trade(exchange_order_id="7", symbol="BTC/USDT")
    return new_execution(trade, replace(from_report(a_fill()), **terms), is_history=False, now=NOW)


@pytest.mark.parametrize(
    "terms", [{}, {"verified": True}, {"voided": True, "disclaimed": True}, {"sequence": 2}]
)
def test_a_fill_is_read_as_it_was_written(terms: dict[str, Any]) -> None:
    state = replace(from_report(a_fill()), **terms)

    assert execution_state(a_row(**terms)) == state


def test_a_disclaimed_fill_is_voided_and_no_longer_verified() -> None:
    row = a_row()
    row.commission_rate = Decimal(3)
    disclaimed = replace(execution_state(row), voided=True, disclaimed=True)

    rewrite_execution(row, disclaimed, at(70))
    rewrite_execution(row, disclaimed, at(80))

    assert execution_state(row) == disclaimed
    assert (row.voided_at, row.next_verify_at) == (at(70), None)
    assert row.commission_rate == 3


@pytest.mark.parametrize(
    ("terms", "rate"),
    [
        ({"commission": Decimal(2)}, Decimal(3)),
        ({"verified": True}, Decimal(3)),
        ({"commission_asset": "BNB"}, None),
        ({"commission": None, "commission_asset": None}, None),
    ],
)
def test_a_rate_is_that_of_one_asset(terms: dict[str, Any], rate: Decimal | None) -> None:
    row = a_row()
    row.commission_rate = Decimal(3)

    rewrite_execution(row, replace(execution_state(row), **terms), at(70))

    assert row.commission_rate == rate


def booked(states: tuple[ExecutionState, ...]) -> list[TradeExecution]:
    trade = Trade(exchange_order_id="7")
    return [new_execution(trade, state, is_history=False, now=NOW) for state in states]


def test_a_trade_counts_what_was_not_disclaimed() -> None:
    fills = seen(a_report(OrderStatus.PARTIALLY_FILLED, "2"), fills=(a_fill("1"), a_fill("2")))
    one = merged(fills, denied(key("2"))).after
    none = merged(fills, denied(key("1"), key("2"))).after
    trade, empty = Trade(), Trade()

    recompute_trade(trade, booked(one.executions))
    recompute_trade(empty, booked(none.executions))

    assert (trade.filled_quantity, trade.filled_quote, trade.execution_count) == (1, 100, 1)
    assert (trade.first_executed_at, trade.last_executed_at) == (at(1), at(1))
    assert trade.commissions == {"USDT": "0.01"}
    assert (empty.filled_quantity, empty.filled_quote, empty.execution_count) == (0, 0, 0)
    assert (empty.first_executed_at, empty.last_executed_at) == (at(1), at(2))
    assert (empty.commissions, empty.realized_pnl) == ({}, 0)
