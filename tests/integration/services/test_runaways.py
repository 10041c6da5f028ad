"""However many orders are dispatched at once, no more leave than the limits and a halt allow.

What left is counted at the simulated exchange, in its ledger.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from exchanges.messages import OrderType, Side
from tests.books import assert_clean
from tests.integration.services.test_order_manager import limit
from tracking.models import (
    ExchangeAccount,
    FailedOrder,
    OpenOrder,
    OrderRequest,
    RequestSource,
    StrategyAccount,
)
from tracking.services import halts, order_attempts, order_dispatch, order_requests, waiting_queue
from tracking.services.order_intents import OrderIntent
from tracking.services.order_requests import Wanted
from tracking.tasks import sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

N, K = 10, 3
#: orders none of these tests gets to place
ENOUGH = 200
LONG = 20
HOUR = timedelta(hours=1)


def use_with(manager: OrderManager, **limits: Any) -> StrategyAccount:
    """Set the limits of the manager's strategy here; `max_open_orders` is the account's."""
    use = manager.strategy_account
    room = limits.pop("max_open_orders", None)
    ExchangeAccount.objects.filter(pk=use.account_id).update(max_open_orders=room)
    StrategyAccount.objects.filter(pk=use.pk).update(**limits)
    use.refresh_from_db()
    return use


def asked(use: StrategyAccount, count: int = N, priority: int = 0) -> list[int]:
    """Accept so many orders of 6,000 USDT each."""
    first = OrderRequest.objects.count()
    intent = limit("30000", "0.2")
    wanted = [
        Wanted(
            use=use,
            intent=replace(intent, price=Decimal(30000 + n)),
            key=f"{first + n}",
            source=RequestSource.API,
            priority=priority,
        )
        for n in range(count)
    ]
    return [request.pk for request in order_requests.accept(wanted)]


def at_once(work: Callable[[int], object], ids: list[int]) -> None:
    """Work on each in a thread of its own, all from the same moment on."""
    together = threading.Barrier(len(ids))

    def run(request_id: int) -> None:
        try:
            together.wait(LONG)
            work(request_id)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(ids)) as pool:
        for done in [pool.submit(run, request_id) for request_id in ids]:
            done.result(LONG)


def dispatch(request_id: int) -> None:
    order_dispatch.dispatch([request_id])


def outcomes() -> dict[str, int]:
    told = list(OrderRequest.objects.values_list("outcome", flat=True))
    return {outcome: told.count(outcome) for outcome in set(told)}


def at_the_exchange(exchange: Exchange) -> int:
    return len(exchange.ledger()["open_orders"])


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        ({"max_orders_per_minute": K}, "OVER_LIMIT"),
        # any three of the ten come to less, any four to more
        ({"max_daily_notional": 19_000}, "OVER_LIMIT"),
        ({"max_open_orders": K}, "TOO_MANY_ORDERS"),
    ],
    ids=["rate", "day", "room"],
)
def test_of_many_at_once_exactly_as_many_leave_as_may(
    exchange: Exchange, manager: OrderManager, limits: dict[str, int], kind: str
) -> None:
    ids = asked(use_with(manager, **limits))

    at_once(dispatch, ids)

    assert outcomes() == {"ACCEPTED": K, "FAILED": N - K}
    assert OrderRequest.objects.filter(attempted_at__isnull=False).count() == K
    assert at_the_exchange(exchange) == K
    assert set(FailedOrder.objects.values_list("kind", flat=True)) == {kind}
    assert_clean(exchange.account.pk)


def test_what_does_not_fit_waits_and_leaves_by_priority_as_room_comes(
    exchange: Exchange, manager: OrderManager
) -> None:
    use = use_with(manager, max_open_orders=K, queue_when_full=True)
    at_once(dispatch, asked(use))
    (dear,) = asked(use, 1, priority=5)
    dispatch(dear)
    assert outcomes() == {"ACCEPTED": K, "WAITING": N - K + 1}
    assert at_the_exchange(exchange) == K

    manager.cancel(OpenOrder.objects.earliest("pk"), idempotency_key="cancel")
    released = waiting_queue.release(use.account_id, timezone.now())
    at_once(dispatch, released * 3)

    assert released == [dear]
    assert OrderRequest.objects.get(pk=dear).outcome == "ACCEPTED"
    assert at_the_exchange(exchange) == K
    assert_clean(exchange.account.pk)


def test_what_waits_goes_on_waiting_while_the_exchange_cannot_be_asked(
    exchange: Exchange, manager: OrderManager
) -> None:
    """Whether it is too old is no matter of how long it waited for room."""
    use = use_with(manager, max_open_orders=1, queue_when_full=True)
    order_dispatch.dispatch(asked(use, 1))
    wanted = Wanted(
        use=use,
        intent=OrderIntent(
            symbol="BTC/USDT:USDT",
            side=Side.BUY,
            order_type=OrderType.MARKET,
            # of what is available now, which is asked each time
            percent=Decimal(1),
        ),
        key="market",
        source=RequestSource.API,
    )
    (request,) = order_requests.accept([wanted])
    dispatch(request.pk)
    OrderRequest.objects.filter(pk=request.pk).update(created_at=timezone.now() - HOUR)
    manager.cancel(OpenOrder.objects.get(), idempotency_key="cancel")
    exchange.simulator.faults(rest_status={"*": {"status": 503, "probability": 1}})

    dispatch(request.pk)
    assert outcome_of(request) == "WAITING"

    exchange.simulator.faults(reset=True)
    dispatch(request.pk)
    assert outcome_of(request) == "ACCEPTED"


def outcome_of(request: OrderRequest) -> str:
    request.refresh_from_db()
    return request.outcome


def test_the_sweep_hands_out_what_there_is_room_for(
    exchange: Exchange, manager: OrderManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = use_with(manager, max_open_orders=1, queue_when_full=True)
    first, second = asked(use, 2)
    order_dispatch.dispatch([first, second])
    given: list[int] = []
    monkeypatch.setattr("tracking.tasks._wake_orders", given.extend)

    sweep()
    assert given == []
    manager.cancel(OpenOrder.objects.get(), idempotency_key="cancel")
    sweep()

    assert given == [second]


def test_after_a_halt_s_commit_nothing_is_attempted(
    exchange: Exchange, manager: OrderManager
) -> None:
    """Several place orders in a loop until they are refused; the halt comes amid them."""
    use = use_with(manager)
    some = threading.Semaphore(0)
    before: set[int] = set()

    def place_until_refused(number: int) -> None:
        for n in range(ENOUGH):
            wanted = Wanted(use=use, intent=limit(), key=f"{number}-{n}", source=RequestSource.API)
            (request,) = order_requests.accept([wanted])
            dispatch(request.pk)
            some.release()
            request.refresh_from_db()
            if request.outcome == "FAILED":
                return
        pytest.fail("the halt stopped nothing")

    def halt(_number: int) -> None:
        for _ in range(N):
            assert some.acquire(timeout=LONG)
        halts.set_halt(account_id=None, reason="runs away", actor="ops")
        before.update(attempted())

    at_once(
        lambda number: halt(number) if number == 0 else place_until_refused(number), [*range(5)]
    )

    sent = OrderRequest.objects.filter(sent_at__isnull=False)
    assert len(before) >= N
    assert attempted() == before >= set(sent.values_list("pk", flat=True))
    assert outcomes()["ACCEPTED"] == sent.count() == at_the_exchange(exchange)
    assert set(FailedOrder.objects.values_list("kind", flat=True)) == {"HALTED"}
    assert_clean(exchange.account.pk)


def attempted() -> set[int]:
    rows = OrderRequest.objects.filter(attempted_at__isnull=False)
    return set(rows.values_list("pk", flat=True))


def test_what_was_attempted_and_not_claimed_when_a_halt_came_is_not_sent(
    exchange: Exchange, manager: OrderManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The halt comes between the commit of the order and the claim of its send."""
    (request_id,) = asked(use_with(manager), 1)
    attempt = order_attempts.attempt

    def attempt_and_halt(*arguments: Any) -> Any:
        made = attempt(*arguments)
        halts.set_halt(account_id=exchange.account.pk, reason="runs away", actor="ops")
        return made

    monkeypatch.setattr(order_attempts, "attempt", attempt_and_halt)

    dispatch(request_id)

    request = OrderRequest.objects.get()
    assert (request.outcome, request.sent_at) == ("FAILED", None)
    assert request.attempted_at is not None
    assert FailedOrder.objects.get().kind == "HALTED"
    assert at_the_exchange(exchange) == 0
    assert not OpenOrder.objects.exists()
    assert_clean(exchange.account.pk)


def test_a_cancel_leaves_while_halted(exchange: Exchange, manager: OrderManager) -> None:
    manager.execute(limit(), idempotency_key="1")
    halts.set_halt(account_id=None, reason="runs away", actor="ops")

    cancel = manager.cancel(OpenOrder.objects.get(), idempotency_key="2")

    assert cancel.outcome == "ACCEPTED"
    assert at_the_exchange(exchange) == 0
