"""Channels belong to their user, and their address never comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from tests import factories
from tracking.api import notices as api
from tracking.models import Notice, NoticeChannel

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

CHANNELS, NOTICES = "/api/v1/notice-channels/", "/api/v1/notices/"
TOKEN = "token-that-must-not-be-seen"
URL = f"ntfys://ntfy.example/{TOKEN}"


@pytest.fixture
def user() -> User:
    cache.clear()
    made: User = factories.UserFactory.create()
    return made


@pytest.fixture
def client(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def channel_of(user: User, **columns: Any) -> NoticeChannel:
    return NoticeChannel.objects.create(**{"user": user, "name": "phone", "url": URL} | columns)


def test_a_channel_is_made_and_its_address_kept_back(client: APIClient, user: User) -> None:
    account = factories.ExchangeAccountFactory.create(user=user)
    factories.journal(account, factories.numbered_events(3))

    answer = client.post(CHANNELS, {"name": "phone", "url": URL, "on_fill": False}, format="json")

    assert answer.status_code == 201
    channel = NoticeChannel.objects.get()
    assert (channel.user, channel.url, channel.last_seq) == (user, URL, 3)
    assert (channel.on_fill, channel.on_failure, channel.max_per_minute) == (False, True, 20)
    pages = [answer, client.get(CHANNELS), client.get(f"{CHANNELS}{channel.pk}/")]
    assert not any(TOKEN in page.content.decode() for page in pages)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"syslog://{TOKEN}", "expected an address that begins with one of"),
        (f"file:///{TOKEN}", "expected an address that begins with one of"),
        (f"json://127.0.0.1/{TOKEN}", "private network"),
        (f"json://user:{TOKEN}@[::1]:8080/", "private network"),
        (f"mailto://{TOKEN}@localhost", "private network"),
        (f"tgram://{TOKEN}", "not understood"),
        (f"discord://1234567890/{TOKEN}?template=/etc/passwd", "not allowed"),
    ],
)
def test_an_address_that_must_not_be_followed_is_refused(
    client: APIClient, url: str, told: str
) -> None:
    answer = client.post(CHANNELS, {"name": "phone", "url": url}, format="json")

    assert answer.status_code == 400
    assert told in answer.json()["errors"]["url"][0]
    assert TOKEN not in answer.content.decode()


@pytest.mark.parametrize(
    "body", [{}, {"name": "new", "url": URL, "max_per_minute": 0}, {"name": "phone", "url": URL}]
)
def test_a_channel_without_sense_is_refused(
    client: APIClient, user: User, body: dict[str, object]
) -> None:
    channel_of(user)

    assert client.post(CHANNELS, body, format="json").status_code == 400


def test_no_user_has_any_number_of_channels(
    client: APIClient, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MOST", 1)
    channel_of(user)

    answer = client.post(CHANNELS, {"name": "mail", "url": URL}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_channels")


def test_an_edit_leaves_the_place_in_the_journal(client: APIClient, user: User) -> None:
    channel = channel_of(user, last_seq=7)

    answer = client.patch(f"{CHANNELS}{channel.pk}/", {"on_drift": False}, format="json")

    assert answer.status_code == 200
    channel.refresh_from_db()
    assert (channel.on_drift, channel.last_seq, channel.url) == (False, 7, URL)


def test_channels_of_others_are_not_there(client: APIClient) -> None:
    channel = channel_of(factories.UserFactory.create())
    path = f"{CHANNELS}{channel.pk}/"

    answers = [client.get(path), client.patch(path, {}), client.delete(path)]
    answers.append(client.post(f"{path}test/"))

    assert {answer.status_code for answer in answers} == {404}
    assert client.get(CHANNELS).json()["results"] == client.get(NOTICES).json()["results"] == []


def test_a_test_is_asked_for_once_and_seen(client: APIClient, user: User) -> None:
    channel = channel_of(user)

    first, second = (client.post(f"{CHANNELS}{channel.pk}/test/") for _ in range(2))

    assert (first.status_code, first.json()) == (202, second.json())
    notice = Notice.objects.get()
    seen = client.get(f"{NOTICES}{notice.pk}/").json()
    assert (seen["kind"], seen["sent_at"], seen["channel"]) == ("TEST", None, channel.pk)


def test_a_channel_that_is_off_is_not_tried(client: APIClient, user: User) -> None:
    channel = channel_of(user, is_active=False)

    answer = client.post(f"{CHANNELS}{channel.pk}/test/")

    assert (answer.status_code, answer.json()["code"]) == (409, "channel_is_off")


def test_writes_are_throttled_and_reads_are_not(
    client: APIClient, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.WriteThrottle, "rate", "2/min")
    channel = channel_of(user)

    codes = [client.post(f"{CHANNELS}{channel.pk}/test/").status_code for _ in range(3)]

    assert codes == [202, 202, 429]
    assert client.get(CHANNELS).status_code == 200


def test_which_services_may_be_used_is_a_setting(client: APIClient, settings: Settings) -> None:
    settings.NOTICE_SCHEMES = ["json", "syslog"]

    refused = [
        client.post(CHANNELS, {"name": "a", "url": url}, format="json").json()["errors"]["url"][0]
        for url in (URL, "syslog://")
    ]

    assert refused == ["expected an address that begins with one of json://"] * 2
