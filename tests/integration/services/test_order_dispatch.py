"""From a request to its one send: by whoever comes, however many come, whatever dies on the way."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from exchanges.errors import TransientError
from exchanges.messages import OrderType, Side, TimeInForce
from tests.integration.services.conftest import PAST
from tests.integration.services.test_order_manager import SYMBOL, limit, market
from tracking.models import (
    ClosedOrder,
    ExchangeAccount,
    FailedOrder,
    OpenOrder,
    OrderEvent,
    OrderRequest,
    RequestSource,
    StrategyAccount,
)
from tracking.services import (
    halts,
    order_attempts,
    order_dispatch,
    order_preparation,
    order_requests,
    order_sending,
)
from tracking.services.order_dispatch import dispatch, left_waiting
from tracking.services.order_intents import OrderIntent
from tracking.services.order_requests import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.integration.services.conftest import Exchange
    from tracking.services.order_manager import OrderManager

LATER = timedelta(seconds=5)


def accepted(use: StrategyAccount, *intents: OrderIntent) -> list[OrderRequest]:
    """Commit requests that nobody has dispatched yet."""
    wanted = [
        Wanted(use=use, intent=intent, key=f"key-{place}", source=RequestSource.API)
        for place, intent in enumerate(intents)
    ]
    return order_requests.accept(wanted)


def again(*requests: OrderRequest) -> list[OrderRequest]:
    for request in requests:
        request.refresh_from_db()
    return list(requests)


def sent(exchange: Exchange) -> dict[str, int]:
    """How often each client order id has come to the exchange."""
    return exchange.simulator.submissions(exchange.key)


def told_outcomes() -> list[str]:
    rows = OrderEvent.objects.filter(kind="order_request").order_by("seq")
    return [row.payload["outcome"] for row in rows]


def test_dispatching_again_sends_nothing_again(
    exchange: Exchange, strategy_account: StrategyAccount
) -> None:
    (request,) = accepted(strategy_account, limit())

    for _ in range(3):
        dispatch([request.pk])

    (request,) = again(request)
    assert request.outcome == "ACCEPTED"
    assert request.exchange_order_id == OpenOrder.objects.get().exchange_order_id
    assert sent(exchange) == {request.client_order_id: 1}
    assert told_outcomes() == ["ACCEPTED"]
    steps = [request.created_at, request.attempted_at, request.sent_at, request.answered_at]
    assert steps == sorted(step for step in steps if step is not None)


def test_many_dispatchers_at_once_send_each_order_once(
    exchange: Exchange, strategy_account: StrategyAccount
) -> None:
    requests = accepted(strategy_account, *[limit(price=str(30000 + n)) for n in range(6)])
    ids = [request.pk for request in requests]
    start = threading.Barrier(4)

    def run(mine: Sequence[int]) -> None:
        start.wait()
        try:
            dispatch(mine)
        finally:
            connection.close()

    orders = (ids, ids[::-1], ids[3:] + ids[:3], ids)
    threads = [threading.Thread(target=run, args=(mine,)) for mine in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {request.outcome for request in again(*requests)} == {"ACCEPTED"}
    assert sent(exchange) == {request.client_order_id: 1 for request in requests}
    assert OpenOrder.objects.count() == len(ids)
    exchange.assert_equal_books()


class Died(BaseException):
    """Whoever was dispatching is no more."""


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (order_preparation, "prepare"),
        (order_attempts, "attempt"),
        (order_dispatch, "send_all"),
        (order_sending, "claim_send"),
    ],
)
def test_whoever_dies_before_the_claim_costs_a_sweep_and_no_order(
    exchange: Exchange,
    strategy_account: StrategyAccount,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
) -> None:
    (request,) = accepted(strategy_account, limit())

    def die(*_args: object, **_named: object) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(module, name, die)
        with pytest.raises(Died):
            dispatch([request.pk])
    assert left_waiting(timezone.now()) == {}
    assert left_waiting(timezone.now() + LATER) == {request.account_id: [request.pk]}

    dispatch([request.pk])

    assert again(request)[0].outcome == "ACCEPTED"
    assert sent(exchange) == {request.client_order_id: 1}
    assert left_waiting(timezone.now() + LATER) == {}
    exchange.assert_equal_books()


def test_what_was_claimed_is_never_sent_by_anybody_else(
    exchange: Exchange, strategy_account: StrategyAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    (request,) = accepted(strategy_account, limit())

    def die(_placement: object) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(order_sending.Placement, "ask", die)
        with pytest.raises(Died):
            dispatch([request.pk])

    dispatch([request.pk])

    assert sent(exchange) == {}
    assert OpenOrder.objects.get().status == "PENDING"
    assert left_waiting(timezone.now() + LATER) == {}


@pytest.mark.parametrize("is_attempted", [False, True])
def test_a_request_nobody_sent_in_time_is_not_sent_any_more(
    exchange: Exchange,
    strategy_account: StrategyAccount,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_attempted: bool,
) -> None:
    (request,) = accepted(strategy_account, limit())
    if is_attempted:
        with monkeypatch.context() as patched:
            patched.setattr(order_dispatch, "send_all", lambda _sendings: None)
            dispatch([request.pk])
        assert OpenOrder.objects.get().status == "PENDING"
    OrderRequest.objects.update(created_at=timezone.now() - PAST)

    dispatch([request.pk])

    assert again(request)[0].outcome == "FAILED"
    assert FailedOrder.objects.get().kind == "TOO_OLD"
    assert not OpenOrder.objects.exists()
    assert ClosedOrder.objects.count() == int(is_attempted)
    assert told_outcomes() == ["FAILED"]
    assert sent(exchange) == {}


def test_a_halt_between_attempt_and_claim_keeps_the_order_here(
    exchange: Exchange, strategy_account: StrategyAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    (request,) = accepted(strategy_account, limit())
    with monkeypatch.context() as patched:
        patched.setattr(order_dispatch, "send_all", lambda _sendings: None)
        dispatch([request.pk])
    halts.set_halt(account_id=request.account_id, reason="enough", actor="staff")

    dispatch([request.pk])

    assert again(request)[0].outcome == "FAILED"
    assert FailedOrder.objects.get().kind == "HALTED"
    assert ClosedOrder.objects.get().status == "FAILED"
    assert sent(exchange) == {}


def test_a_halt_refuses_new_orders_and_no_cancels(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(), idempotency_key="1")
    halts.set_halt(account_id=None, reason="enough", actor="staff")

    refused = manager.execute(limit(), idempotency_key="2")
    cancelled = manager.cancel(OpenOrder.objects.get(), idempotency_key="3")

    assert (refused.outcome, cancelled.outcome) == ("FAILED", "ACCEPTED")
    assert FailedOrder.objects.get().kind == "HALTED"
    assert len(exchange.ledger()["orders"]) == 1


def test_a_limit_refuses_with_its_words_and_terms(
    exchange: Exchange, manager: OrderManager
) -> None:
    StrategyAccount.objects.update(max_order_notional=5000)

    request = manager.execute(limit(), idempotency_key="1")

    assert request.outcome == "FAILED"
    assert (request.notional, request.notional_asset) == (6000, "USDT")
    assert request.terms["quantity"] == "0.2"
    assert FailedOrder.objects.get().kind == "OVER_LIMIT"
    assert exchange.ledger()["orders"] == []


def test_an_order_that_waited_for_room_is_sent_although_it_is_old(
    exchange: Exchange, manager: OrderManager
) -> None:
    ExchangeAccount.objects.update(max_open_orders=1)
    StrategyAccount.objects.update(queue_when_full=True)
    manager.execute(limit(), idempotency_key="1")
    waiting = manager.execute(limit(), idempotency_key="2")
    assert waiting.outcome == "WAITING"
    OrderRequest.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - PAST)
    manager.cancel(OpenOrder.objects.get(), idempotency_key="3")

    dispatch([waiting.pk])

    assert again(waiting)[0].outcome == "ACCEPTED"
    assert OpenOrder.objects.get().client_order_id == waiting.client_order_id


def test_an_exchange_that_cannot_be_asked_now_is_asked_again_later(
    exchange: Exchange, strategy_account: StrategyAccount
) -> None:
    asked = replace(market(), quantity=None, percent=Decimal(10))
    (request,) = accepted(strategy_account, asked)
    exchange.simulator.faults(rest_status={"GET balance": {"status": 503, "count": 1}})

    dispatch([request.pk])
    assert again(request)[0].outcome == "PENDING"
    assert request.detail

    dispatch([request.pk])
    assert again(request)[0].outcome == "ACCEPTED"
    assert request.detail == ""
    exchange.assert_equal_books()


def test_what_was_changed_is_told_in_words(exchange: Exchange, manager: OrderManager) -> None:
    asked = limit(price="30000.04", quantity="0.20055")

    request = manager.execute(asked, idempotency_key="1")

    assert request.body["quantity"] == "0.20055"
    assert (request.terms["quantity"], request.terms["price"]) == ("0.2", "30000")
    price, quantity = request.terms["changes"]
    assert "30000.04" in price
    assert "0.20055" in quantity
    exchange.assert_equal_books()


def test_what_fits_is_not_changed(exchange: Exchange, manager: OrderManager) -> None:
    request = manager.execute(limit(), idempotency_key="1")

    assert request.terms["changes"] == []
    assert request.notional == 6000
    exchange.assert_equal_books()


@pytest.mark.parametrize(
    ("intent", "kind"),
    [
        (limit(price="30000", quantity="0.001"), "BELOW_MINIMUM"),
        (limit(price="0.04", quantity="1"), "WRONG_STEP"),
        (replace(limit(), symbol="NO/SUCH:COIN"), "UNKNOWN_MARKET"),
        (
            replace(limit(), reduce_only=True, quantity=None, percent=Decimal(50)),
            "NOTHING_TO_REDUCE",
        ),
        (limit(price="9" * 19, quantity="9" * 19), "ABOVE_MAXIMUM"),
    ],
)
def test_what_the_market_cannot_take_never_leaves(
    exchange: Exchange, manager: OrderManager, intent: OrderIntent, kind: str
) -> None:
    request = manager.execute(intent, idempotency_key="1")

    failed = FailedOrder.objects.get()
    assert (request.outcome, failed.kind, request.attempted_at) == ("FAILED", kind, None)
    assert request.detail == failed.reason
    assert told_outcomes() == ["FAILED"]
    assert sent(exchange) == {}


def test_orders_go_out_together_and_each_has_its_own_result(
    exchange: Exchange, strategy_account: StrategyAccount
) -> None:
    intents = [limit(price=str(30000 + n)) for n in range(6)]
    intents[1] = limit(quantity="900")
    requests = accepted(strategy_account, *intents)

    dispatch([request.pk for request in requests])

    outcomes = [request.outcome for request in again(*requests)]
    assert outcomes == ["ACCEPTED", "REJECTED", *["ACCEPTED"] * 4]
    failed = FailedOrder.objects.get()
    assert (failed.request, failed.kind, failed.code) == (
        requests[1], "INSUFFICIENT_FUNDS", "-2019",
    )  # fmt: skip
    assert set(sent(exchange).values()) == {1}
    exchange.assert_equal_books()


def test_a_batch_whose_answer_is_lost_is_unknown_as_a_whole(
    exchange: Exchange, strategy_account: StrategyAccount
) -> None:
    lost = {"POST batchOrders": {"how": "drop", "count": 1}}
    exchange.simulator.faults(accept_but_lose_answer=lost)
    requests = accepted(strategy_account, limit(), limit(price="30001"))

    dispatch([request.pk for request in requests])

    assert [request.outcome for request in again(*requests)] == ["UNKNOWN"] * 2
    assert not FailedOrder.objects.exists()
    assert set(sent(exchange).values()) == {1}


def test_a_transient_refusal_says_that_nothing_was_sent(
    exchange: Exchange, manager: OrderManager
) -> None:
    exchange.simulator.faults(rest_status={"POST order": {"status": 429, "count": 1}})

    request = manager.execute(limit(), idempotency_key="1")

    assert request.outcome == "FAILED"
    assert FailedOrder.objects.get().kind == "RATE_LIMITED"


def test_a_sender_that_was_asleep_sends_nothing(
    exchange: Exchange, manager: OrderManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_sending, "CLAIM_HOLDS", -1.0)

    request = manager.execute(limit(), idempotency_key="1")

    assert request.outcome == "FAILED"
    assert sent(exchange) == {}


def test_whatever_is_sent_is_signed_within_ten_seconds_of_its_claim() -> None:
    assert order_sending.time_left(time.monotonic()) <= 10
    assert order_sending.time_left(time.monotonic() - 4.9) <= 5.1
    with pytest.raises(TransientError):
        order_sending.time_left(time.monotonic() - 5.1)


def test_an_amendment_changes_the_order_and_its_row(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(), idempotency_key="1")

    request = manager.amend(OpenOrder.objects.get(), price=Decimal("29000.04"), idempotency_key="2")

    assert request.outcome == "ACCEPTED"
    assert (request.terms["price"], request.terms["quantity"]) == ("29000", "0.2")
    request = manager.amend(
        OpenOrder.objects.get(), quantity=Decimal("0.3"), price=Decimal(28000), idempotency_key="3"
    )
    order = OpenOrder.objects.get()
    assert request.outcome == "ACCEPTED"
    assert (order.price, order.quantity) == (28000, Decimal("0.3"))
    exchange.assert_equal_books()


def test_a_refused_amendment_leaves_the_order_as_it_is(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(), idempotency_key="1")

    request = manager.amend(OpenOrder.objects.get(), quantity=Decimal(900), idempotency_key="2")

    assert request.outcome == "REJECTED"
    order = OpenOrder.objects.get()
    assert (order.status, order.quantity) == ("NEW", Decimal("0.2"))
    exchange.assert_equal_books()


def test_an_amendment_whose_answer_was_lost_is_settled_by_asking(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(), idempotency_key="1")
    lost = {"PUT order": {"how": "drop", "count": 1}}
    exchange.simulator.faults(accept_but_lose_answer=lost)

    request = manager.amend(OpenOrder.objects.get(), price=Decimal(29000), idempotency_key="2")

    assert request.outcome == "ACCEPTED"
    assert OpenOrder.objects.get().price == 29000


def test_an_amendment_that_never_arrived_is_unknown_at_first(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(), idempotency_key="1")
    lost = {"PUT order": {"how": "drop", "count": 1}}
    exchange.simulator.faults(refuse_and_lose_answer=lost)

    request = manager.amend(OpenOrder.objects.get(), price=Decimal(29000), idempotency_key="2")

    assert request.outcome == "UNKNOWN"
    assert OpenOrder.objects.get().price == 30000


@pytest.mark.parametrize("is_halted", [True, False])
def test_an_amendment_is_bound_by_halts_and_limits(
    exchange: Exchange, manager: OrderManager, *, is_halted: bool
) -> None:
    manager.execute(limit(), idempotency_key="1")
    if is_halted:
        halts.set_halt(account_id=exchange.account.pk, reason="enough", actor="staff")
    else:
        StrategyAccount.objects.update(max_order_notional=7000)

    request = manager.amend(OpenOrder.objects.get(), quantity=Decimal("0.3"), idempotency_key="2")

    assert (request.outcome, request.sent_at) == ("FAILED", None)
    assert OpenOrder.objects.get().quantity == Decimal("0.2")


@pytest.mark.parametrize("change", ["cancel", "amend"])
def test_a_change_of_an_order_that_ended_is_settled_without_asking(
    exchange: Exchange, manager: OrderManager, change: str
) -> None:
    manager.execute(limit(), idempotency_key="1")
    stale = OpenOrder.objects.get()
    manager.cancel(stale, idempotency_key="2")

    if change == "cancel":
        request = manager.cancel(stale, idempotency_key="3")
    else:
        request = manager.amend(stale, price=Decimal(29000), idempotency_key="3")

    expected = {"cancel": "ACCEPTED", "amend": "REJECTED"}[change]
    assert (request.outcome, request.sent_at) == (expected, None)
    assert "CANCELLED" in request.detail


KINDS = {
    "limit": (limit(), "NEW"),
    "market": (market(), "FILLED"),
    "ioc": (replace(limit(), time_in_force=TimeInForce.IOC), "EXPIRED"),
    "post-only": (replace(limit(), time_in_force=TimeInForce.GTX), "NEW"),
    "stop": (
        OrderIntent(
            symbol=SYMBOL,
            side=Side.SELL,
            order_type=OrderType.STOP,
            quantity=Decimal("0.2"),
            price=Decimal(19990),
            stop_price=Decimal(20000),
        ),
        "NEW",
    ),
    "stop-market": (
        OrderIntent(
            symbol=SYMBOL,
            side=Side.SELL,
            order_type=OrderType.STOP_MARKET,
            quantity=Decimal("0.2"),
            stop_price=Decimal(20000),
        ),
        "NEW",
    ),
    "take-profit": (
        OrderIntent(
            symbol=SYMBOL,
            side=Side.SELL,
            order_type=OrderType.TAKE_PROFIT,
            quantity=Decimal("0.2"),
            price=Decimal(190000),
            stop_price=Decimal(190001),
        ),
        "NEW",
    ),
    "take-profit-market": (
        OrderIntent(
            symbol=SYMBOL,
            side=Side.SELL,
            order_type=OrderType.TAKE_PROFIT_MARKET,
            quantity=Decimal("0.2"),
            stop_price=Decimal(190000),
        ),
        "NEW",
    ),
    "quote quantity": (
        replace(market(), quantity=None, quote_quantity=Decimal(5000)),
        "FILLED",
    ),
    "quote quantity at a price": (
        replace(limit(), quantity=None, quote_quantity=Decimal(6000)),
        "NEW",
    ),
    "percent": (replace(market(), quantity=None, percent=Decimal(10)), "FILLED"),
}


def status() -> str:
    row = OpenOrder.objects.first() or ClosedOrder.objects.get()
    return row.status


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_order_is_placed_and_booked(
    exchange: Exchange, manager: OrderManager, kind: str
) -> None:
    intent, expected = KINDS[kind]

    request = manager.execute(intent, idempotency_key="1")

    assert (request.outcome, request.detail) == ("ACCEPTED", "")
    assert status() == expected
    assert request.notional is not None
    row = OpenOrder.objects.first()
    if row is not None:
        is_conditional = intent.stop_price is not None
        assert row.id_space == ("ALGO" if is_conditional else "ORDER")
        assert (row.stop_price, row.post_only) == (intent.stop_price, intent.post_only)
    if not intent.stop_price:
        exchange.assert_equal_books()


def test_fill_or_kill_that_cannot_fill_is_refused_in_the_exchanges_words(
    exchange: Exchange, manager: OrderManager
) -> None:
    asked = replace(limit(), time_in_force=TimeInForce.FOK)

    request = manager.execute(asked, idempotency_key="1")

    assert (request.outcome, FailedOrder.objects.get().code) == ("REJECTED", "-5021")
    assert exchange.ledger()["open_orders"] == []


def test_post_only_that_would_take_is_told_so(exchange: Exchange, manager: OrderManager) -> None:
    asked = replace(limit(price="200000"), time_in_force=TimeInForce.GTX, quantity=Decimal("0.01"))

    request = manager.execute(asked, idempotency_key="1")

    assert request.outcome in {"REJECTED", "ACCEPTED"}
    if request.outcome == "REJECTED":
        assert FailedOrder.objects.get().kind in {"WOULD_TAKE", "PRICE_OUT_OF_BAND"}
    assert not OpenOrder.objects.exists()


def test_percent_of_a_position_reduces_it(exchange: Exchange, manager: OrderManager) -> None:
    manager.execute(market("0.4"), idempotency_key="1")
    asked = OrderIntent(
        symbol=SYMBOL,
        side=Side.SELL,
        order_type=OrderType.MARKET,
        percent=Decimal(25),
        reduce_only=True,
    )

    request = manager.execute(asked, idempotency_key="2")

    assert request.outcome == "ACCEPTED"
    assert request.terms["quantity"] == "0.1"
    assert request.terms["reduce_only"] is True
    exchange.assert_equal_books()
