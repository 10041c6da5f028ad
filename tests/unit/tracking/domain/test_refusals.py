"""Every kind of refusal has words, and the exchange's own go behind them."""

from __future__ import annotations

import pytest

from exchanges.refusals import RefusalKind
from tracking.domain.refusals import LONGEST, in_words, words


@pytest.mark.parametrize("kind", RefusalKind)
def test_every_kind_has_words_that_leave_room_for_what_was_told(kind: RefusalKind) -> None:
    what, advice = words(kind)

    assert what.endswith(".")
    assert advice.endswith(".")
    assert len(in_words(kind)) <= LONGEST - 60


def test_no_two_kinds_say_the_same() -> None:
    assert len({words(kind).what for kind in RefusalKind}) == len(RefusalKind)


def test_what_the_exchange_said_comes_last_with_its_code() -> None:
    told = in_words("INSUFFICIENT_FUNDS", "Margin is insufficient.", "-2019")

    assert told.startswith("Insufficient funds: ")
    assert told.endswith(" (-2019: Margin is insufficient.)")


@pytest.mark.parametrize(("told", "code"), [("told", ""), ("", "-1")])
def test_either_is_shown_alone(told: str, code: str) -> None:
    assert in_words(RefusalKind.OTHER, told, code).endswith(f" ({told or code})")


def test_long_words_of_an_exchange_are_cut_short() -> None:
    told = in_words(RefusalKind.OTHER, "x" * 1000)

    assert len(told) == LONGEST
    assert told.endswith("x…)")
