from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exchanges.backoff import Backoff


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_every_wait_is_between_base_and_cap_and_grows_at_most_threefold(
    chances: list[float],
) -> None:
    backoff = Backoff(0.5, 60, lambda low, high: low + chances[0] * (high - low))
    last = 0.5

    for chance in chances:
        chances[0] = chance
        wait = backoff.next()
        assert 0.5 <= wait <= min(60, last * 3)
        last = wait


def test_a_good_attempt_begins_again_at_the_base() -> None:
    backoff = Backoff(0.5, 60, lambda _low, high: high)
    for _ in range(9):
        backoff.next()

    backoff.reset()

    assert backoff.next() == 1.5


def test_real_chances_differ() -> None:
    waits = {Backoff(0.5, 60).next() for _ in range(20)}

    assert len(waits) > 1
