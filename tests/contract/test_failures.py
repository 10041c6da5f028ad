"""What goes wrong on the way to the exchange and back, and what may be concluded from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchanges.errors import (
    OrderNotFound,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    TransientError,
)
from exchanges.messages import OrderStatus, Source
from tests.contract.case import Trait

if TYPE_CHECKING:
    from tests.contract.stage import Stage


def test_a_placed_order_is_accepted(stage: Stage) -> None:
    order = stage.order()

    placed = stage.client.place_order(order)

    assert placed.source is Source.SUBMIT
    assert placed.client_order_id == order.client_order_id
    assert placed.exchange_order_id
    assert (placed.quantity, placed.price) == (order.quantity, order.price)
    assert placed.status in {OrderStatus.NEW, OrderStatus.PENDING}


def test_an_order_is_cancelled_once(stage: Stage) -> None:
    ref = stage.place()

    stage.client.cancel_order(ref)

    assert stage.client.fetch_order(ref).status is OrderStatus.CANCELLED
    with pytest.raises(OrderNotFound):
        stage.client.cancel_order(ref)


def test_a_client_id_is_used_once(stage: Stage) -> None:
    stage.needs(Trait.UNIQUE_CLIENT_IDS)
    order = stage.order()
    placed = stage.client.place_order(order)

    with pytest.raises((OrderRefused, OutcomeUnknown)):
        stage.client.place_order(order)

    (alive,) = stage.client.fetch_open_orders(stage.case.symbol_id)
    assert alive.exchange_order_id == placed.exchange_order_id


@pytest.mark.parametrize("how", ["drop", "502"])
def test_an_order_whose_answer_is_lost_is_found_by_its_client_id(stage: Stage, how: str) -> None:
    order = stage.order()
    stage.disturb(accept_but_lose_answer={stage.case.place_endpoint: how})

    with pytest.raises(OutcomeUnknown):
        stage.client.place_order(order)

    found = stage.client.fetch_order(stage.ref(order))
    assert (found.client_order_id, found.status) == (order.client_order_id, OrderStatus.NEW)


def test_an_order_that_was_not_done_and_not_answered_is_not_found(stage: Stage) -> None:
    order = stage.order()
    stage.disturb(refuse_and_lose_answer={stage.case.place_endpoint: "502"})

    with pytest.raises(OutcomeUnknown):
        stage.client.place_order(order)

    with pytest.raises(OrderNotFound):
        stage.client.fetch_order(stage.ref(order))


def test_a_cancel_whose_answer_is_lost_was_done(stage: Stage) -> None:
    ref = stage.place()
    stage.disturb(accept_but_lose_answer={stage.case.cancel_endpoint: "drop"})

    with pytest.raises(OutcomeUnknown):
        stage.client.cancel_order(ref)

    assert stage.client.fetch_order(ref).status is OrderStatus.CANCELLED


@pytest.mark.parametrize(
    "switches",
    [{"rest_status": 503}, {"rest_empty": True}, {"rest_garbage": True}],
    ids=["unavailable", "empty", "garbage"],
)
def test_a_question_without_a_readable_answer_may_be_asked_again(
    stage: Stage, switches: dict[str, object]
) -> None:
    stage.disturb(**switches)

    with pytest.raises(TransientError):
        stage.client.fetch_open_orders(stage.case.symbol_id)

    stage.house.faults(account=stage.key, reset=True)
    assert stage.client.fetch_open_orders(stage.case.symbol_id) == ()


def test_who_asked_too_often_is_stopped_here_and_not_there(stage: Stage) -> None:
    client = stage.client_of(stage.credentials, egress_ip=f"limited-{stage.key}")
    stage.disturb(rest_status={"*": {"status": 429, "count": 1, "retry_after": 5}})

    for _ in range(2):
        with pytest.raises(RateLimited):
            client.fetch_open_orders(stage.case.symbol_id, timeout=1)


def test_a_wrong_clock_heals_by_itself(stage: Stage) -> None:
    stage.needs(Trait.CLOCK)
    client = stage.client_of(stage.credentials, egress_ip=f"skewed-{stage.key}")
    stage.house.faults(clock_skew_ms=30_000)

    placed = client.place_order(stage.order())

    assert client.fetch_order(stage.ref(placed)).status is OrderStatus.NEW
