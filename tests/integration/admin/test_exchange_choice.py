"""Which exchanges the form of an account offers, and what it refuses of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from exchanges import registry
from tests import factories
from tracking.models import ExchangeAccount

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

ADD = "admin:tracking_exchangeaccount_add"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(factories.UserFactory.create(is_staff=True, is_superuser=True))
    return client


def form(**changes: str) -> dict[str, str]:
    return {
        "user": str(factories.UserFactory.create().pk),
        "name": "Main",
        "exchange": "OKX",
        "market_type": "SPOT",
        "position_mode": "ONE_WAY",
        "state": "ACTIVE",
        "new_api_key": "key",
        "new_api_secret": "secret",
        "new_api_password": "passphrase",
    } | changes


def test_all_exchanges_are_offered_ours_first(staff: Client) -> None:
    page = staff.get(reverse(ADD))
    (_, ours), (_, others) = page.context["adminform"].form.fields["exchange"].choices

    assert tuple(name for name, _ in ours) == registry.names()
    assert tuple(name for name, _ in others) == registry.generic_names()
    assert {"OKX", "KRAKEN"} <= {name for name, _ in others}


def test_an_account_of_an_exchange_ccxt_speaks_for_is_made(staff: Client) -> None:
    staff.post(reverse(ADD), form())

    account = ExchangeAccount.objects.get(name="Main")
    assert (account.exchange, account.api_password) == ("OKX", "passphrase")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"exchange": "KRAKEN", "market_type": "FUTURES"}, "this exchange has no such markets"),
        ({"simulated": "on"}, "the simulator does not speak for this exchange"),
        ({"position_mode": "HEDGE"}, "on spot there are no sides to keep apart"),
        ({"exchange": "NOWHERE"}, "NOWHERE is not one of the available choices"),
    ],
)
def test_what_an_exchange_does_not_have_is_refused(
    staff: Client, changes: dict[str, str], text: str
) -> None:
    answer = staff.post(reverse(ADD), form(**changes))

    assert text in answer.content.decode()
    assert not ExchangeAccount.objects.exists()


def test_open_books_stay_with_their_market(staff: Client) -> None:
    account: ExchangeAccount = factories.ExchangeAccountFactory.create(baseline_at=timezone.now())
    page = reverse("admin:tracking_exchangeaccount_change", args=[account.pk])
    kept = form(
        user=str(account.user_id),
        exchange="BINANCE",
        market_type="FUTURES",
        simulated="on",
        new_api_password="",
    )

    answer = staff.post(page, kept | {"market_type": "SPOT"})

    assert "the books are open" in answer.content.decode()
    account.refresh_from_db()
    assert account.market_type == "FUTURES"
    assert staff.post(page, kept).status_code == HTTPStatus.FOUND


def test_a_passphrase_is_replaced_alone(staff: Client) -> None:
    account: ExchangeAccount = factories.ExchangeAccountFactory.create(
        exchange="OKX", market_type="SPOT", api_password="before"
    )
    page = reverse("admin:tracking_exchangeaccount_change", args=[account.pk])
    changed = form(user=str(account.user_id), new_api_key="", new_api_secret="")
    key = account.api_key

    answer = staff.post(page, changed | {"new_api_password": "after"})

    assert answer.status_code == HTTPStatus.FOUND
    account.refresh_from_db()
    assert (account.api_password, account.api_key) == ("after", key)
