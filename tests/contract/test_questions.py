"""What REST can be asked, and what the answers are worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges.errors import OrderNotFound, UnknownSymbol
from exchanges.governor import Priority
from exchanges.messages import OrderStatus
from exchanges.questions import OrderRef, TradeCursor
from exchanges.registry import adapter

if TYPE_CHECKING:
    from tests.contract.stage import Stage


def nobody(stage: Stage) -> OrderRef:
    return OrderRef(
        market_type=stage.case.market_type,
        symbol_id=stage.case.symbol_id,
        exchange_order_id=stage.case.unknown_order_id,
    )


def test_an_order_is_found_by_either_id(stage: Stage) -> None:
    ref = stage.place()

    by_number = stage.client.fetch_order(replace(ref, client_order_id=None))
    by_name = stage.client.fetch_order(replace(ref, exchange_order_id=None))

    assert by_number.exchange_order_id == by_name.exchange_order_id == ref.exchange_order_id
    assert by_number.client_order_id == by_name.client_order_id == ref.client_order_id
    assert (by_name.status, by_name.price) == (OrderStatus.NEW, stage.case.price)


def test_an_ended_order_is_found_by_its_client_id(stage: Stage) -> None:
    ref = stage.place()
    stage.fill(ref)

    order = stage.client.fetch_order(replace(ref, exchange_order_id=None))

    assert (order.exchange_order_id, order.status) == (ref.exchange_order_id, OrderStatus.FILLED)


@pytest.mark.parametrize("by_name", [False, True])
def test_an_order_nobody_placed_is_not_found(stage: Stage, *, by_name: bool) -> None:
    ref = stage.ref(stage.order()) if by_name else nobody(stage)

    with pytest.raises(OrderNotFound):
        stage.client.fetch_order(ref)


def test_many_orders_are_verified_together(stage: Stage) -> None:
    since = stage.since()
    refs = [stage.place() for _ in range(5)]
    stage.fill(refs[1], stage.case.part)
    stage.fill(refs[2])
    stage.client.cancel_order(refs[3])
    stage.fill(refs[4], stage.case.part)
    stage.client.cancel_order(refs[4])

    verified = stage.client.verify_orders([*refs, nobody(stage)], cursor=since, want_trades=True)

    told = {order.exchange_order_id: order for order in verified.snapshots}
    assert [told[ref.exchange_order_id or ""].status for ref in refs] == [
        OrderStatus.NEW,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.CANCELLED,
    ]
    for ref in refs:
        fills = [
            fill.execution_quantity
            for fill in verified.executions
            if fill.exchange_order_id == ref.exchange_order_id
        ]
        assert sum(fills) == told[ref.exchange_order_id or ""].filled_quantity
    filled = {ref.exchange_order_id for ref in (refs[1], refs[2], refs[4])}
    assert filled <= verified.trades_complete_for
    assert [ref.exchange_order_id for ref in verified.not_found] == [stage.case.unknown_order_id]


def test_one_order_is_verified_without_a_cursor(stage: Stage) -> None:
    ref = stage.place()
    stage.fill(ref)

    verified = stage.client.verify_orders([ref], want_trades=True)

    assert [order.status for order in verified.snapshots] == [OrderStatus.FILLED]
    assert sum(fill.execution_quantity for fill in verified.executions) == stage.case.quantity
    assert verified.trades_complete_for == {ref.exchange_order_id}


def test_what_is_alive_is_listed_by_market_and_altogether(stage: Stage) -> None:
    here, elsewhere, ended = stage.place(), stage.place_elsewhere(), stage.place()
    stage.client.cancel_order(ended)

    listed = stage.client.fetch_open_orders(stage.case.symbol_id)
    everything = stage.client.fetch_open_orders()

    assert [order.exchange_order_id for order in listed] == [here.exchange_order_id]
    assert {(order.symbol_id, order.exchange_order_id) for order in everything} == {
        (here.symbol_id, here.exchange_order_id),
        (elsewhere.symbol_id, elsewhere.exchange_order_id),
    }
    assert stage.client.fetch_open_algo_orders(stage.case.symbol_id) == ()


def test_more_orders_than_a_usual_page_has_are_all_listed(stage: Stage) -> None:
    refs = [stage.place() for _ in range(21)]

    listed = stage.client.fetch_open_orders(stage.case.symbol_id)

    assert {order.exchange_order_id for order in listed} == {ref.exchange_order_id for ref in refs}


def test_what_is_held_is_told(stage: Stage) -> None:
    before = _held(stage)
    stage.fill(stage.place())

    commission = Decimal(0)
    if stage.case.asset:
        fills = stage.client.fetch_executions(stage.case.symbol_id, TradeCursor())
        commission = sum(
            (
                fill.commission
                for fill in fills
                if fill.commission and fill.commission_asset == stage.case.asset
            ),
            Decimal(0),
        )
    assert _held(stage) - before == stage.case.quantity - commission


def test_what_is_held_of_another_market_is_told(stage: Stage) -> None:
    if stage.case.asset:
        pytest.skip("assets are held, not markets")
    ref = stage.place_elsewhere()
    stage.fill(ref)

    held = [each for each in stage.client.fetch_holdings() if each.quantity]

    assert [(each.symbol_id, each.quantity) for each in held] == [
        (ref.symbol_id, stage.case.elsewhere[2])
    ]


def _held(stage: Stage) -> Decimal:
    for held in stage.client.fetch_holdings():
        assert held.market_type is stage.case.market_type
        if (held.symbol_id, held.asset) == (
            "" if stage.case.asset else stage.case.symbol_id,
            stage.case.asset,
        ):
            return held.quantity
    return Decimal(0)


def test_fills_are_listed_from_a_cursor_on(stage: Stage) -> None:
    ref, since = stage.place(), stage.since()
    for _ in range(3):
        stage.fill(ref, stage.case.part)
    place_of = adapter(stage.case.exchange).place_of

    everything = stage.client.fetch_executions(stage.case.symbol_id, since)
    first = TradeCursor(after_trade_id=str(place_of(everything[0])))
    later = stage.client.fetch_executions(stage.case.symbol_id, first)

    assert [fill.execution_quantity for fill in everything] == [stage.case.part] * 3
    assert sorted(map(place_of, everything)) == [place_of(fill) for fill in everything]
    # a list by time begins at the cursor, one by ids behind it
    assert later in (everything, everything[1:])


def test_fills_are_listed_by_order(stage: Stage) -> None:
    ref, other = stage.place(), stage.place()
    stage.fill(ref, stage.case.part)
    stage.fill(other)

    fills = stage.client.fetch_executions(
        stage.case.symbol_id, TradeCursor(), exchange_order_id=ref.exchange_order_id
    )

    assert [fill.execution_quantity for fill in fills] == [stage.case.part]


def test_ids_and_symbols_name_each_other(stage: Stage) -> None:
    markets, kind = stage.client.markets, stage.case.market_type

    assert markets.symbol_of(kind, stage.case.symbol_id) == stage.case.symbol
    market = markets.market_of(kind, stage.case.symbol)
    assert (market.symbol_id, market.market_type) == (stage.case.symbol_id, kind)
    assert stage.case.quantity % market.quantity_step == 0
    assert stage.case.price % market.price_step == 0
    with pytest.raises(UnknownSymbol):
        markets.market_of(kind, "NO/SUCH")


def test_an_unknown_market_is_refused(stage: Stage) -> None:
    with pytest.raises(UnknownSymbol):
        stage.client.fetch_open_orders("NOSUCHUSDT")


def test_the_exchange_tells_its_time_and_a_price_it_had(stage: Stage) -> None:
    now = stage.client.fetch_server_time()

    price = stage.client.fetch_price_at(
        stage.case.symbol_id, now - timedelta(minutes=2), priority=Priority.SYNC
    )

    assert price is None or price > stage.case.price


def test_an_account_keeps_one_position_a_market(stage: Stage) -> None:
    assert stage.client.is_hedge_mode() is False
