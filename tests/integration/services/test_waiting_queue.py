"""Orders above an account's limit wait for room, in their turn, and not for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.factories import OpenOrderFactory, StrategyAccountFactory
from tests.integration.services.placing import a_request, attempt
from tracking.models import FailedOrder, OpenOrder, OrderEvent, OrderRequest, StrategyAccount
from tracking.services import halts, waiting_queue

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now()
AT_ONCE = 8


def a_use(limit: int | None = 1, **columns: Any) -> StrategyAccount:
    made: StrategyAccount = StrategyAccountFactory.create(
        **{"account__max_open_orders": limit, "queue_when_full": True, **columns}
    )
    return made


def waiter(use: StrategyAccount, priority: int = 0, ago: int = 0, **columns: Any) -> OrderRequest:
    at = NOW - timedelta(minutes=ago)
    return a_request(use, outcome="WAITING", priority=priority, created_at=at, **columns)


def released(use: StrategyAccount, now: datetime = NOW) -> list[int]:
    return waiting_queue.release(use.account_id, now)


def make_room(use: StrategyAccount) -> None:
    OpenOrder.objects.filter(account=use.account).earliest("pk").delete()


def test_what_finds_no_room_waits_and_goes_when_there_is() -> None:
    use = a_use(1)
    first, second = a_request(use), a_request(use)

    assert [attempt(first), attempt(second)] == ["PENDING", "WAITING"]
    assert waiting_queue.accounts_waiting() == [use.account_id]
    assert released(use) == []

    make_room(use)
    assert released(use) == [second.pk]
    assert attempt(second) == "PENDING"
    assert waiting_queue.accounts_waiting() == []


def test_what_the_exchange_counts_is_counted_whoever_placed_it() -> None:
    use = a_use(1)
    OpenOrderFactory.create(account=use.account, placed_by_us=False)
    OpenOrderFactory.create()

    assert attempt(a_request(use)) == "WAITING"


def test_the_dearest_go_first_then_the_oldest_and_as_many_as_there_is_room() -> None:
    use = a_use(3)
    oldest, dear = waiter(use, ago=9), waiter(use, priority=2)
    waiter(use, ago=1)
    dear_and_old = waiter(use, priority=2, ago=3)

    assert released(use) == [dear_and_old.pk, dear.pk, oldest.pk]


def test_nobody_is_overtaken() -> None:
    use = a_use(1)
    waits = waiter(use, priority=1, ago=1)

    assert attempt(a_request(use, priority=1)) == "WAITING"
    assert attempt(a_request(use, priority=2)) == "PENDING"
    assert attempt(waits) == "WAITING"

    make_room(use)
    assert attempt(waits) == "PENDING"


def test_a_limit_that_was_taken_away_lets_all_go() -> None:
    use = a_use(None)
    both = [waiter(use, ago=2), waiter(use, ago=1)]

    assert released(use) == [request.pk for request in both]
    assert [attempt(request) for request in both] == ["PENDING", "PENDING"]


def test_who_may_send_no_more_this_minute_goes_on_waiting_and_holds_up_nobody() -> None:
    use = a_use(5, max_orders_per_minute=1)
    other = a_use(account=use.account)
    assert attempt(a_request(use)) == "PENDING"
    waits, goes = waiter(use, priority=9), waiter(other)

    assert released(use) == [goes.pk]
    assert attempt(waits) == "WAITING"
    assert attempt(goes) == "PENDING"
    assert released(use, timezone.now() + timedelta(minutes=1)) == [waits.pk]


def test_a_strategy_that_does_not_queue_does_not_wait() -> None:
    use = a_use(1, queue_when_full=False)

    assert [attempt(a_request(use)), attempt(a_request(use))] == ["PENDING", "FAILED"]


def test_while_halted_what_waits_stays() -> None:
    use = a_use(1)
    waits = waiter(use)
    halts.set_halt(account_id=None, reason="x", actor="x")

    assert released(use) == []
    waits.refresh_from_db()
    assert waits.outcome == "WAITING"


def test_what_waited_for_a_day_has_failed_and_it_is_told() -> None:
    use = a_use(1)
    old, young = waiter(use, ago=24 * 60 + 1), waiter(use, ago=24 * 60 - 1)

    assert released(use) == [young.pk]

    old.refresh_from_db()
    assert (old.outcome, old.answered_at) == ("FAILED", NOW)
    failure = FailedOrder.objects.get(request=old)
    assert (failure.kind, failure.reason) == ("TOO_OLD", "no room came up within a day")
    event = OrderEvent.objects.get(kind="order_request")
    assert (event.payload["id"], event.payload["outcome"]) == (old.pk, "FAILED")


def test_what_waits_can_be_withdrawn_once() -> None:
    use = a_use(1)
    waits = waiter(use)

    assert waiting_queue.withdraw(waits, "ops")
    assert not waiting_queue.withdraw(waits, "ops")

    failure = FailedOrder.objects.get(request=waits)
    assert (failure.kind, failure.reason) == ("WITHDRAWN", "withdrawn by ops while it waited")
    assert outcome_of(waits) == "FAILED"
    assert released(use) == []


def outcome_of(request: OrderRequest) -> str:
    request.refresh_from_db()
    return request.outcome


def test_what_was_attempted_cannot_be_withdrawn() -> None:
    use = a_use(1)
    sent = a_request(use)
    attempt(sent)

    assert not waiting_queue.withdraw(sent, "ops")
    assert not FailedOrder.objects.exists()


def test_the_limit_holds_however_many_go_at_once() -> None:
    use = a_use(3)
    requests = [a_request(use, priority=n % 3) for n in range(AT_ONCE)]

    def run(request: OrderRequest) -> str:
        try:
            return attempt(request)
        finally:
            connection.close()

    def all_at_once() -> int:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(run, requests)).count("PENDING")

    assert all_at_once() == OpenOrder.objects.count() == 3
    make_room(use)
    make_room(use)
    requests = [r for r in requests if outcome_of(r) == "WAITING"]
    going = released(use)

    assert all_at_once() == len(going) == 2
    assert {r.pk for r in requests if outcome_of(r) == "PENDING"} == set(going)
