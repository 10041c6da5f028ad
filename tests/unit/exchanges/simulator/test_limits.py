"""Weights, order counts and bans, on a clock of our own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.errors import ApiError
from exchanges.simulator.limits import Limits


class Watch:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 600.0

    def __call__(self) -> float:
        return self.now


CONFIG = SimulatorConfig(weight_limit=100, ban_after=2, ban_seconds=120, orders_per_10s=2)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def limits(watch: Watch) -> Limits:
    return Limits(lambda: CONFIG, watch)


def refusal(limits: Limits, weight: int = 1) -> ApiError:
    with pytest.raises(ApiError) as caught:
        limits.spend(weight)
    return caught.value


def test_over_the_limit_comes_429_with_the_time_to_wait(limits: Limits, watch: Watch) -> None:
    limits.spend(100)
    watch.now += 20

    error = refusal(limits)

    assert (error.status, error.code, error.retry_after) == (429, -1003, 41)
    watch.now = 660.0
    limits.spend(100)
    assert limits.used_weight == 100


def test_who_goes_on_is_banned_and_longer_every_time(limits: Limits, watch: Watch) -> None:
    limits.spend(100)
    statuses = [refusal(limits).status for _ in range(3)]
    assert statuses == [429, 429, 418]
    assert limits.banned_until == watch.now + 120

    watch.now += 121
    limits.check_ban()
    with pytest.raises(ApiError):
        limits.ban(CONFIG.ban_seconds)
    assert limits.banned_until == watch.now + 240


def test_what_is_asked_during_a_ban_is_counted(limits: Limits) -> None:
    with pytest.raises(ApiError):
        limits.ban(60)
    before = limits.requests_during_ban
    with pytest.raises(ApiError) as caught:
        limits.check_ban()

    assert caught.value.status == 418
    assert limits.requests_during_ban == before + 1


def test_orders_are_limited_per_account(limits: Limits, watch: Watch) -> None:
    limits.count_order("ann")
    limits.count_order("ann")
    limits.count_order("bob")
    with pytest.raises(ApiError, match="2 orders per 10 SECONDS") as caught:
        limits.count_order("ann")
    assert caught.value.code == -1015

    watch.now += 10
    limits.count_order("ann")
    assert limits.order_counts("ann") == (1, 4)


def test_limits_that_are_not_enforced_are_still_counted(watch: Watch) -> None:
    config = replace(CONFIG, enforce_limits=False)
    limits = Limits(lambda: config, watch)
    limits.spend(1000)
    limits.spend(1000)

    assert limits.used_weight == 2000
    assert dict(limits.weight_by_minute) == {10: 2000}


def test_the_ban_itself_is_not_a_request_during_a_ban(limits: Limits) -> None:
    limits.spend(100)
    for _ in range(3):
        refusal(limits)
    assert (limits.bans, limits.requests_during_ban) == (1, 0)
