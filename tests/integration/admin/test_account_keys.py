"""A new key is checked before its account is active, and nobody gets past that by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from exchanges.errors import TransientError
from exchanges.questions import KeyPermissions
from tests import factories
from tracking.models import ExchangeAccount
from tracking.services import clients

if TYPE_CHECKING:
    from django.test import Client
    from django.test.client import _MonkeyPatchedWSGIResponse as Page

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = KeyPermissions(can_trade=True, can_withdraw=False, can_transfer=False, is_ip_bound=True)
LIST = "admin:tracking_exchangeaccount_changelist"
ADD = "admin:tracking_exchangeaccount_add"


class Told:
    """What the exchange says of any key."""

    def __init__(self) -> None:
        self.answer: KeyPermissions | TransientError = GOOD
        self.asked = 0

    def fetch_key_permissions(self, **_options: object) -> KeyPermissions:
        self.asked += 1
        if isinstance(self.answer, TransientError):
            raise self.answer
        return self.answer


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    monkeypatch.setattr(clients, "rest_client", lambda _account: told)
    return told


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(factories.StaffFactory.create())
    return client


def form(account: ExchangeAccount | None = None, /, **changes: str) -> dict[str, str]:
    user_id = account.user_id if account else factories.UserFactory.create().pk
    return {
        "user": str(user_id),
        "name": account.name if account else "Main",
        "exchange": "BINANCE",
        "market_type": "FUTURES",
        "simulated": "on",
        "position_mode": "ONE_WAY",
        "state": "ACTIVE",
    } | changes


def change(staff: Client, account: ExchangeAccount, **changes: str) -> Page:
    page = reverse("admin:tracking_exchangeaccount_change", args=[account.pk])
    return staff.post(page, form(account, **changes), follow=True)


def messages(page: Page) -> list[str]:
    return [str(message) for message in page.context["messages"]]


KEYS = {"new_api_key": "a-key", "new_api_secret": "a-secret"}


def test_an_account_that_was_added_is_active_once_its_key_was_checked(
    staff: Client, told: Told
) -> None:
    page = staff.post(reverse(ADD), form(**KEYS), follow=True)

    account = ExchangeAccount.objects.get()
    assert (account.state, told.asked) == ("ACTIVE", 1)
    assert f"account {account.pk}: the key is accepted" in messages(page)


def test_a_key_that_can_withdraw_is_refused_with_the_reason(staff: Client, told: Told) -> None:
    told.answer = KeyPermissions(can_trade=True, can_withdraw=True)

    page = staff.post(reverse(ADD), form(**KEYS), follow=True)

    account = ExchangeAccount.objects.get()
    assert account.state == "DISABLED"
    assert any("refused: the key can withdraw" in text for text in messages(page))


def test_nobody_sets_an_account_active_past_its_check(staff: Client, told: Told) -> None:
    told.answer = KeyPermissions(can_withdraw=True)
    staff.post(reverse(ADD), form(**KEYS))
    account = ExchangeAccount.objects.get()

    page = change(staff, account, state="ACTIVE")

    assert "its key was refused" in page.content.decode()
    account.refresh_from_db()
    assert (account.state, told.asked) == ("DISABLED", 1)


def test_an_exchange_that_cannot_be_asked_leaves_it_disabled_until_it_can(
    staff: Client, told: Told
) -> None:
    told.answer = TransientError("no answer")
    staff.post(reverse(ADD), form(**KEYS))
    account = ExchangeAccount.objects.get()
    assert (account.state, account.state_reason) == (
        "DISABLED",
        "the key could not be checked: no answer",
    )
    told.answer = GOOD

    page = staff.post(
        reverse(LIST),
        {"action": "check_keys", "_selected_action": [str(account.pk)]},
        follow=True,
    )

    account.refresh_from_db()
    assert account.state == "ACTIVE"
    assert messages(page)[-1] == f"account {account.pk}: the key is accepted"


@pytest.mark.parametrize("state", ["ACTIVE", "DISABLED"])
def test_a_changed_key_is_checked_again(staff: Client, told: Told, state: str) -> None:
    """As the form of a refused account shows it, or as one that is tracked."""
    told.answer = KeyPermissions(can_withdraw=True)
    staff.post(reverse(ADD), form(**KEYS))
    account = ExchangeAccount.objects.get()
    told.answer = GOOD

    change(staff, account, state=state, new_api_key="another", new_api_secret="its secret")

    account.refresh_from_db()
    assert (account.state, account.api_key, told.asked) == ("ACTIVE", "another", 2)


@pytest.mark.parametrize(
    ("changes", "asked"),
    [({"name": "other"}, 0), ({"state": "DISABLED"}, 0), ({"simulated": ""}, 1)],
)
def test_only_what_makes_it_another_key_is_checked(
    staff: Client, told: Told, changes: dict[str, str], asked: int
) -> None:
    account = factories.ExchangeAccountFactory.create()

    change(staff, account, **changes)

    assert told.asked == asked


def test_what_a_key_may_do_is_shown_in_words(staff: Client, told: Told) -> None:
    told.answer = KeyPermissions(can_trade=False, can_withdraw=False, owner_id="77")
    staff.post(reverse(ADD), form(**KEYS))
    account = ExchangeAccount.objects.get()

    text = staff.get(
        reverse("admin:tracking_exchangeaccount_change", args=[account.pk])
    ).content.decode()

    for line in ("may trade: no", "may transfer: the exchange does not tell", "user: 77"):
        assert line in text
    assert "the account is tracked, and nothing is sent" in text
