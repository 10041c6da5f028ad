"""What is too much for a minute is one message, and what matters most keeps its own."""

from __future__ import annotations

import pytest

from tracking.models import Notice
from tracking.services.notice_summing import AT_ONCE, plan


def notices(*kinds: str) -> list[Notice]:
    return [
        Notice(pk=pk, kind=kind, title=f"{kind} {pk}", text="all of it")
        for pk, kind in enumerate(kinds, start=1)
    ]


def test_as_many_as_there_is_room_for_go_alone() -> None:
    planned = plan(notices("FILL", "FILL", "FILL"), 3)

    assert [one.ids for one in planned] == [(1,), (2,), (3,)]
    assert {one.text for one in planned} == {"all of it"}


def test_what_is_more_is_summed_up_in_the_last_message() -> None:
    planned = plan(notices("FILL", "FILL", "UNKNOWN", "FILL", "FAILURE"), 2)

    assert [one.ids for one in planned] == [(3,), (5, 1, 2, 4)]
    assert planned[1].title == "1 more failure, 3 more fills"
    assert planned[1].text == "FAILURE 5\nFILL 1\nFILL 2\nFILL 4"


def test_room_for_one_sums_up_everything() -> None:
    (only,) = plan(notices("FILL", "FILL"), 1)

    assert (only.title, only.ids) == ("2 more fills", (1, 2))


@pytest.mark.parametrize("room", [1, 7, 1000])
def test_every_notice_is_told_once(room: int) -> None:
    planned = plan(notices(*["FILL"] * 60), room)

    assert sorted(pk for one in planned for pk in one.ids) == list(range(1, 61))
    assert len(planned) == min(room, AT_ONCE)
    assert planned[-1].text.endswith(f"and {60 - len(planned) + 1 - 20} more")
