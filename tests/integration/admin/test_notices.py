"""Channels are edited and tried out in the admin, and their address is never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from tests import factories
from tracking.models import Notice, NoticeChannel

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

TOKEN = "token-that-must-not-be-seen"
URL = f"ntfys://ntfy.example/{TOKEN}"
ADD = "admin:tracking_noticechannel_add"
LIST = "admin:tracking_noticechannel_changelist"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(factories.StaffFactory.create())
    return client


def form(user_id: int, **changes: str) -> dict[str, str]:
    return {
        "user": str(user_id),
        "name": "phone",
        "new_url": URL,
        "is_active": "on",
        "on_fill": "on",
        "max_per_minute": "20",
    } | changes


def channel(**columns: Any) -> NoticeChannel:
    account = factories.ExchangeAccountFactory.create()
    columns = {"user": account.user, "name": "phone", "url": URL} | columns
    return NoticeChannel.objects.create(**columns)


def test_a_channel_that_is_added_begins_at_the_present(staff: Client) -> None:
    account = factories.ExchangeAccountFactory.create()
    factories.journal(account, factories.numbered_events(3))

    staff.post(reverse(ADD), form(account.user_id))

    made = NoticeChannel.objects.get()
    assert (made.url, made.last_seq, made.on_fill, made.on_drift) == (URL, 3, True, False)


@pytest.mark.parametrize(
    ("url", "told"),
    [("", "expected an address"), (f"syslog://{TOKEN}", "expected an address")],
)
def test_an_address_that_must_not_be_followed_is_refused(
    staff: Client, url: str, told: str
) -> None:
    page = staff.post(reverse(ADD), form(factories.UserFactory.create().pk, new_url=url))

    assert not NoticeChannel.objects.exists()
    assert told in page.content.decode()
    assert TOKEN not in page.content.decode()


def test_an_edit_keeps_the_address_and_the_place_in_the_journal(staff: Client) -> None:
    made = channel(last_seq=7)
    page = reverse("admin:tracking_noticechannel_change", args=[made.pk])
    assert TOKEN not in staff.get(page).content.decode()

    staff.post(page, form(made.user_id, name="mail", new_url=""))

    made.refresh_from_db()
    assert (made.name, made.url, made.last_seq) == ("mail", URL, 7)


@pytest.mark.parametrize(("is_active", "told"), [(True, "on its way"), (False, "switched off")])
def test_a_test_is_asked_for(staff: Client, told: str, *, is_active: bool) -> None:
    made = channel(is_active=is_active)

    page = staff.post(
        reverse(LIST), {"action": "send_test", "_selected_action": [str(made.pk)]}, follow=True
    )

    assert [told in str(message) for message in page.context["messages"]] == [True]
    assert Notice.objects.filter(kind="TEST").count() == is_active
