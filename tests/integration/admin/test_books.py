"""The proof as staff see it: a colour for each check, each violation readable, a check at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from tests.factories import (
    ExchangeAccountFactory,
    StaffFactory,
    StrategyPositionFactory,
    UserFactory,
)
from tracking.models import BooksCheck, ExchangeAccount
from tracking.services.books import recorded_check

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "admin:tracking_bookscheck_changelist"


class Workers:
    """Whoever takes tasks, without a broker."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def delay(self, *, account_id: int) -> None:
        self.asked.append(account_id)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The accounts whose check was handed to the workers."""
    workers = Workers()
    monkeypatch.setattr("tracking.admin.base.check_books", workers)
    return workers.asked


def page(client: Client, name: str, *args: int) -> str:
    return client.get(reverse(name, args=args)).content.decode()


def test_a_clean_check_is_green_and_a_violated_one_red(client: Client) -> None:
    client.force_login(StaffFactory.create())
    clean, violated = ExchangeAccountFactory.create_batch(2)
    StrategyPositionFactory.create(account=violated)
    recorded_check(clean.pk)
    row = recorded_check(violated.pk).row

    listed = page(client, LIST)
    shown = page(client, "admin:tracking_bookscheck_change", row.pk)

    assert '<strong style="color: #2e7d32">clean</strong>' in listed
    assert '<strong style="color: #c62828">violated</strong>' in listed
    assert "FUTURES:BTC/USDT:USDT:NET (residual): holds 0.5" in shown
    assert '<strong style="color: #2e7d32">OL-1</strong>' in shown


@pytest.mark.parametrize("where", ["checks", "accounts"])
def test_books_are_checked_on_request(client: Client, asked: list[int], where: str) -> None:
    client.force_login(StaffFactory.create())
    account = ExchangeAccountFactory.create()
    row = recorded_check(account.pk).row
    url, action, pk = {
        "checks": (reverse(LIST), "check_again", row.pk),
        "accounts": (
            reverse("admin:tracking_exchangeaccount_changelist"),
            "check_books",
            account.pk,
        ),
    }[where]

    client.post(url, {"action": action, "_selected_action": [pk]})

    assert asked == [account.pk]


def test_who_may_only_look_cannot_have_books_checked(client: Client, asked: list[int]) -> None:
    reader = UserFactory.create(is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_bookscheck"))
    client.force_login(reader)
    row = recorded_check(ExchangeAccountFactory.create().pk).row

    client.post(reverse(LIST), {"action": "check_again", "_selected_action": [row.pk]})

    assert asked == []


def test_a_check_can_be_found_by_what_is_wrong(client: Client) -> None:
    client.force_login(StaffFactory.create())
    account: ExchangeAccount = ExchangeAccountFactory.create()
    StrategyPositionFactory.create(account=account, symbol="ETH/USDT:USDT")
    recorded_check(account.pk)
    recorded_check(ExchangeAccountFactory.create().pk)

    answer = client.get(reverse(LIST), {"q": "ETH/USDT:USDT:NET"})

    assert [row.account_id for row in answer.context["cl"].result_list] == [account.pk]
    assert BooksCheck.objects.count() == 2
