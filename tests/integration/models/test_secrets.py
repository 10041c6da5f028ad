"""API secrets are ciphertext at rest; a wrong key is an error and never hands out ciphertext."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from tests.factories import ExchangeAccountFactory, StrategyFactory
from tracking.models import ExchangeAccount, NoticeChannel, Webhook
from tracking.models.fields import SecretUnreadableError

pytestmark = pytest.mark.django_db(transaction=True)


def stored(column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM tracking_exchangeaccount")  # noqa: S608
        return str(cursor.fetchone()[0])


def test_a_secret_is_ciphertext_in_the_database_and_plain_in_python() -> None:
    ExchangeAccountFactory.create(api_secret="canary")

    assert "canary" not in stored("api_secret")
    assert ExchangeAccount.objects.get().api_secret == "canary"


def test_a_wrong_key_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    ExchangeAccountFactory.create()
    monkeypatch.setattr(settings, "ENCRYPTION_KEYS", [Fernet.generate_key().decode()])

    with pytest.raises(SecretUnreadableError):
        ExchangeAccount.objects.get()


def test_rotated_secrets_need_only_the_new_key(monkeypatch: pytest.MonkeyPatch) -> None:
    ExchangeAccountFactory.create(api_secret="canary")
    new = Fernet.generate_key().decode()
    monkeypatch.setattr(settings, "ENCRYPTION_KEYS", [new, *settings.ENCRYPTION_KEYS])

    call_command("rotate_secrets")

    monkeypatch.setattr(settings, "ENCRYPTION_KEYS", [new])
    assert ExchangeAccount.objects.get().api_secret == "canary"


def test_addresses_of_channels_and_secrets_of_webhooks_are_rotated_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strategy = StrategyFactory.create()
    NoticeChannel.objects.create(user=strategy.user, name="phone", url="tgram://canary")
    Webhook.objects.create(strategy=strategy, name="signed", kind="HMAC", secret="canary")
    Webhook.objects.create(strategy=strategy, name="token", kind="TOKEN", token_hash="0" * 64)
    new = Fernet.generate_key().decode()
    monkeypatch.setattr(settings, "ENCRYPTION_KEYS", [new, *settings.ENCRYPTION_KEYS])

    call_command("rotate_secrets")

    monkeypatch.setattr(settings, "ENCRYPTION_KEYS", [new])
    assert NoticeChannel.objects.get().url == "tgram://canary"
    secrets = Webhook.objects.order_by("name").values_list("secret", flat=True)
    assert list(secrets) == ["canary", ""]


def test_rotation_without_the_old_key_fails_and_keeps_the_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ExchangeAccountFactory.create()
    before = stored("api_secret")
    monkeypatch.setattr(settings, "ENCRYPTION_KEYS", [Fernet.generate_key().decode()])

    with pytest.raises(CommandError, match="ENCRYPTION_KEYS"):
        call_command("rotate_secrets")

    assert stored("api_secret") == before
