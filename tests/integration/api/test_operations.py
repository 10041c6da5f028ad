"""What staff may ask: a sync, and how the streams are doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from tests import factories
from tracking.models import AccountState, AnomalyKind

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries, Settings

pytestmark = pytest.mark.django_db

SYNC = "/admin/system/order-tracking/sync-orders"
METRICS = "/admin/api/metrics"


@pytest.fixture
def staff() -> APIClient:
    """Ask as staff, by token."""
    _, token = AuthToken.objects.create(factories.StaffFactory.create())
    return APIClient(headers={"Authorization": f"Token {token}"})


def test_a_session_needs_its_csrf_token() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(factories.StaffFactory.create())

    refused = browser.post(SYNC, {"account_id": 1}, content_type="application/json")

    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")


@pytest.mark.parametrize("path", [SYNC, METRICS])
def test_who_is_not_staff_is_refused(path: str) -> None:
    client = APIClient()
    client.force_authenticate(factories.UserFactory.create())

    answer = client.post(path) if path == SYNC else client.get(path)

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"account_id": 999_999}, 404, "unknown_account", id="unknown"),
        pytest.param({"account_id": "first"}, 400, "invalid", id="no number"),
        pytest.param({"account_id": 10**30}, 400, "invalid", id="too large a number"),
        pytest.param({}, 400, "invalid", id="nothing"),
    ],
)
def test_a_sync_of_no_account_is_a_problem(
    staff: APIClient, body: dict[str, object], status: int, code: str
) -> None:
    answer = staff.post(SYNC, body, format="json")

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("by_account", [True, False])
def test_staff_sync_only_their_own_account_without_the_permission(
    settings: Settings, *, by_account: bool, dry_run: bool
) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:1"
    clerk = factories.UserFactory.create(is_staff=True)
    own = factories.ExchangeAccountFactory.create(user=clerk)
    others = factories.ExchangeAccountFactory.create()

    def sync(user: User, pk: int) -> tuple[int, str]:
        client = APIClient()
        client.force_authenticate(user)
        path = f"/api/v1/accounts/{pk}/sync/" if by_account else SYNC
        answer = client.post(path, {"account_id": pk, "dry_run": dry_run}, format="json")
        return answer.status_code, answer.json()["code"]

    assert sync(clerk, others.pk) == sync(clerk, 999_999) == (403, "permission_denied")
    assert sync(clerk, own.pk) == (503, "exchange_unavailable")

    clerk.user_permissions.set(Permission.objects.filter(codename="change_exchangeaccount"))
    permitted = User.objects.get(pk=clerk.pk)
    assert sync(permitted, others.pk) == (503, "exchange_unavailable")
    assert sync(permitted, 999_999) == (404, "unknown_account")


def test_a_body_that_is_no_json_is_a_problem(staff: APIClient) -> None:
    answer = staff.post(SYNC, "{", content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


def test_an_account_that_is_not_tracked_is_not_synced(staff: APIClient) -> None:
    account = factories.ExchangeAccountFactory.create(state=AccountState.DISABLED.value)

    answer = staff.post(SYNC, {"account_id": account.pk}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (409, "account_not_active")


def test_an_exchange_that_cannot_be_reached_is_a_503(staff: APIClient, settings: Settings) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:1"
    account = factories.ExchangeAccountFactory.create()

    answer = staff.post(SYNC, {"account_id": account.pk}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (503, "exchange_unavailable")


def test_an_exchange_that_is_not_configured_is_a_502(staff: APIClient, settings: Settings) -> None:
    settings.SIMULATOR_URL = ""
    account = factories.ExchangeAccountFactory.create()

    answer = staff.post(SYNC, {"account_id": account.pk}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (502, "exchange_refused")


def test_metrics_tell_of_every_stream_and_what_waits(
    staff: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    session = factories.OrderTrackingSessionFactory.create(reconnect_count=3, frame_count=42)
    account = session.account
    factories.ExchangeAccountFactory.create()
    factories.StreamEventFactory.create_batch(2, account=account)
    factories.AnomalyFactory.create(account=account, kind=AnomalyKind.QUARANTINED.value)
    factories.OpenOrderFactory.create(account=account)
    factories.TradeExecutionFactory.create(trade__account=account, verified=False)

    with django_assert_num_queries(11):
        told = staff.get(METRICS).json()

    stats = {row["account"]: row for row in told["websocket_stats"]}[account.pk]
    (stream,) = stats["sessions"]
    assert (stats["pending_events"], stats["quarantined"]) == (2, 1)
    assert (stream["status"], stream["badge"]) == ("connected", "live")
    assert (stream["reconnects"], stream["frames"]) == (3, 42)
    assert (told["open_orders"], told["unverified_executions"]) == (1, 1)
    assert told["requests_needing_review"] == 0
    assert (told["inbox_pending"], told["anomalies_open"]) == (2, 1)
