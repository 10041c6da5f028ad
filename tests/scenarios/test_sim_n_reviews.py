"""SIM-N: what cannot be told without a stream or an answer needs a person, and never hangs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.ageing import LATER, age, ask_much_later, sent_ago
from tests.integration.services.conftest import make_due
from tests.integration.services.test_order_manager import limit
from tests.scenarios.stories import (
    anomalies,
    assert_settled,
    closed_orders,
    hear,
    open_orders,
    quiesce,
    requests,
)
from tests.streams_alive import fall_silent, keep_alive
from tracking.domain.submit_rounds import FIRST, LAST
from tracking.models import (
    ClosedOrder,
    ExchangeAccount,
    FailedOrder,
    OpenOrder,
    OrderEvent,
    OrderRequest,
    RequestSource,
)
from tracking.models.requests import UNRESOLVED
from tracking.services import order_dispatch, order_requests, order_review
from tracking.services.order_requests import Wanted
from tracking.services.repairs import RepairRefusedError
from tracking.services.unknown_submits import AGAIN, REVIEW_AFTER, REVIEWED_EVERY
from tracking.services.verification_queue import accounts_due, verify_due

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

FIRST_ORDER = "8886001"
LONG = REVIEW_AFTER.total_seconds() + 1
REFUSED = {"refuse_and_lose_answer": {"POST order": {"how": "drop", "count": 1}}}
TAKEN = {"accept_but_lose_answer": {"POST order": {"how": "drop", "count": 1}}}


def ask(exchange: Exchange, seconds: float) -> None:
    """Let so many seconds have passed since the send, and whatever is due be asked now."""
    sent_ago(seconds)
    make_due()
    verify_due(exchange.account.pk)


def outcome() -> str:
    return OrderRequest.objects.latest("pk").outcome


def told() -> list[str]:
    """Give the outcomes the journal has told."""
    rows = OrderEvent.objects.filter(kind="order_request").order_by("seq")
    return [row.payload["outcome"] for row in rows]


def test_sim_n2_without_a_stream_a_submit_needs_review_and_is_settled_once_one_lives(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(**REFUSED)
    manager.execute(limit(), idempotency_key="1")
    for seconds in (1, 2, 5, 10, 30, 40, 60, 90):
        ask(exchange, seconds)
    assert (outcome(), OpenOrder.objects.get().not_found_count) == ("UNKNOWN", 0)

    ask(exchange, LONG)

    request = OrderRequest.objects.get()
    assert (request.outcome, request.answered_at) == ("NEEDS_REVIEW", None)
    assert request.detail == "no stream was alive when it could not arrive any more"
    assert anomalies() == ["NEEDS_REVIEW"]
    assert told() == ["UNKNOWN", "NEEDS_REVIEW"]
    due = OpenOrder.objects.get().next_verify_at
    assert due is not None
    assert due > timezone.now() + REVIEWED_EVERY - timedelta(seconds=5)
    for _ in range(3):
        ask_much_later(exchange.account)
    assert (outcome(), anomalies()) == ("NOT_ACCEPTED", ["NOT_FOUND"])
    assert told() == ["UNKNOWN", "NEEDS_REVIEW", "NOT_ACCEPTED"]
    assert FailedOrder.objects.get().kind == "NOT_ACCEPTED"
    assert requests(exchange.simulator)["POST order"] == 1
    assert_settled(exchange)


def test_sim_n1_while_rest_is_dead_a_submit_needs_review_and_is_found_when_it_answers(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(**TAKEN)
    manager.execute(limit(), idempotency_key="1")
    exchange.simulator.faults(rest_status={"*": 503})
    keep_alive(exchange.account)
    for seconds in (5, 30, LONG, LONG + 30):
        ask(exchange, seconds)

    request = OrderRequest.objects.get()
    assert request.outcome == "NEEDS_REVIEW"
    assert request.detail.endswith("no answer: TransientError -1008")
    exchange.simulator.faults(reset=True)
    ask(exchange, LONG + 60)

    assert (outcome(), anomalies()) == ("ACCEPTED", [])
    assert open_orders() == [(FIRST_ORDER, "NEW", "0")]
    assert_settled(exchange)


def test_sim_n2_a_break_before_the_deadline_starts_the_count_anew(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(**REFUSED)
    manager.execute(limit(), idempotency_key="1")
    fall_silent(exchange.account)
    for seconds in (1, 2, 5, 10, 20):
        ask(exchange, seconds)
    keep_alive(exchange.account, since=timedelta(seconds=8))

    ask(exchange, 30)

    # what was asked while nobody listened does not count
    assert (outcome(), OpenOrder.objects.get().not_found_count) == ("UNKNOWN", 1)
    soon = OpenOrder.objects.get().next_verify_at
    assert soon is not None
    assert soon <= timezone.now() + AGAIN
    for seconds in (32, 36, 41):
        ask(exchange, seconds)
    assert outcome() == "NOT_ACCEPTED"


def test_sim_n2_streams_that_drop_every_few_seconds_let_it_be_concluded(
    exchange: Exchange, manager: OrderManager
) -> None:
    """After the deadline nothing can come in, whether or not anybody listens."""
    exchange.simulator.faults(**REFUSED)
    manager.execute(limit(), idempotency_key="1")
    for seconds in (1, 2, 5, 10, 30, 32, 34, 36, 38):
        keep_alive(exchange.account, since=timedelta(seconds=1))
        ask(exchange, seconds)
        assert outcome() == "UNKNOWN"
    keep_alive(exchange.account, since=timedelta(seconds=1))

    ask(exchange, 41)

    assert outcome() == "NOT_ACCEPTED"
    assert_settled(exchange)


def test_sim_n2_each_round_is_kept_and_no_more_than_are_needed(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(**REFUSED)
    manager.execute(limit(), idempotency_key="1")
    for count in range(FIRST + LAST + 3):
        ask(exchange, 1 + count)

    evidence = OrderRequest.objects.get().evidence
    assert len(evidence) == FIRST + LAST
    assert evidence[-1] | {"asked_at": ""} == {
        "asked_at": "",
        "negative": True,
        "order": "not found",
        "open_orders": "not among 0",
        "trades": "none of it",
        "stream_since": None,
        "stream_until": None,
    }


def test_sim_n1_the_last_round_says_who_knew_it(exchange: Exchange, manager: OrderManager) -> None:
    exchange.simulator.faults(**TAKEN)
    manager.execute(limit(), idempotency_key="1")
    keep_alive(exchange.account)

    ask(exchange, 1)

    (known,) = OrderRequest.objects.get().evidence
    assert (known["negative"], known["open_orders"]) == (False, f"NEW #{FIRST_ORDER}")
    assert known["stream_since"] < known["stream_until"]


def test_sim_n1_a_duplicate_of_a_first_send_is_proof_that_it_exists(
    exchange: Exchange, manager: OrderManager
) -> None:
    """Somebody has sent it, or a middle man twice: never a refusal."""
    wanted = Wanted(use=manager.strategy_account, intent=limit(), key="1", source=RequestSource.API)
    (request,) = order_requests.accept([wanted])
    exchange.act(
        "place", symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.2", price="30000",
        newClientOrderId=request.client_order_id,
    )  # fmt: skip

    order_dispatch.dispatch([request.pk])

    assert outcome() == "UNKNOWN"
    ask(exchange, 1)
    assert outcome() == "ACCEPTED"
    assert not FailedOrder.objects.exists()
    assert open_orders() == [(FIRST_ORDER, "NEW", "0")]
    assert_settled(exchange)


def in_review(exchange: Exchange, manager: OrderManager, **faults: object) -> OrderRequest:
    """Give a submit that nobody could tell of for two minutes."""
    exchange.simulator.faults(**faults)
    request = manager.execute(limit(), idempotency_key="1")
    exchange.simulator.faults(rest_status={"*": 503})
    ask(exchange, LONG)
    ask(exchange, LONG)
    exchange.simulator.faults(reset=True)
    request.refresh_from_db()
    assert request.outcome == "NEEDS_REVIEW"
    return request


def test_sim_n2_a_person_settles_it_as_not_accepted_and_a_late_word_brings_it_back(
    exchange: Exchange, manager: OrderManager
) -> None:
    request = in_review(exchange, manager, **TAKEN)
    late = exchange.frames(1)

    repair = order_review.say_not_accepted(request, actor="ops", reason="the desk called them")

    assert (outcome(), closed_orders()) == ("NOT_ACCEPTED", [("None", "FAILED", "0", "0")])
    assert (repair.action, repair.actor, repair.reason) == (
        "SETTLE_REQUEST",
        "ops",
        "the desk called them",
    )
    assert repair.before["request"]["outcome"] == "NEEDS_REVIEW"
    assert repair.after["request"]["outcome"] == "NOT_ACCEPTED"
    assert repair.before["evidence"]
    assert anomalies() == []
    assert FailedOrder.objects.get().kind == "NOT_ACCEPTED"

    hear(exchange, *late)

    assert (outcome(), open_orders()) == ("ACCEPTED", [(FIRST_ORDER, "NEW", "0")])
    assert not FailedOrder.objects.exists()
    quiesce(exchange)
    assert_settled(exchange)


def test_sim_n1_a_person_says_which_order_it_is_and_the_exchange_confirms_it(
    exchange: Exchange, manager: OrderManager
) -> None:
    request = in_review(exchange, manager, **TAKEN)

    repair = order_review.say_which_order(request, FIRST_ORDER, actor="ops", reason="seen there")

    request.refresh_from_db()
    assert (request.outcome, request.exchange_order_id) == ("ACCEPTED", FIRST_ORDER)
    assert open_orders() == [(FIRST_ORDER, "NEW", "0")]
    assert repair.after["order"]["exchange_order_id"] == FIRST_ORDER
    assert OpenOrder.objects.get().strategy_account == manager.strategy_account
    assert anomalies() == []
    assert_settled(exchange)


def test_sim_n2_an_order_that_is_another_or_nowhere_is_not_taken_for_it(
    exchange: Exchange, manager: OrderManager
) -> None:
    request = in_review(exchange, manager, **REFUSED)
    other = exchange.act(
        "place", symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.2", price="30000",
        newClientOrderId="by-hand",
    )["exchange_order_id"]  # fmt: skip

    with pytest.raises(RepairRefusedError, match="names itself by-hand"):
        order_review.say_which_order(request, str(other), actor="ops", reason="looks like it")
    with pytest.raises(RepairRefusedError, match="knows no order 4711"):
        order_review.say_which_order(request, "4711", actor="ops", reason="a guess")
    with pytest.raises(RepairRefusedError, match="say why"):
        order_review.say_not_accepted(request, actor="ops", reason=" ")

    assert outcome() == "NEEDS_REVIEW"


def test_sim_n2_nobody_can_say_that_it_was_not_accepted_while_it_may_arrive(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(**REFUSED)
    request = manager.execute(limit(), idempotency_key="1")

    with pytest.raises(RepairRefusedError, match="may still arrive"):
        order_review.say_not_accepted(request, actor="ops", reason="impatient")
    sent_ago(26)
    order_review.say_not_accepted(request, actor="ops", reason="late enough")

    assert outcome() == "NOT_ACCEPTED"
    with pytest.raises(RepairRefusedError, match="moved on"):
        order_review.say_not_accepted(request, actor="ops", reason="again")


def test_sim_n3_a_refused_cancel_leaves_the_mark_of_another_that_is_under_way(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(), idempotency_key="1")
    order = OpenOrder.objects.get()
    exchange.simulator.faults(refuse_and_lose_answer={"DELETE order": {"how": "drop", "count": 1}})
    first = manager.cancel(order, idempotency_key="2")
    assert first.outcome == "UNKNOWN"
    exchange.simulator.faults(rest_status={"DELETE order": {"status": 429, "count": 1}})

    second = manager.cancel(order, idempotency_key="3")

    assert second.outcome == "FAILED"
    assert OpenOrder.objects.get().cancel_requested_at is not None
    OpenOrder.objects.update(cancel_requested_at=timezone.now() - LATER)
    age(OrderRequest.objects.all(), LATER)
    quiesce(exchange)
    first.refresh_from_db()
    assert first.outcome == "NOT_ACCEPTED"
    assert OpenOrder.objects.get().cancel_requested_at is None


def test_sim_n1_an_account_that_may_not_be_asked_is_told_of_all_the_same(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(**TAKEN)
    manager.execute(limit(), idempotency_key="1")
    ExchangeAccount.objects.update(state="AUTH_FAILED")
    sent_ago(LONG)

    assert accounts_due(timezone.now()) == [exchange.account.pk]
    verify_due(exchange.account.pk)

    request = OrderRequest.objects.get()
    assert (request.outcome, request.detail) == ("NEEDS_REVIEW", "nobody could be asked about it")
    assert accounts_due(timezone.now()) == []


@pytest.mark.parametrize("is_there", [True, False])
def test_sim_n1_an_order_that_is_nowhere_is_written_anew_and_found(
    exchange: Exchange, manager: OrderManager, *, is_there: bool
) -> None:
    """Its request was sent, and nobody else remembers it."""
    exchange.simulator.faults(**(TAKEN if is_there else REFUSED))
    manager.execute(limit(), idempotency_key="1")
    OpenOrder.objects.all().delete()
    OrderRequest.objects.update(outcome="PENDING")
    sent_ago(16)

    verify_due(exchange.account.pk)

    row = OpenOrder.objects.get()
    assert row.strategy_account == manager.strategy_account
    for _ in range(3):
        ask_much_later(exchange.account)
    assert outcome() == ("ACCEPTED" if is_there else "NOT_ACCEPTED")
    assert ClosedOrder.objects.exists() is not is_there


@pytest.mark.parametrize("state", ["NEW", "FILLED", "REJECTED", "FAILED"])
def test_sim_n1_a_placement_nobody_settled_follows_its_order(
    exchange: Exchange, manager: OrderManager, state: str
) -> None:
    manager.execute(limit(), idempotency_key="1")
    OrderRequest.objects.update(outcome="UNKNOWN", answered_at=None)
    if state != "NEW":
        exchange.act("cancel", symbol="BTCUSDT", orderId=int(FIRST_ORDER))
        hear(exchange, *exchange.frames(2))
        ClosedOrder.objects.update(status=state)
    sent_ago(16)

    verify_due(exchange.account.pk)

    expected = {"REJECTED": "REJECTED", "FAILED": "NOT_ACCEPTED"}
    assert outcome() == expected.get(state, "ACCEPTED")


def test_every_state_of_a_request_has_an_exit(exchange: Exchange, manager: OrderManager) -> None:
    """However a request is left, it is settled once time has passed and everybody answers."""
    manager.execute(limit(), idempotency_key="resting")
    resting = OpenOrder.objects.get()
    left: list[OrderRequest] = []
    for kind in ("PENDING", "UNKNOWN", "NEEDS_REVIEW"):
        for is_claimed in (True, False) if kind == "PENDING" else (True,):
            exchange.simulator.faults(**REFUSED)
            key = f"{kind}-{is_claimed}"
            placed = manager.execute(limit(), idempotency_key=key)
            exchange.simulator.faults(
                refuse_and_lose_answer={
                    name: {"how": "drop", "count": 1} for name in ("DELETE order", "PUT order")
                },
                rest_status={"GET order": 503},
            )
            cancelled = manager.cancel(resting, idempotency_key=f"cancel-{key}")
            amended = manager.amend(
                resting, price=limit("29000").price, idempotency_key=f"amend-{key}"
            )
            exchange.simulator.faults(reset=True)
            for request in (placed, cancelled, amended):
                assert request.outcome == "UNKNOWN"
                sent_at = request.sent_at if is_claimed else None
                OrderRequest.objects.filter(pk=request.pk).update(outcome=kind, sent_at=sent_at)
                left.append(request)

    for _ in range(6):
        OpenOrder.objects.update(created_at=timezone.now() - LATER)
        OpenOrder.objects.exclude(cancel_requested_at=None).update(
            cancel_requested_at=timezone.now() - LATER
        )
        for request_ids in order_dispatch.left_waiting(timezone.now()).values():
            order_dispatch.dispatch(request_ids)
        ask_much_later(exchange.account)

    assert len(left) == 12
    unsettled = OrderRequest.objects.filter(outcome__in=UNRESOLVED)
    assert [str(request) for request in unsettled] == []
    assert not OpenOrder.objects.filter(status__in=["PENDING", "UNKNOWN"]).exists()
    assert OpenOrder.objects.get().cancel_requested_at is None
    assert requests(exchange.simulator)["POST order"] == 5
