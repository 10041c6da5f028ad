"""Every kind of order, several at once, changed ones; and the words in which one is refused."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges.errors import ExchangeError, OrderNotFound, OrderRefused, OutcomeUnknown
from exchanges.messages import IdSpace, OrderSnapshot, OrderStatus, OrderType, Side, TimeInForce
from exchanges.questions import Amendment, OrderRef
from exchanges.refusals import RefusalKind
from exchanges.registry import facts
from exchanges.simulator.faults import PLACING
from tests.contract.stage import ENDED, PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exchanges.adapter import Adapter
    from exchanges.questions import Market, NewOrder
    from tests.contract.stage import Stage

RISING = {OrderType.STOP_MARKET, OrderType.STOP}
#: what changing an order is called, at whichever exchange
CHANGING = ("PUT order", "PUT order/amend/keepPriority", "POST order/amend")
CONDITIONAL = (
    OrderType.STOP,
    OrderType.STOP_MARKET,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_MARKET,
)


def spoken(stage: Stage) -> Adapter:
    return facts(stage.case.exchange, stage.case.market_type)


def market(stage: Stage) -> Market:
    return stage.client.markets.market_by_id(stage.case.market_type, stage.case.symbol_id)


def last_price(stage: Stage) -> Decimal:
    price = stage.client.fetch_last_price(stage.case.symbol_id)
    assert price is not None
    return price


def on_the_step(stage: Stage, price: Decimal) -> Decimal:
    step = market(stage).price_step_at(price)
    return price // step * step


def ended(stage: Stage, ref: OrderRef) -> OrderSnapshot:
    """Ask for an order until it has ended: some exchanges end orders a moment after taking them."""
    deadline = time.monotonic() + PATIENCE
    while (order := stage.client.fetch_order(ref)).status not in ENDED:
        assert time.monotonic() < deadline, "still alive"
    return order


def refusal(stage: Stage, order: NewOrder) -> RefusalKind:
    with pytest.raises(OrderRefused) as caught:
        stage.client.place_order(order)
    return caught.value.kind


# -------------------------------------------------------------------- conditional orders


def waiting(stage: Stage, order_type: OrderType) -> NewOrder:
    """Return a buy order that waits for a price far from the market's."""
    if order_type not in spoken(stage).conditional_types:
        pytest.skip(f"{stage.case.name} takes no {order_type}")
    factor = Decimal("1.5") if order_type in RISING else Decimal("0.5")
    trigger = on_the_step(stage, last_price(stage) * factor)
    has_price = order_type in (OrderType.STOP, OrderType.TAKE_PROFIT)
    return stage.order(
        order_type=order_type, stop_price=trigger, price=stage.case.price if has_price else None
    )


@pytest.mark.parametrize("order_type", CONDITIONAL)
def test_a_conditional_order_waits_for_its_price(stage: Stage, order_type: OrderType) -> None:
    order = waiting(stage, order_type)

    placed = stage.client.place_order(order)

    assert placed.id_space is spoken(stage).conditional_id_space
    assert placed.client_order_id == order.client_order_id
    told = stage.client.fetch_order(stage.ref(placed))
    assert (told.status, told.order_type) == (OrderStatus.NEW, order_type)
    assert (told.stop_price, told.price) == (order.stop_price, order.price)
    by_name = replace(stage.ref(placed), exchange_order_id=None)
    assert stage.client.fetch_order(by_name).exchange_order_id == placed.exchange_order_id


def test_a_conditional_order_is_listed_and_cancelled(stage: Stage) -> None:
    placed = stage.client.place_order(waiting(stage, OrderType.STOP_MARKET))
    ref = stage.ref(placed)
    is_apart = placed.id_space is IdSpace.ALGO
    client, symbol_id = stage.client, stage.case.symbol_id
    listed = (
        client.fetch_open_algo_orders(symbol_id)
        if is_apart
        else client.fetch_open_orders(symbol_id)
    )

    client.cancel_order(ref)

    assert [order.exchange_order_id for order in listed] == [placed.exchange_order_id]
    assert ended(stage, ref).status is OrderStatus.CANCELLED
    with pytest.raises(OrderNotFound):
        client.cancel_order(ref)


def test_a_conditional_order_that_would_trigger_at_once_is_refused(stage: Stage) -> None:
    order = waiting(stage, OrderType.STOP_MARKET)
    reached = on_the_step(stage, last_price(stage) * Decimal("0.9"))

    kind = refusal(stage, replace(order, stop_price=reached))

    assert kind in {RefusalKind.WOULD_TRIGGER, RefusalKind.OTHER}


def test_a_conditional_order_whose_answer_is_lost_is_found_by_its_client_id(stage: Stage) -> None:
    order = waiting(stage, OrderType.STOP_MARKET)
    stage.disturb(accept_but_lose_answer=dict.fromkeys(PLACING, "drop"))

    with pytest.raises(OutcomeUnknown):
        stage.client.place_order(order)

    ref = replace(stage.ref(order), id_space=spoken(stage).conditional_id_space)
    assert stage.client.fetch_order(ref).status is OrderStatus.NEW


# -------------------------------------------------------------------- time in force


def test_a_post_only_order_never_takes(stage: Stage) -> None:
    price = on_the_step(stage, last_price(stage) * Decimal("1.02"))
    order = stage.order(price=price, time_in_force=TimeInForce.GTX)

    try:
        placed = stage.client.place_order(order)
    except OrderRefused as refused:
        assert refused.kind is RefusalKind.WOULD_TAKE  # noqa: PT017 - some refuse, some end it
        return

    assert ended(stage, stage.ref(placed)).filled_quantity == 0


def test_a_post_only_order_rests(stage: Stage) -> None:
    ref = stage.place(time_in_force=TimeInForce.GTX)

    assert stage.client.fetch_order(ref).status is OrderStatus.NEW


@pytest.mark.parametrize("time_in_force", [TimeInForce.IOC, TimeInForce.FOK])
def test_an_order_for_now_or_never_does_not_rest(stage: Stage, time_in_force: TimeInForce) -> None:
    order = stage.order(time_in_force=time_in_force)

    try:
        placed = stage.client.place_order(order)
    except OrderRefused:
        placed = None

    if placed is not None:
        assert ended(stage, stage.ref(placed)).filled_quantity == 0
    assert stage.client.fetch_open_orders(stage.case.symbol_id) == ()


# -------------------------------------------------------------------- market orders


def test_a_market_order_for_an_amount_of_money_spends_no_more(stage: Stage) -> None:
    if not spoken(stage).takes_quote_quantity:
        pytest.skip(f"{stage.case.name} wants a quantity")
    money = (last_price(stage) * stage.case.part).quantize(Decimal(1))
    order = stage.order(
        order_type=OrderType.MARKET, price=None, quantity=Decimal(0), quote_quantity=money
    )

    since = stage.since()

    placed = stage.client.place_order(order)

    done = ended(stage, stage.ref(placed))
    assert done.filled_quantity > 0
    fills = stage.client.fetch_executions(
        stage.case.symbol_id,
        since,
        exchange_order_id=placed.exchange_order_id,
    )
    spent = sum(fill.execution_price * fill.execution_quantity for fill in fills)
    assert 0 < spent <= money


# -------------------------------------------------------------------- refusals


def test_a_quantity_that_is_not_taken_is_refused_by_name(stage: Stage) -> None:
    order = stage.order(quantity=stage.case.refused_quantity)

    kind = refusal(stage, order)

    assert kind in {RefusalKind.WRONG_STEP, RefusalKind.BELOW_MINIMUM}


def test_what_nobody_can_pay_for_is_refused_by_name(stage: Stage) -> None:
    kind = refusal(stage, stage.order(quantity=stage.case.quantity * 4000))

    assert kind in {RefusalKind.INSUFFICIENT_FUNDS, RefusalKind.ABOVE_MAXIMUM}


def test_nothing_cannot_be_reduced(stage: Stage) -> None:
    if stage.case.asset:
        pytest.skip(f"{stage.case.name} holds no positions")

    kind = refusal(stage, stage.order(side=Side.SELL, reduce_only=True))

    assert kind is RefusalKind.NOTHING_TO_REDUCE


# -------------------------------------------------------------------- amendments


def amendment(stage: Stage, ref: OrderRef) -> Amendment:
    if not spoken(stage).can_amend:
        pytest.skip(f"{stage.case.name} cannot change orders")
    return Amendment(ref=ref, side=Side.BUY, quantity=stage.case.part, price=stage.case.other_price)


def test_an_order_is_changed_and_keeps_its_names(stage: Stage) -> None:
    stage.connect()
    order = stage.order()
    placed = stage.client.place_order(order)
    ref = stage.ref(placed)

    stage.client.amend_order(amendment(stage, ref))

    stage.recorder.wait(
        lambda: any(report.quantity == stage.case.part for report in stage.heard(ref).reports)
    )
    told = stage.client.fetch_order(ref)
    assert (told.quantity, told.price) == (stage.case.part, stage.case.other_price)
    assert (told.client_order_id, told.status) == (order.client_order_id, OrderStatus.NEW)
    assert {report.client_order_id for report in stage.heard(ref).reports} == {
        order.client_order_id
    }


def test_a_change_whose_answer_is_lost_is_seen_in_the_order(stage: Stage) -> None:
    ref = stage.place()
    wanted = amendment(stage, ref)
    stage.disturb(
        accept_but_lose_answer=dict.fromkeys(
            ("PUT order", "PUT order/amend/keepPriority", "POST order/amend"), "drop"
        )
    )

    with pytest.raises(OutcomeUnknown):
        stage.client.amend_order(wanted)

    stage.house.faults(account=stage.key, reset=True)
    assert stage.client.fetch_order(ref).quantity == stage.case.part


def test_an_order_that_has_ended_is_not_changed(stage: Stage) -> None:
    ref = stage.place()
    wanted = amendment(stage, ref)
    stage.client.cancel_order(ref)

    with pytest.raises((OrderNotFound, OrderRefused)):
        stage.client.amend_order(wanted)


# -------------------------------------------------------------------- several at once


def together(stage: Stage, orders: Sequence[NewOrder]) -> tuple[OrderSnapshot | ExchangeError, ...]:
    """Place orders in as few requests as the exchange allows."""
    size = spoken(stage).batch_size
    found: list[OrderSnapshot | ExchangeError] = []
    for first in range(0, len(orders), size):
        found += stage.client.place_orders(orders[first : first + size])
    return tuple(found)


def test_of_several_orders_each_has_its_own_answer(stage: Stage) -> None:
    good, bad, other = (
        stage.order(),
        stage.order(quantity=stage.case.refused_quantity),
        stage.order(),
    )

    first, second, third = together(stage, [good, bad, other])

    assert isinstance(second, OrderRefused)
    assert second.kind in {RefusalKind.WRONG_STEP, RefusalKind.BELOW_MINIMUM}
    answered = [first, third]
    assert all(isinstance(one, OrderSnapshot) for one in answered)
    assert [getattr(one, "client_order_id", "") for one in answered] == [
        good.client_order_id,
        other.client_order_id,
    ]
    alive = {order.client_order_id for order in stage.client.fetch_open_orders()}
    assert alive == {good.client_order_id, other.client_order_id}


def test_of_several_orders_whose_answer_is_lost_nothing_is_claimed(stage: Stage) -> None:
    orders = [stage.order(), stage.order()][: spoken(stage).batch_size]
    stage.disturb(accept_but_lose_answer=dict.fromkeys(PLACING, "drop"))

    try:
        told = stage.client.place_orders(orders)
    except OutcomeUnknown as unknown:
        told = (unknown,) * len(orders)

    assert all(isinstance(one, OutcomeUnknown) for one in told)
    for order in orders:
        assert stage.client.fetch_order(stage.ref(order)).status is OrderStatus.NEW


def test_every_submission_is_counted_where_it_arrives(stage: Stage) -> None:
    placed, refused, several = (
        stage.order(),
        stage.order(quantity=stage.case.refused_quantity),
        [stage.order(), stage.order()],
    )
    stage.client.place_order(placed)
    with pytest.raises(OrderRefused):
        stage.client.place_order(refused)
    together(stage, several)

    counted = stage.house.submissions(stage.key)

    sent = [placed, *several] + ([] if stage.case.refuses_itself else [refused])
    assert counted == {order.client_order_id: 1 for order in sent}


# -------------------------------------------------------------------- prices and money


def test_an_order_takes_from_what_is_available(stage: Stage) -> None:
    asset = market(stage).settle or market(stage).quote
    before = stage.client.fetch_available(asset)

    stage.place()

    assert 0 < stage.client.fetch_available(asset) < before


def test_the_last_price_is_the_market_s(stage: Stage) -> None:
    row = stage.house.step(0)

    assert last_price(stage) == Decimal(row[stage.case.symbol_id])


# -------------------------------------------------------------------- permissions


def test_a_key_tells_what_it_may_do(stage: Stage) -> None:
    told = stage.client.fetch_key_permissions()

    assert told.can_trade in {True, None}
    assert told.can_withdraw in {False, None}
    assert told.can_transfer in {False, None}
    assert told.is_ip_bound in {True, None}


def test_a_key_that_may_withdraw_or_not_trade_says_so(stage: Stage) -> None:
    before = stage.client.fetch_key_permissions()
    stage.house.permissions(
        stage.key, can_withdraw=True, can_transfer=True, ip_bound=False, can_trade=False
    )

    now = stage.client.fetch_key_permissions()

    flags = ("can_withdraw", "can_transfer", "is_ip_bound", "can_trade")
    for name in flags:
        former, latter = getattr(before, name), getattr(now, name)
        assert latter is (None if former is None else not former)


def test_orders_of_a_key_that_may_not_trade_are_refused(stage: Stage) -> None:
    stage.house.permissions(stage.key, can_trade=False)

    with pytest.raises(ExchangeError) as caught:
        stage.client.place_order(stage.order())

    assert not isinstance(caught.value, OutcomeUnknown)
    stage.house.permissions(stage.key, can_trade=True)
    assert stage.client.fetch_open_orders(stage.case.symbol_id) == ()
