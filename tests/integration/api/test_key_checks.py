"""Who may have a key checked, and what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from exchanges.errors import TransientError
from exchanges.questions import KeyPermissions
from tests import factories
from tracking.services import clients

if TYPE_CHECKING:
    from tracking.models import ExchangeAccount

pytestmark = pytest.mark.django_db


class Told:
    """What the exchange says of any key."""

    def __init__(self) -> None:
        self.answer: KeyPermissions | TransientError = KeyPermissions(
            can_trade=True, can_withdraw=False, can_transfer=False, is_ip_bound=True
        )

    def fetch_key_permissions(self, **_options: object) -> KeyPermissions:
        if isinstance(self.answer, TransientError):
            raise self.answer
        return self.answer


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    cache.clear()
    told = Told()
    monkeypatch.setattr(clients, "rest_client", lambda _account: told)
    return told


@pytest.fixture
def account() -> ExchangeAccount:
    made: ExchangeAccount = factories.ExchangeAccountFactory.create(
        state="DISABLED", permissions={"awaits": True}
    )
    return made


def client_of(user: object) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)  # type: ignore[arg-type]
    return client


def path(account: ExchangeAccount) -> str:
    return f"/api/v1/accounts/{account.pk}/check-key/"


def test_an_owner_has_the_key_checked(told: Told, account: ExchangeAccount) -> None:
    del told

    answer = client_of(account.user).post(path(account))

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "account": account.pk,
            "state": "ACTIVE",
            "refused": "",
            "warnings": [],
            "tracking_only": False,
        },
    )


def test_staff_have_anyones_key_checked(told: Told, account: ExchangeAccount) -> None:
    told.answer = KeyPermissions(can_withdraw=True)

    answer = client_of(factories.StaffFactory.create()).post(path(account))

    assert (answer.status_code, answer.json()["state"]) == (200, "DISABLED")
    assert "can withdraw" in answer.json()["refused"]


def test_others_do_not_learn_that_there_is_such_an_account(
    told: Told, account: ExchangeAccount
) -> None:
    del told
    answers = [
        client_of(factories.UserFactory.create()).post(path(account)),
        client_of(factories.UserFactory.create(is_staff=True)).post(path(account)),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert APIClient().post(path(account)).status_code == 401


def test_an_exchange_that_cannot_be_asked_is_a_problem(
    told: Told, account: ExchangeAccount
) -> None:
    told.answer = TransientError("no answer")

    answer = client_of(account.user).post(path(account))

    assert (answer.status_code, answer.json()["code"]) == (503, "exchange_unavailable")
    assert answer.json()["detail"] == "the key could not be checked: no answer"
