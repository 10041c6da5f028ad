"""Cancel-all asks once for each living order that fits, and commits all of it or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.utils import timezone

from exchanges.messages import OrderStatus, Side
from exchanges.refusals import RefusalKind
from tests import factories
from tracking.models import (
    EventKind,
    FailedOrder,
    OpenOrder,
    OrderEvent,
    OrderRequest,
    RequestAction,
    RequestOutcome,
    RequestSource,
)
from tracking.services.cancel_all import (
    CancelFilter,
    accept_cancel_all,
    cancel_all_within,
    commit_cancel_all,
    orders_to_cancel,
)
from tracking.services.order_attempts import attempt
from tracking.services.order_requests import RequestMismatchError
from tracking.services.refusals import Refusal

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from tracking.models import StrategyAccount

pytestmark = pytest.mark.django_db

ALL = CancelFilter()


@pytest.fixture
def use() -> StrategyAccount:
    """Give a strategy's use of an account."""
    made: StrategyAccount = factories.StrategyAccountFactory.create()
    return made


def order_of(use: StrategyAccount, **terms: object) -> OpenOrder:
    order: OpenOrder = factories.OpenOrderFactory.create(
        account=use.account, strategy_account=use, **terms
    )
    return order


def cancel(
    use: StrategyAccount, which: CancelFilter = ALL, key: str = "stop"
) -> list[OrderRequest]:
    return accept_cancel_all(use.account.user_id, which, key=key, source=RequestSource.API)


def test_each_living_order_gets_one_cancel_and_shows_it(use: StrategyAccount) -> None:
    orders = [order_of(use), order_of(use)]
    factories.OpenOrderFactory.create()

    requests = cancel(use)

    assert [request.idempotency_key for request in requests] == [f"stop:{o.pk}" for o in orders]
    assert {request.action for request in requests} == {RequestAction.CANCEL.value}
    assert list(OrderRequest.objects.order_by("pk")) == requests
    for order in orders:
        order.refresh_from_db()
        assert order.cancel_requested_at is not None
        assert order.next_verify_at is not None
    assert OrderEvent.objects.filter(payload__order__status="CANCELLING").count() == 2


def test_an_order_without_an_exchange_id_is_cancelled_by_our_own(use: StrategyAccount) -> None:
    order_of(use, exchange_order_id=None, client_order_id="ours", status=OrderStatus.UNKNOWN.value)

    (request,) = cancel(use)

    assert (request.exchange_order_id, request.client_order_id) == (None, "ours")
    assert request.body["cancel"] == "ours"


def test_what_is_being_cancelled_is_left_out(use: StrategyAccount) -> None:
    order_of(use, cancel_requested_at=timezone.now())

    assert cancel(use) == []


def test_the_same_key_gives_the_same_requests_whatever_lives_now(use: StrategyAccount) -> None:
    order_of(use)
    first = cancel(use)
    later = order_of(use)

    again = cancel(use)

    assert again == first
    later.refresh_from_db()
    assert later.cancel_requested_at is None


def test_a_key_that_begins_like_another_is_a_key_of_its_own(use: StrategyAccount) -> None:
    order_of(use)
    cancel(use, key="close:1")
    later = order_of(use)

    (request,) = cancel(use, key="close")

    assert request.client_order_id == later.client_order_id


def test_a_key_as_long_as_a_column_is_still_told_apart(use: StrategyAccount) -> None:
    order_of(use)
    keys = ["k" * 99 + end for end in "ab"]

    first, second = (cancel(use, key=key) for key in keys)

    assert len(first) == 1
    assert second == []
    assert cancel(use, key=keys[0]) == first


def test_a_key_used_for_other_orders_is_refused(use: StrategyAccount) -> None:
    order_of(use)
    cancel(use)

    with pytest.raises(RequestMismatchError):
        cancel(use, CancelFilter(symbol="ETH/USDT:USDT"))


def test_a_key_used_for_one_order_is_refused(use: StrategyAccount) -> None:
    order_of(use)
    factories.OrderRequestFactory.create(strategy_account=use, idempotency_key="stop")

    with pytest.raises(RequestMismatchError):
        cancel(use)

    assert OpenOrder.objects.get().cancel_requested_at is None


def test_orders_are_narrowed_by_each_thing_and_by_all(use: StrategyAccount) -> None:
    other = factories.StrategyAccountFactory.create(account=use.account)
    elsewhere = factories.StrategyAccountFactory.create(
        account__user=use.account.user, strategy=use.strategy
    )
    buy = order_of(use)
    sell = order_of(use, side=Side.SELL.value, symbol="ETH/USDT:USDT")
    theirs, there = order_of(other), order_of(elsewhere)

    def fitting(**narrowed: object) -> list[OpenOrder]:
        return orders_to_cancel(use.account.user_id, CancelFilter(**narrowed))  # type: ignore[arg-type]

    assert fitting() == [buy, sell, theirs, there]
    assert fitting(strategy_id=use.strategy_id) == [buy, sell, there]
    assert fitting(account_id=use.account_id) == [buy, sell, theirs]
    assert fitting(symbol="ETH/USDT:USDT") == [sell]
    assert fitting(side=Side.SELL) == [sell]
    assert fitting(strategy_id=use.strategy_id, account_id=use.account_id, side=Side.BUY) == [buy]


def test_what_is_written_beside_fails_with_it(use: StrategyAccount) -> None:
    order_of(use)

    def fail(requests: list[OrderRequest]) -> None:
        raise LookupError(requests)

    with pytest.raises(LookupError):
        accept_cancel_all(
            use.account.user_id, ALL, key="stop", source=RequestSource.WEBHOOK, beside=fail
        )

    assert not OrderRequest.objects.exists()
    assert OpenOrder.objects.get().cancel_requested_at is None


def test_it_takes_part_in_an_open_transaction(use: StrategyAccount) -> None:
    order_of(use)

    with transaction.atomic():
        accepted = cancel_all_within(
            use.account.user_id, ALL, key="stop", source=RequestSource.WEBHOOK
        )

    assert len(accepted.requests) == 1
    assert accepted.last_seq == OrderEvent.objects.latest("seq").seq


def test_nothing_to_cancel_locks_and_tells_nothing(
    use: StrategyAccount, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(6):
        assert cancel(use) == []


def asked_for(use: StrategyAccount, **terms: object) -> OrderRequest:
    made: OrderRequest = factories.OrderRequestFactory.create(strategy_account=use, **terms)
    return made


def test_what_has_not_been_tried_yet_is_never_sent(use: StrategyAccount) -> None:
    waiting = asked_for(use, outcome=RequestOutcome.WAITING.value)
    fresh = asked_for(use)
    tried = asked_for(use, attempted_at=timezone.now())
    other_side = asked_for(use, body={"side": "SELL"})
    asked_for(factories.StrategyAccountFactory.create())

    done = commit_cancel_all(
        use.account.user_id, CancelFilter(side=Side.BUY), key="stop", source=RequestSource.API
    )

    assert (done.requests, done.withdrawn) == ([], [waiting, fresh])
    failed = OrderRequest.objects.filter(outcome=RequestOutcome.FAILED.value)
    assert set(failed) == {waiting, fresh}
    assert set(FailedOrder.objects.values_list("kind", flat=True)) == {"WITHDRAWN"}
    told = OrderEvent.objects.filter(kind=EventKind.ORDER_REQUEST.value, user=use.account.user)
    assert told.count() == 2
    for untouched in (tried, other_side):
        untouched.refresh_from_db()
        assert untouched.outcome == RequestOutcome.PENDING.value


def test_what_was_withdrawn_is_not_attempted_any_more(use: StrategyAccount) -> None:
    made = asked_for(use)

    cancel(use)

    refused = Refusal(kind=RefusalKind.OTHER, reason="too late to be of any effect")
    assert attempt(made, refused) is None
    assert FailedOrder.objects.get().kind == "WITHDRAWN"
