"""Weights, order counts and bans, on a clock of our own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exchanges.simulator.config import SimulatorConfig
from exchanges.simulator.limits import ADDRESS, BAN, HOLDER, Charge, LimitReached, Limits


class Watch:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 600.0

    def __call__(self) -> float:
        return self.now


CONFIG = SimulatorConfig(weight_limit=100, ban_after=2, ban_seconds=120)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def limits(watch: Watch) -> Limits:
    return Limits(lambda: CONFIG, watch)


def charges(holder: str) -> list[Charge]:
    """Two orders in ten seconds, nine in a minute."""
    return [
        Charge(holder=holder, pool="10 SECONDS", limit=2, period=10.0),
        Charge(holder=holder, pool="1 MINUTE", limit=9, period=60.0),
    ]


def refusal(limits: Limits, weight: int = 1) -> LimitReached:
    with pytest.raises(LimitReached) as caught:
        limits.spend(weight)
    return caught.value


def test_over_the_limit_comes_a_refusal_with_the_time_to_wait(limits: Limits, watch: Watch) -> None:
    limits.spend(100)
    watch.now += 20

    error = refusal(limits)

    assert (error.kind, error.limit, error.retry_after) == (ADDRESS, 100, 41)
    watch.now = 660.0
    limits.spend(100)
    assert limits.used_weight == 100


def test_who_goes_on_is_banned_and_longer_every_time(limits: Limits, watch: Watch) -> None:
    limits.spend(100)
    kinds = [refusal(limits).kind for _ in range(3)]
    assert kinds == [ADDRESS, ADDRESS, BAN]
    assert limits.banned_until == watch.now + 120

    watch.now += 121
    limits.check_ban()
    with pytest.raises(LimitReached):
        limits.ban(CONFIG.ban_seconds)
    assert limits.banned_until == watch.now + 240


def test_what_is_asked_during_a_ban_is_counted(limits: Limits) -> None:
    with pytest.raises(LimitReached):
        limits.ban(60)
    before = limits.requests_during_ban
    with pytest.raises(LimitReached) as caught:
        limits.check_ban()

    assert caught.value.kind == BAN
    assert limits.requests_during_ban == before + 1


def test_ceilings_are_each_holders_own(limits: Limits, watch: Watch) -> None:
    for holder in ("ann", "ann", "bob"):
        limits.count(charges(holder))
    with pytest.raises(LimitReached) as caught:
        limits.count(charges("ann"))
    reached = caught.value
    assert (reached.kind, reached.pool, reached.limit) == (HOLDER, "10 SECONDS", 2)

    watch.now += 10
    limits.count(charges("ann"))
    assert [limits.used(each) for each in charges("ann")] == [1, 4]


def test_what_succeeds_may_cost_less(limits: Limits) -> None:
    limits.spend(5)
    limits.refund(4)

    assert limits.used_weight == 1
    assert dict(limits.weight_by_minute) == {10: 1}


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
