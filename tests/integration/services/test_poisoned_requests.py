"""A request that cannot be prepared or must not be sent ends, and holds up nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.services.test_order_dispatch import Died, accepted, again, sent
from tests.integration.services.test_order_manager import limit
from tracking.models import ClosedOrder, ExchangeAccount, FailedOrder, OpenOrder, OrderRequest
from tracking.services import (
    halts,
    order_attempts,
    order_dispatch,
    order_preparation,
    order_requests,
)
from tracking.services.order_dispatch import dispatch
from tracking.services.order_intents import InvalidOrderError

if TYPE_CHECKING:
    from tests.integration.services.conftest import Exchange
    from tracking.models import StrategyAccount
    from tracking.services.order_manager import OrderManager

AGES = timedelta(hours=1)


def test_an_amount_of_money_that_buys_more_than_there_is_of_anything_is_refused(
    exchange: Exchange, strategy_account: StrategyAccount
) -> None:
    beyond = replace(limit(price="0.1"), quantity=None, quote_quantity=Decimal("9E+19"))
    poison, fine = accepted(strategy_account, beyond, limit())

    dispatch([poison.pk, fine.pk])

    assert [request.outcome for request in again(poison, fine)] == ["FAILED", "ACCEPTED"]
    assert "out of any range" in FailedOrder.objects.get().reason
    assert sent(exchange) == {fine.client_order_id: 1}


def test_what_nobody_can_prepare_holds_up_no_other_and_ends_with_its_age(
    exchange: Exchange, strategy_account: StrategyAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison, fine = accepted(strategy_account, limit(), limit("29000"))
    prepare = order_preparation.prepare

    def fail(account: ExchangeAccount, use: StrategyAccount, request: OrderRequest) -> Any:
        if request.pk == poison.pk:
            raise ZeroDivisionError
        return prepare(account, use, request)

    monkeypatch.setattr(order_preparation, "prepare", fail)

    dispatch([poison.pk, fine.pk])
    assert [request.outcome for request in again(poison, fine)] == ["PENDING", "ACCEPTED"]
    assert "ZeroDivisionError" in poison.detail

    OrderRequest.objects.filter(pk=poison.pk).update(created_at=poison.created_at - AGES)
    dispatch([poison.pk])
    assert again(poison)[0].outcome == "FAILED"
    assert FailedOrder.objects.get().kind == "TOO_OLD"
    assert sent(exchange) == {fine.client_order_id: 1}


def test_an_exchange_that_keeps_us_waiting_holds_up_none_that_is_prepared(
    exchange: Exchange, strategy_account: StrategyAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = accepted(strategy_account, limit(), limit("29000"), limit("28000"))
    ids = [request.pk for request in requests]
    monkeypatch.setattr(order_dispatch, "PATIENCE", 0.0)
    prepared: list[int] = []
    prepare = order_preparation.prepare

    def note(account: ExchangeAccount, use: StrategyAccount, request: OrderRequest) -> Any:
        prepared.append(request.pk)
        return prepare(account, use, request)

    monkeypatch.setattr(order_preparation, "prepare", note)
    clock = iter([0.0, 0.0, 1.0])
    monkeypatch.setattr(order_dispatch, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    dispatch(ids)

    assert prepared == ids[:1]
    assert [request.outcome for request in again(*requests)] == ["ACCEPTED", "PENDING", "PENDING"]


def test_an_amendment_beyond_any_number_is_refused(
    exchange: Exchange, manager: OrderManager
) -> None:
    manager.execute(limit(), idempotency_key="1")
    order = OpenOrder.objects.get()

    with pytest.raises(InvalidOrderError):
        order_requests.accept_amend(order, quantity=Decimal("1E+999"), key="2")
    most = Decimal("9E+19")
    request = manager.amend(order, quantity=most, price=most, idempotency_key="3")

    assert (request.outcome, request.sent_at) == ("FAILED", None)
    assert "more than any market takes" in request.detail
    assert OpenOrder.objects.get().price == 30000
    exchange.assert_equal_books()


def test_an_order_of_an_account_that_was_disabled_before_its_claim_is_not_sent(
    exchange: Exchange, strategy_account: StrategyAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    (request,) = accepted(strategy_account, limit())
    with monkeypatch.context() as patched:
        patched.setattr("tracking.services.order_dispatch.send_all", lambda _sendings: None)
        dispatch([request.pk])
    assert again(request)[0].attempted_at is not None
    ExchangeAccount.objects.update(state="DISABLED")

    dispatch([request.pk])

    assert again(request)[0].sent_at is None
    assert sent(exchange) == {}


def test_an_order_that_is_cancelled_before_its_claim_never_leaves(
    exchange: Exchange, manager: OrderManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    (request,) = accepted(manager.strategy_account, limit())
    with monkeypatch.context() as patched:
        patched.setattr("tracking.services.order_dispatch.send_all", lambda _sendings: None)
        dispatch([request.pk])
    order = OpenOrder.objects.get()

    cancel = manager.cancel(order, idempotency_key="cancel")
    dispatch([request.pk])

    assert (again(request)[0].outcome, request.sent_at) == ("FAILED", None)
    assert FailedOrder.objects.get().kind == "WITHDRAWN"
    assert (cancel.outcome, cancel.sent_at) == ("REJECTED", None)
    assert ClosedOrder.objects.get().status == "FAILED"
    assert sent(exchange) == {}


def test_an_amendment_that_a_halt_keeps_here_is_told_in_one_commit(
    exchange: Exchange, manager: OrderManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.execute(limit(), idempotency_key="1")
    order = OpenOrder.objects.get()
    amendment = order_requests.accept_amend(order, price=Decimal(29000), key="2")
    with monkeypatch.context() as patched:
        patched.setattr("tracking.services.order_dispatch.send_all", lambda _sendings: None)
        dispatch([amendment.pk])
    halts.set_halt(account_id=order.account_id, reason="enough", actor="staff")
    with monkeypatch.context() as patched:
        patched.setattr("tracking.services.order_attempts.order_outcomes.end", die)
        with pytest.raises(Died):
            order_attempts.end_unsendable(again(amendment)[0])

    assert again(amendment)[0].outcome == "PENDING"
    order_attempts.end_unsendable(amendment)
    assert (again(amendment)[0].outcome, amendment.sent_at) == ("FAILED", None)
    assert "enough" in amendment.detail


def die(*_args: object) -> None:
    raise Died
