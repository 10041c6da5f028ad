"""A webhook's secret is made here, shown once, and gone from every other page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from tests import factories
from tests.integration.api.webhook_caller import Signer, TradingView, a_use, body
from tracking.models import Webhook
from tracking.services.webhook_calls import WebhookRefused
from tracking.services.webhook_proofs import LIVE_SECRETS

if TYPE_CHECKING:
    from django.test import Client

    from tracking.models import StrategyAccount

# what is made on a page is then called, in transactions of its own
pytestmark = pytest.mark.django_db(transaction=True)

ADD = "admin:tracking_webhook_add"
LIST = "admin:tracking_webhook_changelist"


@pytest.fixture
def staff(client: Client) -> Client:
    """Browse as a superuser."""
    client.force_login(factories.StaffFactory.create())
    return client


@pytest.fixture
def use() -> StrategyAccount:
    """Give a strategy's use of an account."""
    return a_use()


def form(use: StrategyAccount, **changes: Any) -> dict[str, Any]:
    return {
        "strategy": str(use.strategy_id),
        "name": "TradingView",
        "kind": "TOKEN",
        "max_orders_per_minute": "60",
    } | changes


def shown(answer: Any) -> str:
    """Give the secret the page shows."""
    (secret,) = re.findall(r"<code>([\w-]{32,})</code>", answer.content.decode())
    return str(secret)


def test_a_new_token_is_shown_once_and_orders(staff: Client, use: StrategyAccount) -> None:
    answer = staff.post(reverse(ADD), form(use))

    token = shown(answer)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert TradingView(use.strategy.slug, token).send(body()).request_ids
    pk = Webhook.objects.get().pk
    for page in (reverse(LIST), reverse("admin:tracking_webhook_change", args=[pk])):
        assert token not in staff.get(page).content.decode()


def test_a_new_secret_is_shown_once_and_signs(staff: Client, use: StrategyAccount) -> None:
    answer = staff.post(reverse(ADD), form(use, kind="HMAC", max_orders_per_minute=""))

    assert Signer(use.strategy.slug, shown(answer)).send(body()).request_ids


def test_the_template_is_kept_as_lists(staff: Client, use: StrategyAccount) -> None:
    staff.post(
        reverse(ADD),
        form(
            use,
            uses=[str(use.pk)],
            allowed_symbols="btc/usdt:usdt\nETH/USDT:USDT",
            allowed_sides=["BUY"],
            allowed_ips="52.89.214.238, 10.0.0.0/8",
            max_order_notional="1000",
        ),
    )

    webhook = Webhook.objects.get()
    assert webhook.allowed_symbols == ["BTC/USDT:USDT", "ETH/USDT:USDT"]
    assert webhook.allowed_sides == ["BUY"]
    assert webhook.allowed_ips == ["52.89.214.238", "10.0.0.0/8"]
    assert list(webhook.uses.all()) == [use]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"allowed_symbols": "BTCUSDT"}, "unified symbol"),
        ({"allowed_ips": "localhost"}, "an address or a network"),
        ({"max_orders_per_minute": ""}, "a token needs one"),
        ({"max_order_notional": "-1"}, "above 0"),
        ({"allowed_sides": ["UP"]}, "Select a valid choice"),
    ],
)
def test_a_template_that_makes_no_sense_is_refused(
    staff: Client, use: StrategyAccount, changes: dict[str, Any], told: str
) -> None:
    answer = staff.post(reverse(ADD), form(use, **changes))

    assert told in answer.content.decode()
    assert not Webhook.objects.exists()


def test_accounts_of_another_strategy_are_refused(staff: Client, use: StrategyAccount) -> None:
    answer = staff.post(reverse(ADD), form(use, uses=[str(a_use().pk)]))

    assert "accounts that this strategy uses" in answer.content.decode()
    assert not Webhook.objects.exists()


def test_no_more_secrets_are_made_than_are_tried(staff: Client, use: StrategyAccount) -> None:
    for number in range(LIVE_SECRETS + 1):
        answer = staff.post(reverse(ADD), form(use, kind="HMAC", name=str(number)))

    assert Webhook.objects.count() == LIVE_SECRETS
    assert "revoke one first" in answer.content.decode()


def test_a_webhook_is_rotated_and_the_old_one_revoked(staff: Client, use: StrategyAccount) -> None:
    old = TradingView(use.strategy.slug, shown(staff.post(reverse(ADD), form(use))))
    first = str(Webhook.objects.get().pk)

    chosen = {"action": "make_another", "_selected_action": [first]}
    new = TradingView(use.strategy.slug, shown(staff.post(reverse(LIST), chosen)))
    assert old.send(body()).request_ids
    staff.post(reverse(LIST), {"action": "revoke", "_selected_action": [first]})

    assert new.send(body(qty="2")).request_ids
    with pytest.raises(WebhookRefused):
        old.send(body(qty="3"))


def test_an_edit_changes_what_it_authorises_and_nothing_else(
    staff: Client, use: StrategyAccount
) -> None:
    caller = TradingView(use.strategy.slug, shown(staff.post(reverse(ADD), form(use))))
    webhook = Webhook.objects.get()
    page = reverse("admin:tracking_webhook_change", args=[webhook.pk])

    answer = staff.post(
        page, {"name": "renamed", "max_orders_per_minute": "5", "allowed_sides": ["SELL"]}
    )

    assert answer.status_code == 302
    webhook.refresh_from_db()
    assert (webhook.name, webhook.max_orders_per_minute) == ("renamed", 5)
    with pytest.raises(WebhookRefused, match="may only SELL"):
        caller.send(body())


def test_a_webhook_cannot_be_deleted(staff: Client, use: StrategyAccount) -> None:
    staff.post(reverse(ADD), form(use))
    page = reverse("admin:tracking_webhook_delete", args=[Webhook.objects.get().pk])

    assert staff.post(page, {"post": "yes"}).status_code == 403
