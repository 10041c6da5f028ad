"""Repairs from the admin: real pages, a reason, and a message for whatever may not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from tests import factories
from tracking.models import (
    Anomaly,
    OpenOrder,
    Repair,
    StrategyAccount,
    StrategyPosition,
    TradeExecution,
)

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

WHY = "placed by hand"


@pytest.fixture
def staff(client: Client) -> Client:
    """Browse as a superuser."""
    client.force_login(factories.StaffFactory.create(username="ops"))
    return client


@pytest.fixture
def use() -> StrategyAccount:
    """Give a strategy's use of an account."""
    made: StrategyAccount = factories.StrategyAccountFactory.create()
    return made


def order_with_fills(use: StrategyAccount, count: int, **terms: Any) -> OpenOrder:
    """Make an order nobody owns, with fills and the position they add up to."""
    order: OpenOrder = factories.OpenOrderFactory.create(account=use.account, filled_quantity=1)
    trade = factories.TradeFactory.create(
        account=use.account, exchange_order_id=order.exchange_order_id, filled_quantity=1
    )
    factories.TradeExecutionFactory.create_batch(count, trade=trade, **terms)
    factories.StrategyPositionFactory.create(account=use.account)
    return OpenOrder.objects.get(pk=order.pk)


def post(client: Client, page: str, action: str, rows: list[Any], **answers: Any) -> Any:
    """Choose an action on a list page, or fill in the page it has led to."""
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    apply = {"apply": "Repair"} if answers else {}
    path = reverse(f"admin:tracking_{page}_changelist")
    return client.post(path, chosen | apply | answers, follow=True)


def told(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def test_adopting_shows_the_order_and_asks_why(staff: Client, use: StrategyAccount) -> None:
    order = order_with_fills(use, 2)

    page = post(staff, "openorder", "adopt", [order])

    shown = page.content.decode()
    assert page.status_code == 200
    assert str(order) in shown
    assert shown.count('<th scope="row">execution</th>') == 2
    assert "no strategy: the residual" in shown
    assert str(use) in shown
    assert not Repair.objects.exists()


def test_an_order_is_adopted_from_its_page(staff: Client, use: StrategyAccount) -> None:
    order = order_with_fills(use, 2)

    answer = post(staff, "openorder", "adopt", [order], strategy_account=use.pk, reason=WHY)

    repair = Repair.objects.get()
    assert told(answer) == [f"{repair.subject}: done, see repair {repair.pk}"]
    assert (repair.actor, repair.reason, repair.action) == ("ops", WHY, "ADOPT_ORDER")
    assert OpenOrder.objects.get().strategy_account == use
    assert StrategyPosition.objects.get(strategy_account=use).execution_count == 2


def test_without_a_reason_nothing_is_done(staff: Client, use: StrategyAccount) -> None:
    order = order_with_fills(use, 1)

    answer = post(staff, "openorder", "adopt", [order], strategy_account=use.pk, reason=" ")

    assert "This field is required." in answer.content.decode()
    assert OpenOrder.objects.get().strategy_account is None


def test_whose_an_order_is_must_be_chosen(staff: Client, use: StrategyAccount) -> None:
    order = order_with_fills(use, 1)
    post(staff, "openorder", "adopt", [order], strategy_account=use.pk, reason=WHY)

    asked = post(staff, "openorder", "adopt", [order])
    unanswered = post(staff, "openorder", "adopt", [order], strategy_account="", reason=WHY)
    owner = OpenOrder.objects.get().strategy_account
    post(staff, "openorder", "adopt", [order], strategy_account="residual", reason=WHY)

    assert '<option value="" selected>choose…</option>' in asked.content.decode()
    assert "This field is required." in unanswered.content.decode()
    assert owner == use
    assert OpenOrder.objects.get().strategy_account is None


def test_a_strategy_of_another_account_cannot_be_chosen(
    staff: Client, use: StrategyAccount
) -> None:
    order = order_with_fills(use, 1)
    other = factories.StrategyAccountFactory.create()

    answer = post(staff, "openorder", "adopt", [order], strategy_account=other.pk, reason=WHY)

    assert "Select a valid choice" in answer.content.decode()
    assert not Repair.objects.exists()


def test_what_may_not_be_is_told(staff: Client, use: StrategyAccount) -> None:
    order = order_with_fills(use, 1)

    nowhere = post(staff, "openorder", "adopt", [order], strategy_account="residual", reason=WHY)
    stranger = factories.OpenOrderFactory.create()
    several = post(staff, "openorder", "adopt", [order, stranger])

    assert told(nowhere) == [f"{order}: the order belongs there already"]
    assert told(several) == ["orders of one account at a time: a strategy uses one account"]


def test_an_order_that_ended_before_it_was_adopted_is_told_of(
    staff: Client, use: StrategyAccount
) -> None:
    order = order_with_fills(use, 1)
    OpenOrder.objects.filter(pk=order.pk).delete()

    answer = post(staff, "openorder", "adopt", [order])

    assert told(answer) == ["the orders are not here any more: look for them among the closed ones"]


def test_an_execution_takes_its_order_along_and_says_so(
    staff: Client, use: StrategyAccount
) -> None:
    order_with_fills(use, 2)
    first, second = TradeExecution.objects.order_by("pk")
    ids = [first.exchange_trade_id, second.exchange_trade_id]

    page = post(staff, "tradeexecution", "reassign", [first])
    refused = post(
        staff,
        "tradeexecution",
        "reassign",
        [first],
        strategy_account=use.pk,
        reason=WHY,
        confirmed=ids[:1],
    )
    done = post(
        staff,
        "tradeexecution",
        "reassign",
        [first],
        strategy_account=use.pk,
        reason=WHY,
        confirmed=ids,
    )

    assert f"with all its executions: {', '.join(ids)}." in page.content.decode()
    assert "confirm all its executions" in told(refused)[0]
    assert "done" in told(done)[0]
    assert set(TradeExecution.objects.values_list("strategy_account", flat=True)) == {use.pk}


def test_executions_of_two_orders_are_not_reassigned_at_once(
    staff: Client, use: StrategyAccount
) -> None:
    order_with_fills(use, 1)
    other = factories.TradeExecutionFactory.create()

    answer = post(staff, "tradeexecution", "reassign", [TradeExecution.objects.first(), other])

    assert told(answer) == ["executions of one order at a time: they move with their order"]


def test_a_guess_is_voided_and_what_the_exchange_told_is_not(
    staff: Client, use: StrategyAccount
) -> None:
    order_with_fills(use, 1)
    real = TradeExecution.objects.get()
    order_with_fills(
        factories.StrategyAccountFactory.create(),
        1,
        source="INFERRED",
        exchange_trade_id="inferred",
    )
    guess = TradeExecution.objects.get(source="INFERRED")

    answer = post(staff, "tradeexecution", "void", [real, guess], reason=WHY)

    assert any("but not voided" in message for message in told(answer))
    guess.refresh_from_db()
    real.refresh_from_db()
    assert (guess.disclaimed, real.disclaimed) == (True, False)


def test_an_anomaly_is_closed(staff: Client) -> None:
    anomaly = factories.AnomalyFactory.create()

    page = post(staff, "anomaly", "close", [anomaly])
    post(staff, "anomaly", "close", [anomaly], reason="seen")

    assert anomaly.key in page.content.decode()
    assert Anomaly.objects.get().closed_reason == "seen"


def test_who_may_not_repair_is_offered_nothing(client: Client, use: StrategyAccount) -> None:
    viewer = factories.UserFactory.create(is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(viewer)
    order = order_with_fills(use, 1)

    answer = post(client, "openorder", "adopt", [order], strategy_account=use.pk, reason=WHY)

    assert "Adopt into a strategy" not in answer.content.decode()
    assert OpenOrder.objects.get().strategy_account is None


def test_a_repair_can_be_looked_at_and_not_changed(staff: Client, use: StrategyAccount) -> None:
    post(
        staff, "openorder", "adopt", [order_with_fills(use, 1)], strategy_account=use.pk, reason=WHY
    )
    repair = Repair.objects.get()
    path = reverse("admin:tracking_repair_change", args=[repair.pk])

    page = staff.get(path)

    assert WHY in page.content.decode()
    assert "strategy_account" in page.content.decode()
    assert staff.post(path, {"reason": "other"}).status_code == 403


def test_a_plan_is_shown_from_the_accounts_page(staff: Client, settings: Settings) -> None:
    settings.SIMULATOR_URL = ""
    account = factories.ExchangeAccountFactory.create()

    answer = post(staff, "exchangeaccount", "rehearse_sync", [account])

    assert told(answer)[0].startswith(f"account {account.pk}: A simulated account needs")
