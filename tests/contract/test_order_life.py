"""What the stream tells of an order's life, compared with what REST says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchanges.errors import OrderRefused
from exchanges.messages import ExecutionKind, OrderStatus, OrderType, PositionSide, Side
from exchanges.registry import adapter
from tests.contract.case import Trait

if TYPE_CHECKING:
    from exchanges.messages import ExecutionReport
    from exchanges.questions import OrderRef, TradeCursor
    from tests.contract.stage import Heard, Stage


def agrees_with_rest(stage: Stage, ref: OrderRef, since: TradeCursor, heard: Heard) -> None:
    """Compare order and fills with REST's."""
    verified = stage.client.verify_orders([ref], cursor=since, want_trades=True)
    (order,) = verified.snapshots
    asked = {
        fill.exchange_trade_id: fill
        for fill in verified.executions
        if fill.exchange_order_id == ref.exchange_order_id
    }
    assert (order.status, order.filled_quantity) == (heard.status, heard.filled)
    assert heard.executed == order.filled_quantity
    assert heard.fills.keys() == asked.keys()
    for trade_id, fill in heard.fills.items():
        is_the_same(fill, asked[trade_id])
    if order.filled_quantity:
        assert ref.exchange_order_id in verified.trades_complete_for
        paid = sum(fill.execution_price * fill.execution_quantity for fill in asked.values())
        assert order.filled_quote in (None, paid)


def is_the_same(told: ExecutionReport, asked: ExecutionReport) -> None:
    for name in ("symbol_id", "side", "position_side", "execution_price", "execution_quantity"):
        assert getattr(told, name) == getattr(asked, name), name
    for name in ("commission", "commission_asset", "is_maker"):
        assert None in (getattr(told, name), getattr(asked, name)) or (
            getattr(told, name) == getattr(asked, name)
        ), name


def test_a_new_order_is_told_with_its_terms(stage: Stage) -> None:
    stage.connect()
    ref = stage.place()

    report = stage.wait_for(ref, OrderStatus.NEW).reports[0]

    assert report.symbol_id == stage.case.symbol_id
    assert report.client_order_id == ref.client_order_id
    assert (report.side, report.order_type) == (Side.BUY, OrderType.LIMIT)
    assert (report.price, report.quantity) == (stage.case.price, stage.case.quantity)
    assert report.market_type is stage.case.market_type


def test_a_partial_fill_is_told_once_for_each_trade(stage: Stage) -> None:
    stage.connect()
    ref, since = stage.place(), stage.since()
    for _ in range(2):
        stage.fill(ref, stage.case.part)

    heard = stage.wait_for(ref, OrderStatus.PARTIALLY_FILLED, executed=2 * stage.case.part)

    assert len(heard.fills) == 2
    agrees_with_rest(stage, ref, since, heard)


def test_a_filled_order_is_told_with_all_its_fills(stage: Stage) -> None:
    stage.connect()
    ref, since = stage.place(), stage.since()
    stage.fill(ref, stage.case.part)
    stage.fill(ref)

    heard = stage.wait_for(ref, OrderStatus.FILLED, executed=stage.case.quantity)

    agrees_with_rest(stage, ref, since, heard)


def test_a_cancelled_order_keeps_its_own_name(stage: Stage) -> None:
    stage.connect()
    ref, since = stage.place(), stage.since()
    stage.client.cancel_order(ref)

    heard = stage.wait_for(ref, OrderStatus.CANCELLED)

    assert {report.client_order_id for report in heard.reports} == {ref.client_order_id}
    agrees_with_rest(stage, ref, since, heard)


def test_an_order_cancelled_after_a_fill_keeps_the_fill(stage: Stage) -> None:
    stage.connect()
    ref, since = stage.place(), stage.since()
    stage.fill(ref, stage.case.part)
    stage.client.cancel_order(ref)

    heard = stage.wait_for(ref, OrderStatus.CANCELLED, executed=stage.case.part)

    assert heard.executed == stage.case.part
    agrees_with_rest(stage, ref, since, heard)


def test_an_order_the_exchange_ends_is_told_as_ended(stage: Stage) -> None:
    stage.connect()
    ref = stage.place()
    stage.fill(ref, stage.case.part)
    stage.act("expire", ref)

    def is_told() -> bool:
        now = stage.heard(ref)
        ended = now.status in {OrderStatus.EXPIRED, OrderStatus.CANCELLED}
        return ended and now.executed == stage.case.part

    stage.recorder.wait(is_told)

    assert stage.client.fetch_open_orders(stage.case.symbol_id) == ()


def test_a_refused_order_never_was(stage: Stage) -> None:
    refused = stage.order(quantity=stage.case.refused_quantity)

    with pytest.raises(OrderRefused):
        stage.client.place_order(refused)

    assert stage.client.fetch_open_orders(stage.case.symbol_id) == ()


def test_an_amended_order_is_told_with_its_new_terms(stage: Stage) -> None:
    stage.needs(Trait.AMENDMENT)
    stage.connect()
    ref = stage.place()
    stage.wait_for(ref, OrderStatus.NEW)
    terms = {"price": str(stage.case.other_price), "quantity": str(stage.case.part)}
    stage.act("amend", ref, **terms)

    stage.recorder.wait(lambda: stage.heard(ref).reports[-1].quantity == stage.case.part)

    report = stage.heard(ref).reports[-1]
    assert (report.price, report.status) == (stage.case.other_price, OrderStatus.NEW)
    order = stage.client.fetch_order(ref)
    assert (order.price, order.quantity) == (report.price, report.quantity)


def test_a_liquidation_is_an_order_nobody_of_us_placed(stage: Stage) -> None:
    stage.needs(Trait.LIQUIDATION)
    stage.connect()
    ref, since = stage.place(), stage.since()
    stage.fill(ref)
    stage.wait_for(ref, OrderStatus.FILLED, executed=stage.case.quantity)
    row = stage.house.act(
        action="liquidate", account=stage.key, symbol=stage.case.symbol_id, price="25000.10"
    )
    theirs = stage.ref(stage.client.fetch_order(named(ref, row["exchange_order_id"])))

    heard = stage.wait_for(theirs, OrderStatus.FILLED, executed=stage.case.quantity)

    (fill,) = heard.fills.values()
    assert (fill.kind, fill.side) == (ExecutionKind.LIQUIDATION, Side.SELL)
    agrees_with_rest(stage, theirs, since, heard)
    assert [held for held in stage.client.fetch_holdings() if held.quantity] == []


def named(ref: OrderRef, exchange_order_id: str) -> OrderRef:
    return type(ref)(
        market_type=ref.market_type,
        symbol_id=ref.symbol_id,
        exchange_order_id=str(exchange_order_id),
    )


@pytest.mark.parametrize("switches", [{"repeat": 1.0}, {"reorder": 0.5}])
def test_frames_that_come_twice_or_swapped_tell_the_same(
    stage: Stage, switches: dict[str, object]
) -> None:
    stage.connect()
    ref, since = stage.place(), stage.since()
    stage.disturb(**switches)
    for _ in range(2):
        stage.fill(ref, stage.case.part)
    stage.fill(ref)

    heard = stage.wait_for(ref, OrderStatus.FILLED, executed=stage.case.quantity)

    agrees_with_rest(stage, ref, since, heard)


def test_a_cancel_told_before_the_fill_loses_nothing(stage: Stage) -> None:
    stage.connect()
    ref, since = stage.place(), stage.since()
    stage.act("cancel_then_fill", ref, quantity=str(stage.case.part))

    heard = stage.wait_for(ref, OrderStatus.CANCELLED, executed=stage.case.part)

    agrees_with_rest(stage, ref, since, heard)


def test_long_and_short_are_kept_apart(stage: Stage) -> None:
    stage.hedge()
    stage.connect()
    long = stage.place(position_side=PositionSide.LONG)
    stage.fill(long)

    heard = stage.wait_for(long, OrderStatus.FILLED, executed=stage.case.quantity)

    assert stage.client.is_hedge_mode()
    assert {report.position_side for report in heard.reports} == {PositionSide.LONG}
    assert {fill.position_side for fill in heard.fills.values()} == {PositionSide.LONG}
    held = {
        (each.symbol_id, each.position_side): each.quantity
        for each in stage.client.fetch_holdings()
        if each.quantity
    }
    assert held == {(stage.case.symbol_id, PositionSide.LONG): stage.case.quantity}


def test_changed_holdings_are_told(stage: Stage) -> None:
    stage.needs(Trait.HOLDINGS_STREAM)
    stage.connect()
    ref = stage.place()
    stage.fill(ref)

    wanted = stage.case.asset or stage.case.symbol_id

    def is_told() -> bool:
        return any(
            wanted in (held.asset, held.symbol_id)
            for changed in stage.changed_holdings()
            for held in changed.holdings
        )

    stage.recorder.wait(is_told)


def test_what_rest_told_can_be_read_again(stage: Stage) -> None:
    ref, since = stage.place(), stage.since()
    stage.fill(ref)
    verified = stage.client.verify_orders([ref], cursor=since, want_trades=True)
    spoken = adapter(stage.case.exchange)

    for order in verified.snapshots:
        read = spoken.read_order(
            order.raw,
            market_type=order.market_type,
            id_space=order.id_space,
            requested_at=order.requested_at,
            source=order.source,
        )
        assert read == order
    for fill in verified.executions:
        assert spoken.read_execution(fill.raw, market_type=fill.market_type) == fill
