"""When fills wait for REST, and when their symbol is worth asking about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tracking.models import TradeExecution
from tracking.services.fill_flow import (
    BUSY_FILLS,
    BUSY_SECONDS,
    LONGEST_WAIT,
    MANY,
    FillFlow,
    worth_asking,
)

#: of a fill at a tenth
LOOK = 6
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    """A clock that stands."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def waiting(
    count: int, symbol: str, *, since: timedelta = timedelta(0), attempts: int = 0
) -> list[TradeExecution]:
    return [
        TradeExecution(
            market_type="FUTURES",
            symbol=symbol,
            verify_attempts=attempts,
            next_verify_at=NOW - since,
        )
        for _ in range(count)
    ]


def test_an_account_is_busy_once_many_fills_came_in_little_time() -> None:
    flow = FillFlow(Clock())

    assert not flow.note(1, BUSY_FILLS)
    assert not flow.note(2, 1)
    assert flow.note(1, 1)


def test_a_busy_account_is_quiet_again_after_a_while() -> None:
    clock = Clock()
    flow = FillFlow(clock)
    assert flow.note(1, BUSY_FILLS + 1)

    clock.now += BUSY_SECONDS + 0.1

    assert not flow.note(1, 1)


def test_the_few_fills_of_a_quiet_account_are_asked_about_at_once() -> None:
    few = waiting(MANY - 1, "A")

    assert worth_asking(few, NOW, LOOK) == few


def test_of_many_only_symbols_with_enough_of_them_are_asked_about() -> None:
    enough, too_few = waiting(60, "A"), waiting(59, "B")

    assert worth_asking(enough + too_few, NOW, LOOK) == enough


def test_the_dearer_a_look_the_more_have_to_wait() -> None:
    many = waiting(259, "A")

    assert worth_asking(many, NOW, 26) == []
    assert worth_asking([*many, *waiting(1, "A")], NOW, 26) != []


def test_nobody_waits_longer_than_the_longest_wait() -> None:
    many, long_ago = waiting(MANY, "A"), waiting(1, "B", since=LONGEST_WAIT)

    assert worth_asking(many + long_ago, NOW, LOOK) == many + long_ago


def test_what_was_asked_about_before_is_asked_again_in_its_own_time() -> None:
    many, again = waiting(MANY, "A"), waiting(1, "B", attempts=1)

    assert worth_asking(many + again, NOW, LOOK) == many + again
