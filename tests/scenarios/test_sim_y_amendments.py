"""SIM-Y: an order may change its terms, by its owner's wish or by the exchange's."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from exchanges.messages import OrderStatus
from tests.ageing import LATER, age
from tests.books import assert_clean
from tests.factories import ExchangeAccountFactory
from tests.integration.services.test_order_manager import limit
from tests.scenarios.stories import (
    anomalies,
    assert_settled,
    closed_orders,
    fill,
    hear,
    open_orders,
    place,
    positions,
    quiesce,
    requests,
    sync,
)
from tests.scenarios.told import spot_fill, spot_order, tell
from tracking.models import ClosedOrder, ExchangeAccount, OpenOrder, OrderRequest
from tracking.services.verification_queue import accounts_due, verify_due

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

FIRST, AMENDED = "8886001", "9900001"


@pytest.mark.parametrize("is_heard", [True, False])
def test_sim_y1_an_amendment_below_what_filled_ends_the_order_where_it_is(
    exchange: Exchange, *, is_heard: bool
) -> None:
    order_id = place(exchange, "1")
    fill(exchange, order_id, "0.4")
    hear(exchange, *exchange.frames(2))

    # Binance cancels it then
    exchange.act("amend", symbol="BTCUSDT", orderId=order_id, quantity="0.3")
    if is_heard:
        hear(exchange, *exchange.frames(1))
    else:
        sync(exchange)

    assert closed_orders() == [(FIRST, "CANCELLED", "0.4", "12000")]
    assert positions() == [("BTC/USDT:USDT", "0.4", "30000")]
    assert_settled(exchange)


def test_sim_y1_an_order_amended_to_what_filled_is_filled_where_the_exchange_says_so(
    transactional_db: None,
) -> None:
    account: ExchangeAccount = ExchangeAccountFactory.create(market_type="SPOT")
    part = spot_order(OrderStatus.PARTIALLY_FILLED, "0.4", "24000", quantity=Decimal(1))
    tell(account, part, spot_fill("1", "0.4", "60000", "0", "USDT"))

    tell(account, spot_order(OrderStatus.FILLED, "0.4", "24000", second=2))

    row = ClosedOrder.objects.get()
    assert (row.status, row.quantity, row.filled_quantity) == (
        "FILLED",
        Decimal("0.4"),
        Decimal("0.4"),
    )
    assert anomalies() == []
    assert_clean(account.pk)


def test_sim_y1_an_older_word_does_not_bring_the_old_terms_back(exchange: Exchange) -> None:
    order_id = place(exchange, "1")
    exchange.act("amend", symbol="BTCUSDT", orderId=order_id, quantity="0.6", price="29000")
    new, amended = exchange.frames(2)

    hear(exchange, amended)
    hear(exchange, new)

    order = OpenOrder.objects.get()
    assert (order.quantity, order.price) == (Decimal("0.6"), Decimal(29000))
    assert_settled(exchange)


@pytest.mark.parametrize("new_first", [False, True])
def test_sim_y1_an_amendment_that_changes_the_id_is_one_order_after_another(
    exchange: Exchange, manager: OrderManager, *, new_first: bool
) -> None:
    """Some exchanges end the order and begin another, with the same client order id."""
    manager.execute(limit(quantity="0.5"), idempotency_key="1")
    fill(exchange, int(FIRST), "0.2")
    new, part = exchange.frames(2)
    hear(exchange, part)
    ended = part.replace('"x":"TRADE","X":"PARTIALLY_FILLED"', '"x":"CANCELED","X":"CANCELED"')
    ended = ended.replace('"l":"0.200"', '"l":"0"')
    begun = new.replace(f'"i":{FIRST}', f'"i":{AMENDED}').replace('"q":"0.500"', '"q":"0.700"')
    assert len({new, part, ended, begun}) == 4

    hear(exchange, *([begun, ended] if new_first else [ended, begun]))

    assert closed_orders() == [(FIRST, "CANCELLED", "0.2", "6000")]
    (order,) = OpenOrder.objects.all()
    assert (order.exchange_order_id, order.status, order.quantity) == (
        AMENDED,
        "NEW",
        Decimal("0.7"),
    )
    assert order.strategy_account == manager.strategy_account
    assert positions() == [("BTC/USDT:USDT", "0.2", "30000")]
    assert_clean(exchange.account.pk)


def test_sim_y1_a_reduce_only_order_the_exchange_shrinks_is_filled_at_its_new_size(
    exchange: Exchange,
) -> None:
    opened = place(exchange, "0.5")
    fill(exchange, opened, "0.5")
    closing = place(exchange, "0.5", side="SELL", price="70000", reduceOnly="true")
    hear(exchange, *exchange.frames(3))

    exchange.act("shrink", symbol="BTCUSDT", orderId=closing, quantity="0.3")
    (lost,) = exchange.frames(1)
    sync(exchange)
    assert OpenOrder.objects.get().quantity == Decimal("0.3")
    fill(exchange, closing, "0.3")
    hear(exchange, lost, *exchange.frames(1))

    assert closed_orders()[-1] == (str(closing), "FILLED", "0.3", "21000")
    assert open_orders() == []
    assert positions() == [("BTC/USDT:USDT", "0.2", "30000")]
    assert anomalies() == []
    quiesce(exchange)
    assert_settled(exchange)


@pytest.mark.parametrize("how", ["drop", "502", "503", "-1007"])
def test_sim_n4_an_amendment_whose_answer_was_lost_is_accepted_once_the_order_shows_it(
    exchange: Exchange, manager: OrderManager, how: str
) -> None:
    manager.execute(limit(quantity="0.5"), idempotency_key="1")
    lose(exchange, "accept_but_lose_answer", how)
    request = manager.amend(
        OpenOrder.objects.get(), quantity=Decimal("0.3"), price=Decimal(29000), idempotency_key="2"
    )
    assert request.outcome == "UNKNOWN"
    exchange.simulator.faults(reset=True)

    quiesce(exchange)

    request.refresh_from_db()
    assert (request.outcome, request.detail) == ("ACCEPTED", "the exchange shows the new terms")
    order = OpenOrder.objects.get()
    assert (order.quantity, order.price) == (Decimal("0.3"), Decimal(29000))
    assert requests(exchange.simulator)["PUT order"] == 1
    assert_settled(exchange)


def test_sim_n4_an_amendment_the_stream_tells_of_needs_no_question(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(quantity="0.5"), idempotency_key="1")
    lose(exchange, "accept_but_lose_answer", "drop")
    request = manager.amend(OpenOrder.objects.get(), price=Decimal(29000), idempotency_key="2")
    exchange.simulator.faults(rest_status={"*": 503})
    hear(exchange, *exchange.frames(2))

    assert accounts_due(timezone.now()) == [exchange.account.pk]
    verify_due(exchange.account.pk)

    request.refresh_from_db()
    assert request.outcome == "ACCEPTED"


def test_sim_n4_an_amendment_that_never_arrived_is_rejected_long_after(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(quantity="0.5"), idempotency_key="1")
    lose(exchange, "refuse_and_lose_answer", "drop")
    request = manager.amend(OpenOrder.objects.get(), price=Decimal(29000), idempotency_key="2")
    exchange.simulator.faults(reset=True)

    quiesce(exchange)
    request.refresh_from_db()
    # it may still be under way
    assert request.outcome == "UNKNOWN"
    age(OrderRequest.objects.all(), LATER)
    quiesce(exchange)

    request.refresh_from_db()
    assert (request.outcome, request.detail) == (
        "REJECTED",
        "the exchange shows other terms, long after",
    )
    assert OpenOrder.objects.get().price == Decimal(30000)
    assert requests(exchange.simulator)["PUT order"] == 1
    assert_settled(exchange)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("accept_but_lose_answer", "ACCEPTED"), ("refuse_and_lose_answer", "REJECTED")],
)
def test_sim_n4_an_amendment_of_an_order_that_ended_is_judged_by_its_last_terms(
    exchange: Exchange, manager: OrderManager, fault: str, outcome: str
) -> None:
    manager.execute(limit(quantity="0.5"), idempotency_key="1")
    lose(exchange, fault, "drop")
    request = manager.amend(OpenOrder.objects.get(), quantity=Decimal("0.3"), idempotency_key="2")
    exchange.simulator.faults(reset=True)
    exchange.act("cancel", symbol="BTCUSDT", orderId=int(FIRST))

    quiesce(exchange)
    verify_due(exchange.account.pk)

    request.refresh_from_db()
    assert request.outcome == outcome
    assert closed_orders() == [(FIRST, "CANCELLED", "0", "0")]
    assert_settled(exchange)


def test_sim_n4_an_amendment_below_what_had_filled_was_made_where_the_order_ended_so(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(quantity="0.5"), idempotency_key="1")
    fill(exchange, int(FIRST), "0.4")
    lose(exchange, "accept_but_lose_answer", "drop")
    request = manager.amend(OpenOrder.objects.get(), quantity=Decimal("0.3"), idempotency_key="2")
    exchange.simulator.faults(reset=True)

    quiesce(exchange)
    verify_due(exchange.account.pk)

    request.refresh_from_db()
    assert request.outcome == "ACCEPTED"
    assert closed_orders() == [(FIRST, "CANCELLED", "0.4", "12000")]
    assert_settled(exchange)


def lose(exchange: Exchange, fault: str, how: str) -> None:
    """Lose the answer to the next amendment, and to the question behind it."""
    exchange.simulator.faults(
        **{fault: {"PUT order": {"how": how, "count": 1}}}, rest_status={"GET order": 500}
    )
