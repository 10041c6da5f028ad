"""Orders at a Bybit: several at once, conditional ones of spot, how they end, what keys may do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from exchanges.errors import AuthenticationError, OrderRefused, OutcomeUnknown, TransientError
from exchanges.messages import (
    MarketType,
    OrderSnapshot,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)
from exchanges.questions import Amendment, NewOrder
from exchanges.refusals import RefusalKind
from exchanges.simulator.thread import SimulatorThread
from exchanges.wire import milliseconds
from tests.integration.exchanges.test_bybit_rest import Account

if TYPE_CHECKING:
    from collections.abc import Iterator

FUTURES, SPOT = MarketType.FUTURES, MarketType.SPOT


@pytest.fixture(scope="module")
def bybit() -> Iterator[SimulatorThread]:
    houses = [("BYBIT", market_type.value) for market_type in (FUTURES, SPOT)]
    with SimulatorThread(houses=houses) as running:
        for house in houses:
            running.house(*house).configure(price_interval=0, enforce_limits=False)
        yield running


@pytest.fixture
def linear(bybit: SimulatorThread) -> Iterator[Account]:
    account = Account(bybit, FUTURES)
    yield account
    account.house.faults(reset=True)


@pytest.fixture
def spot(bybit: SimulatorThread) -> Iterator[Account]:
    account = Account(bybit, SPOT)
    yield account
    account.house.faults(reset=True)


def resting(account: Account, quantity: str = "0.01") -> NewOrder:
    return account.order("BTCUSDT", quantity, "30000")


def waiting(account: Account, order_type: OrderType, share: str) -> NewOrder:
    """Return a conditional buy whose trigger is a share of the market's price."""
    last = account.client.fetch_last_price("BTCUSDT")
    assert last is not None
    return replace(
        resting(account),
        order_type=order_type,
        price=None if order_type in (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET) else last,
        stop_price=(last * Decimal(share)).quantize(Decimal("0.1")),
    )


def refused(account: Account, order: NewOrder) -> RefusalKind:
    with pytest.raises(OrderRefused) as caught:
        account.client.place_order(order)
    return caught.value.kind


def test_orders_of_every_kind_go_in_one_request(linear: Account) -> None:
    orders = [
        resting(linear),
        waiting(linear, OrderType.STOP_MARKET, "1.5"),
        replace(resting(linear), quantity=Decimal("0.0101")),
        waiting(linear, OrderType.TAKE_PROFIT, "0.5"),
        waiting(linear, OrderType.STOP, "0.9"),
    ]

    told = linear.client.place_orders(orders)

    taken = [one for one in told if isinstance(one, OrderSnapshot)]
    assert [one.client_order_id for one in taken] == [orders[i].client_order_id for i in (0, 1, 3)]
    kinds = [one.kind for one in told if isinstance(one, OrderRefused)]
    assert kinds == [RefusalKind.WRONG_STEP, RefusalKind.WOULD_TRIGGER]
    alive = {order.client_order_id: order for order in linear.client.fetch_open_orders("BTCUSDT")}
    assert {name: order.order_type for name, order in alive.items()} == {
        one.client_order_id: one.order_type for one in taken
    }
    assert linear.house.submissions(linear.key) == {order.client_order_id: 1 for order in orders}


def test_a_name_used_twice_among_several_is_in_doubt(linear: Account) -> None:
    first = resting(linear)
    linear.client.place_order(first)

    again, other = linear.client.place_orders([first, resting(linear)])

    assert isinstance(again, OutcomeUnknown)
    assert isinstance(other, OrderSnapshot)


def test_of_several_orders_of_spot_one_that_would_trigger_is_not_sent(spot: Account) -> None:
    wrong = waiting(spot, OrderType.STOP_MARKET, "0.9")
    right = waiting(spot, OrderType.STOP_MARKET, "1.5")

    refusal, placed = spot.client.place_orders([wrong, right])

    assert isinstance(refusal, OrderRefused)
    assert refusal.kind is RefusalKind.WOULD_TRIGGER
    assert isinstance(placed, OrderSnapshot)
    assert spot.house.submissions(spot.key) == {right.client_order_id: 1}
    assert spot.client.place_orders([]) == ()
    assert spot.client.place_orders([wrong])[0] is not None
    assert spot.house.submissions(spot.key) == {right.client_order_id: 1}


def test_what_was_not_sent_is_not_in_doubt_with_the_others(spot: Account) -> None:
    wrong = waiting(spot, OrderType.STOP_MARKET, "0.9")
    spot.house.faults(accept_but_lose_answer={"order/create-batch": "drop"})

    refusal, lost = spot.client.place_orders([wrong, resting(spot)])

    assert isinstance(refusal, OrderRefused)
    assert isinstance(lost, OutcomeUnknown)
    with pytest.raises(OutcomeUnknown):
        spot.client.place_orders([resting(spot), resting(spot)])


def test_a_conditional_order_of_spot_is_not_sent_without_a_price(spot: Account) -> None:
    order = waiting(spot, OrderType.STOP_MARKET, "1.5")
    spot.house.faults(rest_status={"market/tickers": 503})

    with pytest.raises(TransientError):
        spot.client.place_order(order)

    assert spot.house.submissions(spot.key) == {}


def test_a_conditional_order_triggers_and_keeps_its_id(spot: Account) -> None:
    placed = spot.client.place_order(waiting(spot, OrderType.STOP_MARKET, "1.01"))
    assert placed.stop_price is not None

    spot.house.price("BTCUSDT", str(placed.stop_price + 1))

    (now,) = spot.client.verify_orders([spot.ref(placed)]).snapshots
    assert now.exchange_order_id == placed.exchange_order_id
    assert now.filled_quantity == placed.quantity


def test_a_post_only_order_that_would_take_ends_and_says_why(linear: Account) -> None:
    last = linear.client.fetch_last_price("BTCUSDT")
    assert last is not None
    order = replace(resting(linear), price=last * 2, time_in_force=TimeInForce.GTX)

    placed = linear.client.place_order(order)

    assert placed.status is OrderStatus.NEW
    ended = linear.client.fetch_order(linear.ref(placed))
    assert (ended.status, ended.filled_quantity) == (OrderStatus.CANCELLED, Decimal(0))
    assert ended.reason == "post-only, and it would have taken (EC_PostOnlyWillTakeLiquidity)"


def test_the_refusals_are_told_by_kind(linear: Account, spot: Account) -> None:
    reducing = replace(resting(linear), reduce_only=True)
    other_mode = replace(resting(linear), position_side=PositionSide.LONG)

    assert refused(linear, reducing) is RefusalKind.NOTHING_TO_REDUCE
    assert refused(linear, other_mode) is RefusalKind.POSITION_SIDE
    assert refused(linear, resting(linear, "99")) is RefusalKind.INSUFFICIENT_FUNDS
    assert refused(spot, resting(spot, "0.0001")) is RefusalKind.BELOW_MINIMUM
    assert refused(spot, resting(spot, "99")) is RefusalKind.INSUFFICIENT_FUNDS


def test_a_ceiling_and_a_band_are_kept_to(bybit: SimulatorThread, spot: Account) -> None:
    house = bybit.house("BYBIT", SPOT)
    house.configure(maximum_open_orders=1, price_band=0.1)
    try:
        far = replace(resting(spot), price=Decimal(900_000))
        assert refused(spot, far) is RefusalKind.PRICE_OUT_OF_BAND
        spot.client.place_order(resting(spot))
        assert refused(spot, resting(spot)) is RefusalKind.TOO_MANY_ORDERS
    finally:
        house.configure(maximum_open_orders=0, price_band=0.0)


def test_a_change_to_nothing_new_is_refused(linear: Account) -> None:
    ref = linear.place()
    same = Amendment(ref=ref, side=Side.BUY, quantity=Decimal("0.01"), price=Decimal(30000))

    with pytest.raises(OrderRefused, match="remains unchanged"):
        linear.client.amend_order(same)

    changed = linear.client.amend_order(replace(same, price=Decimal(29000)))
    assert (changed.exchange_order_id, changed.price) == (ref.exchange_order_id, Decimal(29000))


def test_what_orders_want_is_not_available_and_what_positions_gain_is(linear: Account) -> None:
    before = linear.client.fetch_available("USDT")
    ref = linear.place()
    ordered = linear.client.fetch_available("USDT")

    linear.fill(ref)

    held = linear.client.fetch_available("USDT")
    assert 0 < ordered < before
    # bought at half the market's price
    assert held > before
    assert linear.client.fetch_available("NONE") == 0


def test_a_key_tells_its_permissions_and_its_end(linear: Account) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=5)
    linear.house.permissions(
        linear.key, can_withdraw=True, ip_bound=False, expires_at=milliseconds(end)
    )

    told = linear.client.fetch_key_permissions()

    assert (told.can_trade, told.can_withdraw, told.can_transfer) == (True, True, False)
    assert (told.is_ip_bound, told.expires_at) == (False, end)
    assert told.owner_id


def test_a_key_that_is_over_or_may_not_trade_places_nothing(linear: Account) -> None:
    linear.house.permissions(linear.key, can_trade=False)
    with pytest.raises(AuthenticationError) as denied:
        linear.client.place_order(resting(linear))
    assert linear.client.fetch_open_orders("BTCUSDT") == ()

    linear.house.permissions(linear.key, expires_at=1)
    with pytest.raises(AuthenticationError) as over:
        linear.client.fetch_open_orders("BTCUSDT")

    assert (denied.value.code, over.value.code) == ("10005", "33004")
