"""The admin shows every model, edits no fact, and never shows a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from tests import factories
from tracking.admin.base import FactAdmin
from tracking.models import (
    AccountDrain,
    AccountState,
    BooksCheck,
    EventCounter,
    ExchangeAccount,
    FailedOrder,
    Halt,
    MarketTerms,
    Notice,
    NoticeChannel,
    OrderEvent,
    OrderRequest,
    Posting,
    Repair,
    SymbolSubscription,
    Webhook,
    WebhookDelivery,
)

if TYPE_CHECKING:
    from django.db.models import Model
    from django.test import Client
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

MODELS = sorted(apps.get_app_config("tracking").get_models(), key=lambda model: model.__name__)
KEY, SECRET = "key-that-must-not-be-seen", "secret-that-must-not-be-seen"


@pytest.fixture
def staff(client: Client) -> Client:
    """Browse as a superuser."""
    client.force_login(factories.StaffFactory.create())
    return client


def one_row_of_everything(name: str) -> None:
    """Make an account with a row in every table."""
    use = factories.StrategyAccountFactory.create(
        account__api_key=KEY, account__api_secret=SECRET, account__name=name
    )
    account, now = use.account, timezone.now()
    factories.OpenOrderFactory.create(account=account, strategy_account=use)
    factories.ClosedOrderFactory.create(account=account, strategy_account=use)
    trade = factories.TradeFactory.create(account=account, strategy_account=use)
    factories.TradeExecutionFactory.create(trade=trade)
    factories.StrategyPositionFactory.create(account=account, strategy_account=use)
    factories.OrderTrackingSessionFactory.create(account=account)
    factories.AnomalyFactory.create(account=account)
    factories.StreamEventFactory.create(account=account)
    factories.OrderEvidenceFactory.create(account=account)
    factories.StreamQualityFactory.create(account=account)
    factories.journal(account, factories.numbered_events(1))
    market = {"account": account, "market_type": "FUTURES", "symbol": "BTC/USDT:USDT"}
    request = OrderRequest.objects.create(
        **market,
        user=account.user,
        idempotency_key=name,
        action="PLACE",
        body={},
        # seen on the page of those that need a person as well
        outcome="NEEDS_REVIEW",
        created_at=now,
    )
    FailedOrder.objects.create(request=request, account=account, reason="funds", created_at=now)
    Posting.objects.create(**market, key=name, kind="OPENING", posted_at=now, created_at=now)
    SymbolSubscription.objects.create(**market)
    Repair.objects.create(
        account=account,
        actor="ops",
        action="CLOSE_ANOMALY",
        subject=name,
        reason="seen",
        before={"closed_at": None},
        after={"closed_at": "now"},
        created_at=now,
    )
    AccountDrain.objects.create(account=account)
    Halt.objects.create(account=account, reason="it runs away", set_by="ops", set_at=now)
    webhook = Webhook.objects.create(strategy=use.strategy, name=name, kind="HMAC", secret=SECRET)
    WebhookDelivery.objects.create(webhook=webhook, key=name, body_sha256="", received_at=now)
    channel = NoticeChannel.objects.create(user=account.user, name=name, url=SECRET)
    Notice.objects.create(channel=channel, kind="FILL", key=name, created_at=now)
    BooksCheck.objects.create(account=account, started_at=now)
    MarketTerms.objects.create(
        exchange="BINANCE", market_type="FUTURES", symbol=name, base="BTC", quote="USDT"
    )


def path_to(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:tracking_{model._meta.model_name}_{page}", args=args)


def test_every_model_has_its_page() -> None:
    assert [model for model in MODELS if not admin.site.is_registered(model)] == []


@pytest.mark.parametrize("model", MODELS)
def test_a_list_takes_as_many_queries_for_two_rows_as_for_one(
    staff: Client, django_assert_max_num_queries: Any, model: type[Model]
) -> None:
    one_row_of_everything("first")
    with django_assert_max_num_queries(100) as for_one:
        staff.get(path_to(model, "changelist"))
    one_row_of_everything("second")

    with django_assert_max_num_queries(len(for_one)):
        answer = staff.get(path_to(model, "changelist"), {"q": ""})

    assert answer.status_code == 200
    assert answer.context["cl"].result_count == 2


@pytest.mark.parametrize("model", MODELS)
def test_no_page_shows_a_secret(staff: Client, model: type[Model]) -> None:
    one_row_of_everything("first")
    row = model._default_manager.get()

    pages = [
        staff.get(path_to(model, "changelist")),
        staff.get(path_to(model, "change", row.pk)),
        staff.get(path_to(model, "history", row.pk)),
    ]

    assert [page.status_code for page in pages] == [200, 200, 200]
    for page in pages:
        assert KEY not in page.content.decode()
        assert SECRET not in page.content.decode()


@pytest.mark.parametrize("model", MODELS)
def test_every_list_can_be_searched(staff: Client, model: type[Model]) -> None:
    one_row_of_everything("first")

    assert staff.get(path_to(model, "changelist"), {"q": "8000000001"}).status_code == 200


@pytest.mark.parametrize(
    "model", [model for model in MODELS if isinstance(admin.site.get_model_admin(model), FactAdmin)]
)
def test_facts_cannot_be_written(staff: Client, model: type[Model]) -> None:
    one_row_of_everything("first")
    row = model._default_manager.get()

    assert staff.get(path_to(model, "add")).status_code == 403
    assert staff.post(path_to(model, "change", row.pk), {}).status_code == 403
    assert staff.post(path_to(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_only_accounts_and_strategies_can_be_written() -> None:
    written = {
        model.__name__
        for model in MODELS
        if not isinstance(admin.site.get_model_admin(model), FactAdmin)
    }

    assert written == {
        "ExchangeAccount",
        "Halt",
        "NoticeChannel",
        "Strategy",
        "StrategyAccount",
        "Webhook",
    }


def test_sessions_come_first(staff: Client) -> None:
    apps_shown = staff.get(reverse("admin:index")).context["app_list"]

    assert apps_shown[0]["app_label"] == "tracking"
    assert apps_shown[0]["models"][0]["object_name"] == "OrderTrackingSession"


def account_form(**changes: str) -> dict[str, str]:
    return {
        "user": str(factories.UserFactory.create().pk),
        "name": "Main",
        "exchange": "BINANCE",
        "market_type": "FUTURES",
        "position_mode": "ONE_WAY",
        "state": "ACTIVE",
    } | changes


def test_an_account_is_made_with_both_keys(staff: Client) -> None:
    keys = {"new_api_key": KEY, "new_api_secret": SECRET}

    staff.post(path_to(ExchangeAccount, "add"), account_form(**keys))

    account = ExchangeAccount.objects.get(name="Main")
    assert (account.api_key, account.api_secret) == (KEY, SECRET)


@pytest.mark.parametrize("keys", [{}, {"new_api_key": KEY}, {"new_api_secret": SECRET}])
def test_an_account_with_half_its_keys_is_not_made(staff: Client, keys: dict[str, str]) -> None:
    answer = staff.post(path_to(ExchangeAccount, "add"), account_form(**keys))

    assert not ExchangeAccount.objects.exists()
    assert b"expected both the key and the secret" in answer.content
    assert KEY not in answer.content.decode()
    assert SECRET not in answer.content.decode()


def test_an_edit_writes_nothing_that_was_not_edited(staff: Client) -> None:
    account = factories.ExchangeAccountFactory.create(api_key=KEY, api_secret=SECRET)
    form = account_form(user=str(account.user_id), name=account.name, simulated="on")
    page = path_to(ExchangeAccount, "change", account.pk)
    staff.get(page)
    ExchangeAccount.objects.update(lease_owner="host:7", lease_epoch=7)

    staff.post(page, form | {"state": AccountState.DISABLED.value})

    account = ExchangeAccount.objects.get()
    assert account.state == AccountState.DISABLED
    assert (account.lease_owner, account.lease_epoch) == ("host:7", 7)
    assert (account.api_key, account.api_secret) == (KEY, SECRET)


def test_new_keys_replace_the_old_ones(staff: Client) -> None:
    account = factories.ExchangeAccountFactory.create()
    form = account_form(user=str(account.user_id), name=account.name, simulated="on")

    staff.post(
        path_to(ExchangeAccount, "change", account.pk),
        form | {"new_api_key": "other", "new_api_secret": "another"},
    )

    account.refresh_from_db()
    assert (account.api_key, account.api_secret) == ("other", "another")


@pytest.mark.parametrize(
    ("page", "action"),
    [("ordertrackingsession", "sync_this_account_now"), ("exchangeaccount", "sync_now")],
)
def test_an_account_can_be_synced_from_its_page_and_from_its_sessions(
    staff: Client, settings: Settings, page: str, action: str
) -> None:
    settings.SIMULATOR_URL = ""
    session = factories.OrderTrackingSessionFactory.create()
    row = session.pk if page == "ordertrackingsession" else session.account_id

    answer = staff.post(
        reverse(f"admin:tracking_{page}_changelist"),
        {"action": action, "_selected_action": [str(row)]},
        follow=True,
    )

    (told,) = answer.context["messages"]
    assert str(told).startswith(f"account {session.account_id}: A simulated account needs")


def test_an_account_that_is_not_tracked_says_so(staff: Client) -> None:
    account = factories.ExchangeAccountFactory.create(state=AccountState.DISABLED.value)

    answer = staff.post(
        path_to(ExchangeAccount, "changelist"),
        {"action": "sync_now", "_selected_action": [str(account.pk)]},
        follow=True,
    )

    assert [str(told) for told in answer.context["messages"]] == [
        f"account {account.pk}: not tracked, so not synced"
    ]


def test_the_journal_and_its_counter_are_there(staff: Client) -> None:
    one_row_of_everything("first")

    assert (OrderEvent.objects.count(), EventCounter.objects.count()) == (1, 1)
