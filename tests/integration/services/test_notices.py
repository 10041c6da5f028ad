"""Notices are told once, in time, and a receiver that misbehaves holds up nobody else."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests import factories
from tests.integration.exchanges.raw_server import RawServer, answers
from tracking import tasks
from tracking.models import EventKind, Notice, NoticeChannel, NoticeKind
from tracking.services import (
    notice_delivery,
    notice_gathering,
    notice_messenger,
    notice_rounds,
    notice_sending,
    notices,
    payloads,
)
from tracking.services.notice_gathering import gather
from tracking.services.notice_sending import send_due

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings

    from tracking.models import ExchangeAccount

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "token-that-must-not-be-seen"


@pytest.fixture(autouse=True)
def _receivers_are_here(settings: Settings) -> None:
    settings.NOTICE_ALLOW_PRIVATE = True


@pytest.fixture
def account() -> ExchangeAccount:
    made: ExchangeAccount = factories.ExchangeAccountFactory.create(name="main")
    return made


@pytest.fixture
def receiver() -> Iterator[RawServer]:
    with RawServer(answers("200 OK", b"ok")) as server:
        yield server


def channel_of(account: ExchangeAccount, server: RawServer, **columns: Any) -> NoticeChannel:
    made = NoticeChannel(
        user=account.user, name=f"channel {NoticeChannel.objects.count()}", **columns
    )
    made.url = f"{server.url.replace('http', 'json')}/{TOKEN}"
    notices.begin_at_present(made)
    made.save()
    return made


def fill(account: ExchangeAccount, **columns: Any) -> None:
    """Let an order fill, as the journal tells it."""
    trade = factories.TradeFactory.create(account=account, **columns)
    factories.journal(account, [(EventKind.TRADE, payloads.trade_payload(trade))])


def book(channel: NoticeChannel, count: int = 1) -> None:
    """Let so many notices wait."""
    now = timezone.now()
    for _ in range(count):
        number = Notice.objects.count()
        Notice.objects.create(
            channel=channel,
            kind=NoticeKind.FILL.value,
            key=str(number),
            title=f"fill {number}",
            text="all of it",
            created_at=now,
        )


def received(server: RawServer) -> list[str]:
    return [orjson.loads(r.partition(b"\r\n\r\n")[2])["title"] for r in server.requests]


def make_due() -> None:
    Notice.objects.exclude(next_attempt_at=None).update(next_attempt_at=timezone.now())


def test_what_happens_is_told_once(account: ExchangeAccount, receiver: RawServer) -> None:
    fill(account)
    channel = channel_of(account, receiver)
    fill(account)

    assert [gather(timezone.now()), gather(timezone.now())] == [1, 0]
    assert [send_due(), send_due()] == [1, 0]

    assert received(receiver) == ["Filled: BUY 0.5 BTC/USDT:USDT at 64123.1"]
    notice = Notice.objects.get()
    assert (notice.attempts, notice.next_attempt_at) == (1, None)
    assert notice.sent_at is not None
    channel.refresh_from_db()
    assert (channel.last_seq, channel.last_error) == (2, "")


def test_the_tasks_do_it(account: ExchangeAccount, receiver: RawServer) -> None:
    channel_of(account, receiver)
    fill(account)

    tasks.gather_notices()
    tasks.watch_for_notices()
    tasks.send_notices()

    assert len(received(receiver)) == 1


def test_the_sender_is_a_process_of_its_own(account: ExchangeAccount, receiver: RawServer) -> None:
    book(channel_of(account, receiver))

    assert send_due() == 1
    assert "apprise" not in sys.modules


def test_a_long_journal_is_looked_through_in_pages(
    account: ExchangeAccount, receiver: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice_gathering, "PAGE", 2)
    channel = channel_of(account, receiver)
    for _ in range(5):
        fill(account)
        factories.journal(account, factories.numbered_events(2))

    assert gather(timezone.now()) == 5

    channel.refresh_from_db()
    assert channel.last_seq == 15


@pytest.mark.parametrize("is_off", ["channel", "switch", "user"])
def test_a_channel_that_is_off_begins_at_the_present(
    account: ExchangeAccount, receiver: RawServer, is_off: str
) -> None:
    channel = channel_of(
        account, receiver, is_active=is_off != "channel", on_fill=is_off != "switch"
    )
    users = User.objects.filter(pk=account.user_id)
    users.update(is_active=is_off != "user")
    fill(account)
    gather(timezone.now())
    NoticeChannel.objects.update(is_active=True, on_fill=True)
    users.update(is_active=True)

    assert gather(timezone.now()) == 0

    channel.refresh_from_db()
    assert channel.last_seq == 1


def test_fills_from_before_the_books_are_no_news(
    account: ExchangeAccount, receiver: RawServer
) -> None:
    channel_of(account, receiver)
    account.baseline_at = timezone.now()
    account.save()
    fill(account, first_executed_at=account.baseline_at - timedelta(hours=1))
    fill(account, first_executed_at=account.baseline_at + timedelta(seconds=1))

    assert gather(timezone.now()) == 1


def test_others_hear_nothing_of_it(account: ExchangeAccount, receiver: RawServer) -> None:
    channel_of(factories.ExchangeAccountFactory.create(), receiver)
    fill(account)

    assert gather(timezone.now()) == 0


def test_a_receiver_that_fails_is_tried_three_times(account: ExchangeAccount) -> None:
    with RawServer(answers("500 Oops", TOKEN.encode())) as server:
        channel = channel_of(account, server)
        book(channel)
        for _ in range(5):
            send_due()
            make_due()

    notice = Notice.objects.get()
    assert (notice.attempts, notice.sent_at, len(server.requests)) == (3, None, 3)
    assert notice.given_up_at is not None
    channel.refresh_from_db()
    assert channel.last_error == "the receiver answered 500"


def test_a_channel_rests_after_a_failure(account: ExchangeAccount) -> None:
    with RawServer(answers("500 Oops")) as server:
        channel = channel_of(account, server)
        book(channel, 3)
        send_due()
        book(channel)
        send_due()

    assert len(server.requests) == 1
    assert sorted(Notice.objects.values_list("attempts", flat=True)) == [0, 0, 0, 1]


def test_what_was_sent_before_a_failure_is_not_sent_again(account: ExchangeAccount) -> None:
    def fail_once(connection: socket.socket) -> None:
        answers("500 Oops" if len(server.requests) == 2 else "200 OK")(connection)

    with RawServer(fail_once) as server:
        channel = channel_of(account, server)
        book(channel, 3)
        assert send_due() == 1
        make_due()
        assert send_due() == 2

    assert received(server) == ["fill 0", "fill 1", "fill 1", "fill 2"]
    channel.refresh_from_db()
    assert channel.last_error == ""


def test_a_receiver_that_hangs_holds_up_nobody(
    account: ExchangeAccount, receiver: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(connection: socket.socket) -> None:
        """Answer, a byte at a time, for longer than anybody waits."""
        for _ in range(300):
            connection.sendall(b"H")
            time.sleep(0.05)

    monkeypatch.setattr(notice_delivery, "KILL_AFTER", 4.0)
    with RawServer(drip) as server:
        hangs = channel_of(account, server)
        book(hangs)
        book(channel_of(account, receiver))
        began = time.monotonic()

        assert send_due() == 1

        took = time.monotonic() - began
    assert took < 9
    hangs.refresh_from_db()
    assert hangs.last_error == notice_delivery.NO_ANSWER
    assert len(received(receiver)) == 1


def test_what_has_no_time_left_goes_in_the_next_round(
    account: ExchangeAccount, receiver: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice_delivery, "BEGIN_UNTIL", 0.0)
    channel = channel_of(account, receiver)
    book(channel)

    assert send_due() == 0

    notice = Notice.objects.get()
    assert (notice.attempts, notice.next_attempt_at) == (0, None)


def test_a_messenger_that_breaks_off_is_a_failure(
    account: ExchangeAccount, receiver: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice_delivery, "BEGIN_UNTIL", "no number")
    channel = channel_of(account, receiver)
    book(channel)

    assert send_due() == 0

    channel.refresh_from_db()
    assert channel.last_error == notice_delivery.BROKE_OFF
    assert Notice.objects.get().attempts == 1


def test_two_workers_do_not_send_the_same(account: ExchangeAccount, receiver: RawServer) -> None:
    channel = channel_of(account, receiver)
    book(channel)
    now = timezone.now()

    assert notice_sending.claim(channel.pk, now) is not None
    assert notice_sending.claim(channel.pk, now) is None
    assert notice_sending.channels_due(now) == []


def test_one_round_runs_at_a_time(account: ExchangeAccount, receiver: RawServer) -> None:
    book(channel_of(account, receiver))

    with notice_rounds.only_one() as is_ours:
        assert is_ours
        assert send_due() == 0

    assert send_due() == 1


def test_what_is_too_much_for_a_minute_is_summed_up(
    account: ExchangeAccount, receiver: RawServer
) -> None:
    channel = channel_of(account, receiver, max_per_minute=3)
    book(channel, 10)

    assert send_due() == 3
    book(channel)
    assert send_due() == 0
    Notice.objects.exclude(sent_at=None).update(sent_at=timezone.now() - timedelta(minutes=1))
    assert send_due() == 1

    assert received(receiver) == ["fill 0", "fill 1", "8 more fills", "fill 10"]
    assert notices.waiting().count() == 0


def test_an_address_inside_is_not_connected_to(
    account: ExchangeAccount, receiver: RawServer, settings: Settings
) -> None:
    settings.NOTICE_ALLOW_PRIVATE = False
    channel = channel_of(account, receiver)
    book(channel)

    assert send_due() == 0

    channel.refresh_from_db()
    assert "private network" in channel.last_error
    assert receiver.requests == []


def test_a_test_goes_first_and_waits_once(account: ExchangeAccount, receiver: RawServer) -> None:
    channel = channel_of(account, receiver)
    book(channel)

    assert notices.ask_for_test(channel) == notices.ask_for_test(channel)
    assert send_due() == 2

    assert received(receiver)[0] == notices.TEST_TITLE


def test_what_waits_when_a_channel_is_switched_off_is_given_up(
    account: ExchangeAccount, receiver: RawServer
) -> None:
    channel = channel_of(account, receiver)
    book(channel)
    NoticeChannel.objects.update(is_active=False)
    channel.refresh_from_db()

    gather(timezone.now())

    assert notices.waiting().count() == 0
    with pytest.raises(notices.ChannelIsOffError):
        notices.ask_for_test(channel)


def test_what_cannot_be_told_to_one_user_costs_no_other_theirs(
    account: ExchangeAccount, receiver: RawServer
) -> None:
    channel_of(account, receiver)
    factories.journal(account, [(EventKind.TRADE, {"filled_quantity": "1"})])
    other = factories.ExchangeAccountFactory.create(name="other")
    channel_of(other, receiver)
    fill(other)

    assert gather(timezone.now()) == 1
    assert Notice.objects.get().channel.user == other.user


def test_whatever_a_plugin_prints_is_no_word_of_the_messenger(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "messenger.py"
    script.write_text("""print('noise')\nprint('{"sent": true}')\nprint('5')\nprint('{"sen')\n""")
    monkeypatch.setattr(notice_messenger, "__file__", str(script))

    told = notice_delivery.deliver("json://x", [notice_delivery.Message(title="a", text="b")])

    assert told == notice_delivery.Delivery(sent=1)


def test_a_messenger_that_cannot_be_started_has_sent_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    told = notice_delivery.deliver("json://x", [notice_delivery.Message(title="a", text="b")])

    assert told == notice_delivery.Delivery(sent=0, error=notice_delivery.NOT_STARTED)
