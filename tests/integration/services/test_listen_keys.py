"""Exchanges without listen keys: their sessions are proven alive, or made anew."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import timezone

from tests.factories import ExchangeAccountFactory
from tracking.models import ExchangeAccount, OrderTrackingSession, SessionStatus
from tracking.services.listen_keys import refresh_listen_key

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> ExchangeAccount:
    found: ExchangeAccount = ExchangeAccountFactory.create(exchange="BYBIT")
    return found


def a_session(
    account: ExchangeAccount,
    *,
    status: SessionStatus = SessionStatus.CONNECTED,
    age: timedelta = timedelta(hours=1),
    silent_for: timedelta = timedelta(seconds=10),
    ended: bool = False,
) -> None:
    now = timezone.now()
    OrderTrackingSession.objects.create(
        session_id=uuid4(),
        account=account,
        market_type=account.market_type,
        owner="somebody",
        epoch=1,
        status=status.value,
        started_at=now - age,
        connected_at=now - age,
        last_ping=now - silent_for,
        ended_at=now if ended else None,
    )


def asked_to_reconnect(account: ExchangeAccount) -> bool:
    account.refresh_from_db()
    return account.reconnect_requested_at is not None


def test_a_session_that_lives_is_left_alone(account: ExchangeAccount) -> None:
    a_session(account)

    assert refresh_listen_key(account.pk)

    assert not asked_to_reconnect(account)
    assert account.listen_key_refreshed_at is not None


@pytest.mark.parametrize(
    "terms",
    [
        {"status": SessionStatus.DISCONNECTED},
        {"silent_for": timedelta(minutes=3)},
        {"ended": True},
        {"age": timedelta(hours=23, minutes=30)},
    ],
    ids=["disconnected", "silent", "ended", "about to be too old"],
)
def test_a_session_that_is_not_proven_is_made_anew(
    account: ExchangeAccount, terms: dict[str, object]
) -> None:
    a_session(account, **terms)  # type: ignore[arg-type]  # each case names one of them

    assert not refresh_listen_key(account.pk)

    assert asked_to_reconnect(account)
    assert account.listen_key_refreshed_at is None


def test_an_account_nobody_streams_is_asked_for(account: ExchangeAccount) -> None:
    assert not refresh_listen_key(account.pk)

    assert asked_to_reconnect(account)


def test_binance_spot_has_no_key_to_extend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SIMULATOR_URL", "http://127.0.0.1:1")
    account = ExchangeAccountFactory.create(exchange="BINANCE", market_type="SPOT")
    a_session(account)

    assert refresh_listen_key(account.pk)

    OrderTrackingSession.objects.update(status=SessionStatus.DISCONNECTED.value)
    assert not refresh_listen_key(account.pk)
    assert asked_to_reconnect(account)
