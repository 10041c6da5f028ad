"""A request is committed once per key, whoever asks and however many ask at once."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from exchanges.messages import OrderType, Side
from tests.factories import OpenOrderFactory, StrategyAccountFactory
from tracking.domain import client_ids
from tracking.models import OpenOrder, OrderRequest, RequestSource
from tracking.services import order_requests
from tracking.services.order_intents import InvalidOrderError, OrderIntent
from tracking.services.order_requests import RequestMismatchError, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracking.models import StrategyAccount

pytestmark = pytest.mark.django_db(transaction=True)

INTENT = OrderIntent(
    symbol="BTC/USDT:USDT",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    quantity=Decimal("0.2"),
    price=Decimal(30000),
)
AT_ONCE = 8


@pytest.fixture
def use() -> StrategyAccount:
    made: StrategyAccount = StrategyAccountFactory.create()
    return made


def wanted(use: StrategyAccount, key: str = "1", quantity: str = "0.2") -> Wanted:
    intent = replace(INTENT, quantity=Decimal(quantity))
    return Wanted(use=use, intent=intent, key=key, source=RequestSource.API)


def test_requests_are_committed_pending_with_ids_that_name_their_strategy(
    use: StrategyAccount,
) -> None:
    first, second = order_requests.accept([wanted(use, "b"), wanted(use, "a")])

    assert [first.idempotency_key, second.idempotency_key] == ["b", "a"]
    assert first.client_order_id != second.client_order_id
    for request in OrderRequest.objects.all():
        assert (request.outcome, request.sent_at) == ("PENDING", None)
        assert OrderIntent.from_body(request.body) == INTENT
        prefix = str(request.client_order_id)[: -client_ids.LENGTH]
        assert client_ids.owner_token(request.client_order_id, prefix=prefix) == use.token


def test_the_same_key_gives_the_same_request(use: StrategyAccount) -> None:
    (first,) = order_requests.accept([wanted(use)])

    again, new = order_requests.accept([wanted(use), wanted(use, "2")])

    assert again == first
    assert new != first
    assert again.client_order_id == first.client_order_id


def test_one_key_twice_in_one_call_is_one_request(use: StrategyAccount) -> None:
    first, second = order_requests.accept([wanted(use), wanted(use)])

    assert first == second
    assert OrderRequest.objects.count() == 1


def test_the_same_key_with_another_body_commits_nothing(use: StrategyAccount) -> None:
    order_requests.accept([wanted(use)])

    with pytest.raises(RequestMismatchError):
        order_requests.accept([wanted(use, "2"), wanted(use, quantity="0.3")])

    assert OrderRequest.objects.count() == 1


def test_the_same_key_for_another_strategy_is_another_request(use: StrategyAccount) -> None:
    order_requests.accept([wanted(use)])
    other = StrategyAccountFactory.create(account=use.account)

    with pytest.raises(RequestMismatchError):
        order_requests.accept([wanted(other)])


def test_another_user_has_keys_of_their_own(use: StrategyAccount) -> None:
    other = StrategyAccountFactory.create()

    first, second = order_requests.accept([wanted(use), wanted(other)])

    assert first != second


@pytest.mark.parametrize("key", ["", "x" * 101, "a\nb", "a\x00b"])
def test_a_key_that_is_none_is_refused(use: StrategyAccount, key: str) -> None:
    with pytest.raises(InvalidOrderError):
        order_requests.accept([wanted(use, key)])


def test_what_is_written_beside_is_committed_or_undone_with_them(use: StrategyAccount) -> None:
    seen: list[OrderRequest] = []
    order_requests.accept([wanted(use)], beside=seen.extend)
    assert [request.pk for request in seen] == [OrderRequest.objects.get().pk]

    def fail(_requests: list[OrderRequest]) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        order_requests.accept([wanted(use, "2")], beside=fail)
    assert OrderRequest.objects.count() == 1


def at_once(work: Callable[[], OrderRequest]) -> set[int]:
    """Do the same in several threads, begun together; return the requests it gave."""
    start = threading.Barrier(AT_ONCE)
    found: list[int] = []

    def run() -> None:
        start.wait()
        try:
            found.append(work().pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == AT_ONCE
    return set(found)


def test_sim_s_parallel_equal_keys_give_one_request(use: StrategyAccount) -> None:
    asked = wanted(use)

    assert len(at_once(lambda: order_requests.accept([asked])[0])) == 1
    assert OrderRequest.objects.count() == 1


def test_parallel_equal_keys_of_a_cancel_give_one_request(use: StrategyAccount) -> None:
    order = OpenOrderFactory.create(account=use.account, strategy_account=use)

    assert len(at_once(lambda: order_requests.accept_cancel(order, key="1"))) == 1
    assert OpenOrder.objects.get().cancel_requested_at is not None


def test_a_key_of_a_cancel_is_not_one_of_another_order(use: StrategyAccount) -> None:
    first, second = OpenOrderFactory.create_batch(2, account=use.account, strategy_account=use)
    request = order_requests.accept_cancel(first, key="1")

    assert order_requests.accept_cancel(first, key="1") == request
    with pytest.raises(RequestMismatchError):
        order_requests.accept_cancel(second, key="1")
    with pytest.raises(RequestMismatchError):
        order_requests.accept_amend(first, price=Decimal(1), key="1")


def test_an_amendment_is_committed_with_what_shall_change(use: StrategyAccount) -> None:
    order = OpenOrderFactory.create(account=use.account, strategy_account=use)

    request = order_requests.accept_amend(order, price=Decimal("30001.50"), key="1")

    assert request.action == "AMEND"
    assert (request.body["price"], request.body["quantity"]) == ("30001.5", None)
    assert OpenOrder.objects.get().next_verify_at is not None
    with pytest.raises(RequestMismatchError):
        order_requests.accept_amend(order, price=Decimal(30002), key="1")


@pytest.mark.parametrize("price", [None, Decimal(0), Decimal(-1), Decimal("NaN")])
def test_an_amendment_that_makes_no_sense_is_refused(
    use: StrategyAccount, price: Decimal | None
) -> None:
    order = OpenOrderFactory.create(account=use.account, strategy_account=use)

    with pytest.raises(InvalidOrderError):
        order_requests.accept_amend(order, price=price, key="1")
    assert not OrderRequest.objects.exists()
