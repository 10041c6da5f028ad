"""From a halt's commit on nothing is attempted or claimed any more: on one account, or on all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.db.models import Exists
from django.utils import timezone

from exchanges.refusals import RefusalKind
from tests.factories import ExchangeAccountFactory, StrategyAccountFactory
from tests.integration.services.placing import a_request, attempt
from tracking.models import ExchangeAccount, Halt, OrderEvent, OrderRequest, StrategyAccount
from tracking.services import halts
from tracking.services.event_emitter import lock_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 12
LONG = 10


def halt(account: ExchangeAccount | None = None, reason: str = "it runs away") -> Halt:
    return halts.set_halt(
        account_id=account.pk if account else None, reason=reason, actor="the-trader"
    )


def lift(account: ExchangeAccount | None = None) -> Halt | None:
    return halts.lift_halt(account_id=account.pk if account else None, actor="the-trader")


def is_refused(account: ExchangeAccount) -> bool:
    refused = halts.refusal(account, timezone.now())
    assert refused is None or refused.kind is RefusalKind.HALTED
    return refused is not None


def accounts(count: int, **columns: Any) -> list[ExchangeAccount]:
    return ExchangeAccountFactory.create_batch(count, **columns)


def in_thread(pool: ThreadPoolExecutor, work: Callable[[], Any]) -> Future[Any]:
    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return pool.submit(run)


@contextmanager
def locked(account: ExchangeAccount) -> Iterator[None]:
    """Hold an account's books in another transaction for as long as this lasts."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            lock_account(account.pk)
            held.set()
            assert done.wait(LONG)

    with ThreadPoolExecutor() as pool:
        holding = in_thread(pool, hold)
        assert held.wait(LONG)
        try:
            yield
        finally:
            done.set()
        holding.result(LONG)


def test_an_account_is_halted_alone_until_it_is_lifted() -> None:
    one, other = accounts(2)

    made = halt(one)

    assert is_refused(one)
    assert not is_refused(other)
    assert lift(one) == made
    assert not is_refused(one)
    assert lift(one) is None


def test_all_are_halted_and_a_halt_of_their_own_stays() -> None:
    one, other = accounts(2)
    halt()
    halt(one)

    assert is_refused(one)
    assert is_refused(other)
    lift()
    assert is_refused(one)
    assert not is_refused(other)


def test_the_refusal_says_who_halted_what_and_why() -> None:
    (one,) = accounts(1)
    halt(reason="too many fills")

    told = halts.refusal(one, timezone.now())

    assert told is not None
    assert told.reason == "all trading was halted by the-trader 0 min ago: too many fills"


@pytest.mark.parametrize("everywhere", [True, False])
def test_halting_twice_keeps_the_first(everywhere: bool) -> None:  # noqa: FBT001
    (one,) = accounts(1)
    where = None if everywhere else one
    first = halt(where, "first")

    assert halt(where, "second") == first
    assert Halt.objects.get().reason == "first"


def test_each_account_s_user_is_told_once_when_it_is_set_and_when_it_is_lifted() -> None:
    first, second = accounts(2)
    third = accounts(1, user=first.user)[0]
    halt()
    lift()

    told = OrderEvent.objects.filter(kind="halt").order_by("user_id", "seq")

    for account in (first, second, third):
        events = told.filter(account=account, user_id=account.user_id)
        assert [event.payload["is_standing"] for event in events] == [True, False]
        assert {event.payload["reason"] for event in events} == {"it runs away"}
    assert [e.seq for e in told.filter(user_id=first.user_id)] == [1, 2, 3, 4]


def test_an_account_that_is_not_there_cannot_be_halted() -> None:
    with pytest.raises(ExchangeAccount.DoesNotExist):
        halts.set_halt(account_id=0, reason="x", actor="x")


def test_a_claim_asks_for_standing_halts_in_its_own_statement() -> None:
    use, other = StrategyAccountFactory.create_batch(2)
    claimed, refused = a_request(other), a_request(use)
    halt(use.account)

    rows = OrderRequest.objects.filter(~Exists(halts.standing()), sent_at__isnull=True)

    assert rows.update(sent_at=timezone.now()) == 1
    claimed.refresh_from_db()
    refused.refresh_from_db()
    assert claimed.sent_at is not None
    assert refused.sent_at is None


def test_a_halt_waits_for_the_attempt_that_has_begun() -> None:
    """The halt's commit comes after that of an order which did not see it."""
    (one,) = accounts(1)
    with ThreadPoolExecutor() as pool:
        with locked(one):
            assert not is_refused(one)
            setting = in_thread(pool, lambda: halt(one))
            wait_for_a_lock()
            assert not setting.done()
        setting.result(LONG)
    assert is_refused(one)


def wait_for_a_lock() -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    for _ in range(LONG * 100):
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone() != (0,):
                return
            cursor.execute("SELECT pg_sleep(0.01)")
    pytest.fail("nobody waits for a lock")


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_halt_does_not_wait_for_ever(
    everywhere: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An account whose books are held for long is halted all the same: its claims are stopped."""
    monkeypatch.setattr(halts, "PATIENCE", 50)
    one, other = accounts(2)
    with locked(one):
        halt(None if everywhere else one)
        assert is_refused(one)
        assert is_refused(other) == everywhere
        lift(None if everywhere else one)
    assert not is_refused(one)


def test_nothing_is_attempted_after_a_halt_s_commit() -> None:
    uses: list[StrategyAccount] = StrategyAccountFactory.create_batch(3)
    requests = [a_request(use) for use in uses * MANY]
    some = threading.Semaphore(0)

    def place(request: OrderRequest) -> str:
        outcome = attempt(request)
        some.release()
        return outcome

    with ThreadPoolExecutor(6) as pool:
        placing = [in_thread(pool, partial(place, request)) for request in requests]
        for _ in uses:
            assert some.acquire(timeout=LONG)
        halt()
        at_its_commit = attempts()
        outcomes = [one.result(LONG) for one in placing]

    assert attempts() == at_its_commit == outcomes.count("PENDING")
    assert set(outcomes) == {"PENDING", "FAILED"}


def attempts() -> int:
    return OrderRequest.objects.filter(attempted_at__isnull=False).count()


def test_halts_of_many_accounts_at_once_wait_in_no_circle() -> None:
    made = accounts(MANY)

    def everywhere() -> None:
        halt()
        lift()

    def in_turn() -> None:
        for account in reversed(made):
            halt(account)
            lift(account)

    with ThreadPoolExecutor(4) as pool:
        work = [in_thread(pool, each) for each in (everywhere, in_turn) * 2]
        for each in work:
            each.result(LONG)

    assert not any(map(is_refused, made))
    assert not Halt.objects.filter(lifted_at__isnull=True).exists()
