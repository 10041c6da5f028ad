"""Streams that are down and keys that end are told by the clock, once each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests import factories
from tracking.models import ExchangeAccount, Notice, NoticeChannel, OrderTrackingSession
from tracking.services.notice_watch import watch

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> ExchangeAccount:
    made: ExchangeAccount = factories.ExchangeAccountFactory.create(name="main")
    NoticeChannel.objects.create(user=made.user, name="phone", url="tgram://x")
    return made


def told() -> list[str]:
    return list(Notice.objects.order_by("pk").values_list("title", flat=True))


def a_stream(account: ExchangeAccount, heard: datetime) -> OrderTrackingSession:
    made: OrderTrackingSession = factories.OrderTrackingSessionFactory.create(
        account=account, started_at=heard, connected_at=heard, last_ping=heard
    )
    return made


def test_an_outage_and_its_end_are_told_once_each(account: ExchangeAccount) -> None:
    now = timezone.now()
    stream = a_stream(account, now)
    ExchangeAccount.objects.update(created_at=now - timedelta(days=1))
    down, back = "Stream down: account main", "Stream is back: account main"

    def watch_twice(seconds: int) -> list[str]:
        for extra in range(2):
            watch(now + timedelta(seconds=seconds + extra))
        return told()

    assert watch_twice(50) == []
    assert watch_twice(61) == [down]
    ended = now + timedelta(seconds=70)
    OrderTrackingSession.objects.filter(pk=stream.pk).update(ended_at=ended, status="disconnected")
    assert watch_twice(100) == [down]

    new = a_stream(account, now + timedelta(seconds=110))
    assert watch_twice(115) == [down], "it has to hold for a while"
    assert watch_twice(121) == [down, back]
    OrderTrackingSession.objects.filter(pk=new.pk).update(last_ping=now + timedelta(seconds=120))
    assert watch_twice(185) == [down, back, down]


def test_an_account_that_was_just_added_has_its_time(account: ExchangeAccount) -> None:
    assert watch(account.created_at + timedelta(seconds=59)) == 0
    assert watch(account.created_at + timedelta(seconds=61)) == 1


@pytest.mark.parametrize("columns", [{"on_stream_down": False}, {"is_active": False}])
def test_who_does_not_want_to_hear_does_not(
    account: ExchangeAccount, columns: dict[str, bool]
) -> None:
    NoticeChannel.objects.update(**columns)

    assert watch(account.created_at + timedelta(hours=1)) == 0


def test_an_account_that_is_not_tracked_has_no_stream_to_miss(account: ExchangeAccount) -> None:
    ExchangeAccount.objects.update(state="DISABLED")

    assert watch(account.created_at + timedelta(hours=1)) == 0


def test_the_end_of_a_key_is_told_three_times(account: ExchangeAccount) -> None:
    ends = timezone.now() + timedelta(days=30)
    ExchangeAccount.objects.update(permissions={"expires_at": ends.isoformat()})
    NoticeChannel.objects.update(on_stream_down=False)

    for hours in range(-30 * 24, 0, 6):
        watch(ends + timedelta(hours=hours))

    assert told() == ["Key expires: account main"] * 3
    assert f"{ends:%Y-%m-%d %H:%M} UTC" in Notice.objects.order_by("pk")[0].text
