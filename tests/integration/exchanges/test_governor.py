from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time

import pytest
import redis

from exchanges.adapter import Limits, Pool, Rate
from exchanges.errors import RateLimited, TransientError
from exchanges.governor import Governor, Priority

LIMITS = Limits(
    address=Rate(limit=2400, period=60),
    pools=(
        Pool(name="orders_10s", rate=Rate(limit=300, period=10)),
        Pool(name="orders_1m", rate=Rate(limit=1200, period=60)),
    ),
)
ORDER_POOLS = ("orders_10s", "orders_1m")
BURST, FIRST = 480, 120
NOBODY = "redis://127.0.0.1:1/0"
names = itertools.count()

SPENDER = """
import sys, time
from exchanges.adapter import Limits, Rate
from exchanges.errors import RateLimited
from exchanges.governor import Governor, Priority

url, name = sys.argv[1:]
limits = Limits(address=Rate(limit=2400, period=60))
governor = Governor(url, exchange="X", egress_ip=name, kind="k", limits=limits)
passed, started = 0, time.monotonic()
while time.monotonic() - started < 1.5:
    try:
        governor.acquire(1, Priority.ORDER, 0.2)
        passed += 1
    except RateLimited:
        pass
print(passed)
"""


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def name() -> str:
    return f"address-{os.getpid()}-{next(names)}"


def a_governor(name: str, url: str | None = None, clock: Clock | None = None) -> Governor:
    clock = clock or Clock()
    return Governor(
        url or os.environ["REDIS_URL"],
        exchange="X",
        egress_ip=name,
        kind="k",
        limits=LIMITS,
        clock=clock,
        sleep=clock.sleep,
        jitter=lambda: 0.0,
    )


def test_a_bucket_that_was_just_made_is_a_quarter_full(name: str) -> None:
    governor = a_governor(name)

    governor.acquire(FIRST, Priority.ORDER)

    with pytest.raises(RateLimited) as caught:
        governor.acquire(60, Priority.ORDER)
    assert caught.value.retry_after == pytest.approx(2, abs=0.2)


def test_no_window_of_a_minute_can_pass_the_limit() -> None:
    assert FIRST + 0.75 * 2400 + BURST <= 2400


def test_three_processes_share_one_budget(name: str) -> None:
    url = os.environ["REDIS_URL"]
    started = time.monotonic()
    spenders = [
        subprocess.Popen([sys.executable, "-c", SPENDER, url, name], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    passed = sum(int(spender.communicate()[0]) for spender in spenders)
    elapsed = time.monotonic() - started

    assert FIRST + 30 <= passed <= FIRST + 30 * elapsed + 1


def test_waiting_is_worth_it_when_the_budget_comes_back_in_time(name: str) -> None:
    governor = Governor(
        os.environ["REDIS_URL"], exchange="X", egress_ip=name, kind="k", limits=LIMITS
    )
    governor.acquire(FIRST, Priority.ORDER)
    started = time.monotonic()

    governor.acquire(3, Priority.ORDER, 1.0)

    assert 0.05 < time.monotonic() - started < 0.5


@pytest.mark.parametrize(
    ("priority", "left"),
    [(Priority.VERIFY, 0.05), (Priority.SYNC, 0.15)],
)
def test_what_is_less_urgent_leaves_a_share_to_its_betters(
    name: str, priority: Priority, left: float
) -> None:
    governor = a_governor(name)
    governor.acquire(FIRST - BURST * left - 2, priority)

    with pytest.raises(RateLimited):
        governor.acquire(10, priority)

    governor.acquire(10, Priority.ORDER)


def test_backfill_waits_until_half_the_burst_is_free(name: str) -> None:
    with pytest.raises(RateLimited) as caught:
        a_governor(name).acquire(5, Priority.BACKFILL)

    assert caught.value.retry_after == pytest.approx((BURST / 2 + 5 - FIRST) / 30, abs=0.2)


def test_a_ban_stops_everyone_on_the_address(name: str) -> None:
    a_governor(name).ban(120, "418")
    other = a_governor(name)

    with pytest.raises(RateLimited) as caught:
        other.acquire(0, Priority.ORDER, 5.0)

    assert caught.value.retry_after == pytest.approx(120, abs=1)
    assert other.banned_for() == pytest.approx(120, abs=1)
    assert other.free_share() == 0


def test_a_ban_is_only_ever_prolonged(name: str) -> None:
    a_governor(name).ban(120, "418")
    a_governor(name).ban(1, "429")

    with pytest.raises(RateLimited) as caught:
        a_governor(name).acquire(1, Priority.ORDER)
    assert caught.value.retry_after == pytest.approx(120, abs=1)


def test_whoever_heard_of_a_ban_keeps_it_when_redis_forgets(name: str) -> None:
    governor = a_governor(name)
    governor.ban(120, "418")
    _forget(name)

    with pytest.raises(RateLimited):
        governor.acquire(1, Priority.VERIFY)


def test_a_ban_ends(name: str) -> None:
    clock = Clock()
    governor = a_governor(name, clock=clock)
    governor.ban(0.05, "429")
    time.sleep(0.06)

    governor.acquire(1, Priority.ORDER, 1.0)

    assert clock.now >= 1000.05


def test_too_many_orders_of_one_account_stop_only_its_orders(name: str) -> None:
    governor = a_governor(name)
    governor.ban(10, "-1015", holder="a")

    governor.acquire(1, Priority.VERIFY)
    governor.acquire(0, Priority.ORDER, holder="b", pools=ORDER_POOLS)

    with pytest.raises(RateLimited):
        governor.acquire(0, Priority.ORDER, holder="a", pools=ORDER_POOLS)


def test_orders_are_counted_for_each_account(name: str) -> None:
    governor = a_governor(name)
    for _ in range(15):
        governor.acquire(0, Priority.ORDER, holder="a", pools=ORDER_POOLS)

    governor.acquire(0, Priority.ORDER, holder="b", pools=ORDER_POOLS)

    with pytest.raises(RateLimited):
        governor.acquire(0, Priority.ORDER, holder="a", pools=ORDER_POOLS)


def test_a_busy_account_leaves_the_quiet_ones_their_turn(name: str) -> None:
    governor = a_governor(name)
    governor.acquire(1, Priority.VERIFY, holder="quiet")
    governor.acquire(30, Priority.VERIFY, holder="busy")

    # 89 of the 480 are left: too few for whoever has had the most, enough for the other
    with pytest.raises(RateLimited):
        governor.acquire(10, Priority.VERIFY, holder="busy")
    governor.acquire(10, Priority.VERIFY, holder="quiet")


def test_an_order_never_stands_back_for_fairness(name: str) -> None:
    governor = a_governor(name)
    governor.acquire(1, Priority.VERIFY, holder="quiet")
    governor.acquire(30, Priority.VERIFY, holder="busy")

    governor.acquire(10, Priority.ORDER, holder="busy")


def test_whoever_is_alone_has_the_whole_budget(name: str) -> None:
    governor = a_governor(name)
    governor.acquire(30, Priority.VERIFY, holder="busy")

    governor.acquire(30, Priority.VERIFY, holder="busy")


def test_a_ban_of_one_exchange_stops_no_other(name: str) -> None:
    a_governor(name).ban(60, "418")
    other = Governor(os.environ["REDIS_URL"], exchange="Y", egress_ip=name, kind="k", limits=LIMITS)

    other.acquire(1, Priority.VERIFY)


def test_others_on_the_address_leave_less_for_us(name: str) -> None:
    governor = a_governor(name)
    governor.observe(2270)

    governor.acquire(10, Priority.ORDER)

    with pytest.raises(RateLimited):
        governor.acquire(10, Priority.ORDER)


def test_the_free_share_is_that_of_the_burst(name: str) -> None:
    governor = a_governor(name)
    governor.acquire(FIRST - BURST * 0.1, Priority.ORDER)

    assert governor.free_share() == pytest.approx(0.1, abs=0.01)


def test_without_redis_orders_fail_closed(name: str) -> None:
    with pytest.raises(TransientError) as caught:
        a_governor(name, NOBODY).acquire(0, Priority.ORDER, 5.0, holder="a", pools=ORDER_POOLS)

    assert not isinstance(caught.value, RateLimited)


def test_without_redis_reads_go_on_slowly(name: str) -> None:
    clock = Clock()
    governor = a_governor(name, NOBODY, clock)

    for _ in range(3):
        governor.acquire(3, Priority.VERIFY, 10.0)

    assert clock.now - 1000 == pytest.approx(9 / 1.5, abs=0.1)


def test_without_redis_a_ban_still_holds_in_this_process(name: str) -> None:
    governor = a_governor(name, NOBODY)
    governor.ban(60, "429")

    with pytest.raises(RateLimited):
        governor.acquire(1, Priority.SYNC)


def _forget(name: str) -> None:
    connection = redis.Redis.from_url(os.environ["REDIS_URL"])
    for key in connection.scan_iter(f"governor:*{name}*"):
        connection.delete(key)
    connection.close()
