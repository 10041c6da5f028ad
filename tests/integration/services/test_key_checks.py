"""A key that can take money away stops its account; one nobody could look at activates none."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from exchanges.errors import ExchangeError, TransientError
from exchanges.questions import KeyPermissions
from tests.factories import ExchangeAccountFactory
from tracking.models import AccountState, Anomaly, AnomalyKind, ExchangeAccount
from tracking.services import clients, key_checks, leases

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = {"can_trade": True, "can_withdraw": False, "can_transfer": False, "is_ip_bound": True}


class Told:
    """What the exchange is going to say; `during` happens while it is asked."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] | ExchangeError = dict(GOOD)
        self.during: Callable[[], object] | None = None

    def fetch_key_permissions(self, **_options: object) -> KeyPermissions:
        if self.during is not None:
            self.during()
        if isinstance(self.answer, ExchangeError):
            raise self.answer
        return KeyPermissions(**self.answer)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    monkeypatch.setattr(clients, "rest_client", lambda _account: told)
    return told


def awaiting(**columns: object) -> ExchangeAccount:
    account: ExchangeAccount = ExchangeAccountFactory.build(user=None, **columns)
    key_checks.await_check(account)
    made: ExchangeAccount = ExchangeAccountFactory.create(
        state=account.state, state_reason=account.state_reason, permissions=account.permissions
    )
    return made


def anomalies() -> list[str]:
    rows = Anomaly.objects.filter(closed_at=None, kind=AnomalyKind.KEY_PERMISSIONS.value)
    return [row.detail["text"] for row in rows.order_by("key")]


def test_a_new_key_that_is_good_makes_its_account_active(told: Told) -> None:
    told.answer = GOOD | {"owner_id": "7"}
    account = awaiting()
    assert (account.state, account.state_reason) == ("DISABLED", key_checks.BEING_CHECKED)

    verdict = key_checks.check_key(account.pk)

    account.refresh_from_db()
    assert (verdict.state, account.state, account.state_reason) == ("ACTIVE", "ACTIVE", "")
    assert account.permissions["owner_id"] == "7"
    assert account.keys_checked_at is not None
    assert (verdict.told, anomalies()) == ("the key is accepted", [])


@pytest.mark.parametrize("power", ["can_withdraw", "can_transfer"])
def test_a_key_that_can_take_money_away_stops_the_account_and_tells_its_user(
    told: Told, power: str
) -> None:
    told.answer = GOOD | {power: True}
    account = ExchangeAccountFactory.create()

    verdict = key_checks.check_key(account.pk)

    account.refresh_from_db()
    assert account.state == AccountState.DISABLED.value
    assert account.state_reason == verdict.refused == account.permissions["refused"]
    assert verdict.refused in anomalies()
    assert verdict.refused in key_checks.may_be_set_active(account)


def test_a_key_mended_at_the_exchange_makes_the_account_active_again(told: Told) -> None:
    told.answer = GOOD | {"can_withdraw": True}
    account = ExchangeAccountFactory.create()
    key_checks.check_key(account.pk)
    told.answer = GOOD

    assert key_checks.check_key(account.pk).state == "ACTIVE"
    assert anomalies() == []


def test_a_stream_with_the_key_from_before_is_dropped(told: Told) -> None:
    del told
    account = ExchangeAccountFactory.create()
    epochs = leases.take("host:1", 10)
    key_checks.check_key(account.pk)
    assert leases.renew("host:1", epochs) == {account.pk}, "a daily check changes nothing"
    key_checks.await_check(account)
    account.save(update_fields=["permissions", "state"])

    key_checks.check_key(account.pk)

    assert leases.renew("host:1", epochs) == set()
    assert leases.take("host:1", 10) == {account.pk: 2}


def test_an_account_disabled_by_hand_stays_so(told: Told) -> None:
    del told
    account = ExchangeAccountFactory.create(state="DISABLED", state_reason="holidays")

    assert key_checks.check_key(account.pk).state == "DISABLED"

    account.refresh_from_db()
    assert account.state_reason == "holidays"


def test_an_exchange_that_cannot_be_asked_activates_nothing(told: Told) -> None:
    told.answer = TransientError("no answer")
    account = awaiting()

    verdict = key_checks.check_key(account.pk)

    account.refresh_from_db()
    assert verdict.unasked == "no answer"
    assert (account.state, account.state_reason) == (
        "DISABLED",
        "the key could not be checked: no answer",
    )
    assert key_checks.may_be_set_active(account)
    assert key_checks.accounts_to_check(timezone.now()) == [account.pk]


def test_an_exchange_that_cannot_be_asked_stops_nothing(told: Told) -> None:
    told.answer = TransientError("no answer")
    account = ExchangeAccountFactory.create()

    assert key_checks.check_key(account.pk).state == "ACTIVE"


def test_a_key_that_may_not_trade_only_tracks_until_it_may(told: Told) -> None:
    told.answer = GOOD | {"can_trade": False}
    account = awaiting()

    verdict = key_checks.check_key(account.pk)
    assert (verdict.state, verdict.tracking_only) == ("ACTIVE", True)
    key_checks.check_key(account.pk)
    told.answer = GOOD

    assert not key_checks.check_key(account.pk).tracking_only


def test_an_account_that_is_to_track_only_stays_so(told: Told) -> None:
    account = ExchangeAccountFactory.create(tracking_only=True)
    for can_trade in (True, False, True):
        told.answer = GOOD | {"can_trade": can_trade}
        assert key_checks.check_key(account.pk).tracking_only


def test_books_belong_to_whom_they_were_opened_for(told: Told) -> None:
    told.answer = GOOD | {"owner_id": "7"}
    account = ExchangeAccountFactory.create(baseline_at=timezone.now())
    key_checks.check_key(account.pk)
    told.answer = GOOD | {"owner_id": "8"}

    for _ in range(2):
        assert "another user" in key_checks.check_key(account.pk).refused


def test_an_account_without_books_may_get_another_users_key(told: Told) -> None:
    account = ExchangeAccountFactory.create()
    for owner_id in ("7", "8"):
        told.answer = GOOD | {"owner_id": owner_id}
        assert key_checks.check_key(account.pk).state == "ACTIVE"


def test_what_is_unwise_is_warned_of_once(told: Told) -> None:
    ends = timezone.now() + timedelta(days=6)
    told.answer = GOOD | {"is_ip_bound": False, "expires_at": ends}
    account = ExchangeAccountFactory.create()

    for _ in range(2):
        verdict = key_checks.check_key(account.pk)

    account.refresh_from_db()
    assert account.state == "ACTIVE"
    assert list(verdict.warnings) == account.permissions["warnings"]
    assert len(anomalies()) == len(verdict.warnings) == 2


def test_an_exchange_that_tells_nothing_is_allowed_with_a_warning(told: Told) -> None:
    told.answer = {}

    verdict = key_checks.check_key(awaiting().pk)

    assert verdict.state == "ACTIVE"
    assert "does not tell" in verdict.told
    assert anomalies() == [], "it would be open for ever"


def test_what_was_said_of_another_key_counts_for_nothing(told: Told) -> None:
    account = awaiting()
    told.during = lambda: ExchangeAccount.objects.filter(pk=account.pk).update(api_key="another")

    verdict = key_checks.check_key(account.pk)

    assert (verdict.state, verdict.unasked) == ("DISABLED", key_checks.CHANGED_MEANWHILE)


def test_keys_are_checked_daily(told: Told) -> None:
    del told
    now = timezone.now()
    never = ExchangeAccountFactory.create()
    old = ExchangeAccountFactory.create(keys_checked_at=now - timedelta(hours=25))
    ExchangeAccountFactory.create(keys_checked_at=now - timedelta(hours=23))
    ExchangeAccountFactory.create(state="DISABLED")
    ExchangeAccountFactory.create(state="AUTH_FAILED")

    assert set(key_checks.accounts_to_check(now)) == {never.pk, old.pk}
