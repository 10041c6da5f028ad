"""Repairs by API: for staff only, each with its reason, and a problem for whatever may not be."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from tests import factories
from tracking.models import Anomaly, OpenOrder, Repair, StrategyPosition, TradeExecution

if TYPE_CHECKING:
    from pytest_django import Settings

    from tracking.models import StrategyAccount

pytestmark = pytest.mark.django_db

WHY = "placed by hand"


@pytest.fixture
def staff() -> APIClient:
    """Ask as staff, by token."""
    _, token = AuthToken.objects.create(factories.StaffFactory.create(username="ops"))
    return APIClient(headers={"Authorization": f"Token {token}"})


@pytest.fixture
def use() -> StrategyAccount:
    """Give a strategy's use of an account."""
    made: StrategyAccount = factories.StrategyAccountFactory.create()
    return made


def filled(use: StrategyAccount, **terms: Any) -> OpenOrder:
    """Make an order nobody owns, with one fill of half a coin, and its position."""
    order: OpenOrder = factories.OpenOrderFactory.create(
        account=use.account, filled_quantity=Decimal("0.5")
    )
    trade = factories.TradeFactory.create(
        account=use.account, exchange_order_id=order.exchange_order_id
    )
    factories.TradeExecutionFactory.create(trade=trade, **terms)
    factories.StrategyPositionFactory.create(account=use.account)
    return order


def everything(use: StrategyAccount) -> list[str]:
    """Make one of each thing that can be repaired, and name where."""
    order, anomaly = filled(use), factories.AnomalyFactory.create(account=use.account)
    execution = TradeExecution.objects.get()
    return [
        f"/api/v1/accounts/{use.account_id}/sync/",
        f"/api/v1/accounts/{use.account_id}/postings/",
        f"/api/v1/orders/{order.pk}/adopt/",
        f"/api/v1/executions/{execution.pk}/reassign/",
        f"/api/v1/executions/{execution.pk}/void/",
        f"/api/v1/anomalies/{anomaly.pk}/close/",
    ]


def test_who_is_not_staff_repairs_nothing_his_own_least_of_all(use: StrategyAccount) -> None:
    paths = everything(use)
    body = {"reason": WHY, "strategy_account": use.pk, "confirmed": []}
    owner, stranger = APIClient(), APIClient()
    owner.force_authenticate(use.account.user)
    stranger.force_authenticate(factories.UserFactory.create())

    for path in paths:
        for client in (owner, stranger):
            answer = client.post(path, body, format="json")
            assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert APIClient().post(path, body, format="json").status_code == 401
    assert not Repair.objects.exists()
    assert not OpenOrder.objects.exclude(strategy_account=None).exists()


def test_staff_repair_nothing_without_the_permission_the_admin_asks_for(
    use: StrategyAccount,
) -> None:
    viewer = factories.UserFactory.create(is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = APIClient()
    client.force_authenticate(viewer)
    body = {"reason": WHY, "strategy_account": use.pk, "confirmed": []}

    for path in everything(use)[1:]:
        assert client.post(path, body, format="json").status_code == 403

    assert not Repair.objects.exists()


def test_what_does_not_exist_is_answered_like_what_is_somebody_elses(use: StrategyAccount) -> None:
    client = APIClient()
    client.force_authenticate(factories.UserFactory.create())
    filled(use)

    theirs, nobodys = (
        client.post(f"/api/v1/executions/{pk}/void/", {"reason": WHY}, format="json")
        for pk in (TradeExecution.objects.get().pk, 999_999)
    )

    assert (theirs.status_code, theirs.json()) == (nobodys.status_code, nobodys.json())


def test_an_order_is_adopted(staff: APIClient, use: StrategyAccount) -> None:
    order = filled(use)
    body = {"strategy_account": use.pk, "reason": WHY}

    answer = staff.post(f"/api/v1/orders/{order.pk}/adopt/", body, format="json")

    assert answer.status_code == 201
    told = answer.json()
    assert (told["actor"], told["reason"], told["action"]) == ("ops", WHY, "ADOPT_ORDER")
    assert told["before"]["order"]["strategy_account"] is None
    assert told["after"]["order"]["strategy_account"] == use.pk
    assert TradeExecution.objects.get().strategy_account == use


def test_a_closed_order_is_adopted_by_its_own_id(staff: APIClient, use: StrategyAccount) -> None:
    order = factories.ClosedOrderFactory.create(account=use.account)
    body = {"strategy_account": use.pk, "reason": WHY}

    wrong = staff.post(f"/api/v1/orders/{order.pk}/adopt/", body, format="json")
    right = staff.post(f"/api/v1/orders/{order.pk}/adopt/?state=closed", body, format="json")

    assert (wrong.status_code, wrong.json()["code"]) == (404, "not_found")
    assert right.status_code == 201


def test_a_strategy_of_another_account_is_refused(staff: APIClient, use: StrategyAccount) -> None:
    order = filled(use)
    other = factories.StrategyAccountFactory.create()

    answer = staff.post(
        f"/api/v1/orders/{order.pk}/adopt/",
        {"strategy_account": other.pk, "reason": WHY},
        format="json",
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "repair_refused")
    assert answer.json()["detail"] == "the strategy does not use this account"
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "   "}, {"reason": "x" * 501}, {"reason": None}]
)
def test_a_repair_without_a_reason_is_a_problem(
    staff: APIClient, use: StrategyAccount, body: dict[str, object]
) -> None:
    answer = staff.post(everything(use)[3], body, format="json")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "reason" in answer.json()["errors"]


def test_an_execution_moves_only_with_its_whole_order(
    staff: APIClient, use: StrategyAccount
) -> None:
    filled(use)
    execution = TradeExecution.objects.get()
    path = f"/api/v1/executions/{execution.pk}/reassign/"
    body: dict[str, Any] = {"strategy_account": use.pk, "reason": WHY, "confirmed": []}

    refused = staff.post(path, body, format="json")
    done = staff.post(path, body | {"confirmed": [execution.exchange_trade_id]}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (409, "repair_refused")
    assert execution.exchange_trade_id in refused.json()["detail"]
    assert done.status_code == 201


def test_a_guess_is_voided_and_what_the_exchange_told_is_not(
    staff: APIClient, use: StrategyAccount
) -> None:
    filled(use, source="INFERRED", exchange_trade_id="inferred")
    guess = TradeExecution.objects.get()
    filled(factories.StrategyAccountFactory.create())
    real = TradeExecution.objects.exclude(pk=guess.pk).get()

    void = {
        row.pk: staff.post(f"/api/v1/executions/{row.pk}/void/", {"reason": WHY}, format="json")
        for row in (guess, real)
    }

    assert void[guess.pk].status_code == 201
    assert (void[real.pk].status_code, void[real.pk].json()["code"]) == (409, "repair_refused")
    guess.refresh_from_db()
    assert guess.disclaimed


def test_an_anomaly_is_closed_once(staff: APIClient) -> None:
    anomaly = factories.AnomalyFactory.create()
    path = f"/api/v1/anomalies/{anomaly.pk}/close/"

    first, second = (staff.post(path, {"reason": "seen"}, format="json") for _ in range(2))

    assert first.status_code == 201
    assert (second.status_code, second.json()["detail"]) == (409, "the anomaly is closed already")
    assert Anomaly.objects.get().closed_reason == "seen"


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_account_that_cannot_be_asked_is_a_problem(
    staff: APIClient, settings: Settings, *, dry_run: bool
) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:1"
    account = factories.ExchangeAccountFactory.create()
    disabled = factories.ExchangeAccountFactory.create(state="DISABLED")
    expected = {account.pk: (503, "exchange_unavailable"), disabled.pk: (409, "account_not_active")}
    expected[999_999] = (404, "unknown_account")

    for pk, (status, code) in expected.items():
        body = {"dry_run": dry_run}
        answer = staff.post(f"/api/v1/accounts/{pk}/sync/", body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_execution_its_order_knows_nothing_of_is_not_voided(
    staff: APIClient, use: StrategyAccount
) -> None:
    filled(use, source="INFERRED")
    OpenOrder.objects.all().delete()
    guess = TradeExecution.objects.get()

    answer = staff.post(f"/api/v1/executions/{guess.pk}/void/", {"reason": WHY}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (409, "repair_refused")
    guess.refresh_from_db()
    assert guess.voided_at is None


@pytest.mark.django_db(transaction=True)
def test_a_movement_nobody_tells_of_is_booked_by_staff(staff: APIClient) -> None:
    account = factories.ExchangeAccountFactory.create(
        market_type="SPOT", baseline_at=timezone.now()
    )
    path = f"/api/v1/accounts/{account.pk}/postings/"
    body = {"kind": "TRANSFER", "symbol": "BTC", "quantity": "0.25", "reason": "a deposit"}

    answer = staff.post(path, body, format="json")

    assert (answer.status_code, answer.json()["action"]) == (201, "BOOK_POSTING")
    assert StrategyPosition.objects.get().quantity == Decimal("0.25")
    refused = staff.post(path, body | {"symbol": "BTC/USDT"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "repair_refused")
    unknown = staff.post(path, body | {"kind": "OPENING"}, format="json")
    assert unknown.status_code == 400
