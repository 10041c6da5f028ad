"""`manage.py halt` stops what is sent, with nothing but the database."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.factories import ExchangeAccountFactory
from tracking.models import Halt
from tracking.services import halts, wakeups

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("halt", *arguments, stdout=out)
    return out.getvalue()


def test_everything_is_halted_shown_and_lifted(settings: Settings) -> None:
    settings.REDIS_STATE_URL = "redis://127.0.0.1:1/0"
    wakeups._redis.cache_clear()
    account = ExchangeAccountFactory.create()

    told = run("--reason", "it runs away", "--by", "ops")

    wakeups._redis.cache_clear()
    halt = Halt.objects.get()
    assert told == f"everything halted since {halt.set_at:%F %T} UTC by ops: it runs away\n"
    assert halts.refusal(account, timezone.now())
    assert run() == run("--account", account.name) == told
    assert run("--lift") == "everything is not halted any more\n"
    assert not run()


def test_an_account_is_halted_alone_and_its_login_told() -> None:
    account, other = ExchangeAccountFactory.create_batch(2)

    told = run("--account", account.name, "--reason", "key is stolen")

    assert told.startswith(f"account {account.name} (BINANCE) halted since ")
    assert Halt.objects.get().set_by
    assert halts.refusal(account, timezone.now())
    assert not halts.refusal(other, timezone.now())


def test_what_still_stops_an_account_is_said_after_lifting_its_own() -> None:
    account = ExchangeAccountFactory.create()
    run("--reason", "all of it")
    run("--account", str(account.pk), "--reason", "this one")

    assert "all of it" in run("--account", str(account.pk), "--lift")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lift"], "everything is not halted"),
        (["--reason", " "], "give a reason"),
        (["--account", "none"], "no account has the name"),
        (["--lift", "--reason", "x"], "not allowed with"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)
