"""A key that can take money away is refused; what is unwise is warned of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from exchanges.questions import KeyPermissions
from tracking.domain import key_rules

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = {"can_trade": True, "can_withdraw": False, "can_transfer": False, "is_ip_bound": True}


def good(**changes: object) -> KeyPermissions:
    return KeyPermissions(**(GOOD | changes))  # type: ignore[arg-type]


def test_a_key_that_trades_from_known_addresses_is_accepted() -> None:
    assert key_rules.judge(good(), NOW) == key_rules.Judgement()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"can_withdraw": True}, "can withdraw"),
        ({"can_transfer": True}, "can transfer"),
        ({"owner_id": "8"}, "another user"),
    ],
)
def test_what_could_take_money_away_is_refused(changes: dict[str, object], told: str) -> None:
    (refusal,) = key_rules.judge(good(**changes), NOW, owner_id="7").refusals

    assert told in refusal


def test_whose_key_it_is_counts_only_where_both_are_known() -> None:
    assert key_rules.judge(good(), NOW, owner_id="7").refusals == ()
    assert key_rules.judge(good(owner_id="7"), NOW).refusals == ()
    assert key_rules.judge(good(owner_id="7"), NOW, owner_id="7").refusals == ()


@pytest.mark.parametrize("changes", [{"can_trade": False}, {"expires_at": NOW}])
def test_a_key_that_may_not_trade_is_accepted_for_tracking(changes: dict[str, object]) -> None:
    judged = key_rules.judge(good(**changes), NOW)

    assert judged.lacks_trading
    assert judged.refusals == ()
    assert "the account is tracked, and nothing is sent" in judged.warnings[0]


def test_a_key_without_addresses_is_warned_of() -> None:
    assert key_rules.judge(good(is_ip_bound=False), NOW).warnings == (key_rules.NOT_BOUND,)


def test_an_exchange_that_tells_nothing_is_allowed_with_a_warning() -> None:
    judged = key_rules.judge(KeyPermissions(), NOW)

    assert judged == key_rules.Judgement(warnings=(key_rules.TELLS_NOTHING,))


@pytest.mark.parametrize(
    ("left", "due"),
    [
        (timedelta(days=14, seconds=1), None),
        (timedelta(days=14), 14),
        (timedelta(days=7), 7),
        (timedelta(hours=23), 1),
    ],
)
def test_a_key_that_ends_is_warned_of_three_times(left: timedelta, due: int | None) -> None:
    assert key_rules.warning_due(NOW + left, NOW) == due
    warnings = key_rules.judge(good(expires_at=NOW + left), NOW).warnings
    assert [text for text in warnings if "expires at 2026-1" in text] == list(warnings)
    assert bool(warnings) is (due is not None)
