"""A webhook that is for some accounts never comes to be for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from tests.factories import StaffFactory
from tests.integration.api.webhook_caller import a_use, another_use, trading_view
from tracking.models import ExchangeAccount, StrategyAccount, Webhook
from tracking.services import webhook_issue

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(StaffFactory.create())
    return client


@pytest.fixture
def named() -> StrategyAccount:
    """Give a use that is the only one a live token is for."""
    use = a_use()
    another_use(use.strategy, name="second")
    trading_view(use.strategy)
    Webhook.objects.get().uses.add(use)
    return use


def delete(staff: Client, row: StrategyAccount | ExchangeAccount) -> None:
    page = reverse(f"admin:tracking_{row._meta.model_name}_delete", args=[row.pk])
    staff.post(page, {"post": "yes"})


def test_what_a_live_webhook_is_narrowed_to_is_not_deleted(
    staff: Client, named: StrategyAccount
) -> None:
    delete(staff, named)
    delete(staff, named.account)
    chosen = {"action": "delete_selected", "_selected_action": [str(named.pk)], "post": "yes"}
    staff.post(reverse("admin:tracking_strategyaccount_changelist"), chosen)

    assert list(Webhook.objects.get().uses.all()) == [named]


def test_it_may_be_deleted_once_the_webhook_is_revoked(
    staff: Client, named: StrategyAccount
) -> None:
    webhook_issue.revoke([Webhook.objects.get().pk])

    delete(staff, named)

    assert not StrategyAccount.objects.filter(pk=named.pk).exists()
