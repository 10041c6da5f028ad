"""The switches: a closed list, checked, for all or for one."""

from __future__ import annotations

import random
from dataclasses import fields

import pytest

from exchanges.simulator.errors import ControlError
from exchanges.simulator.fault_board import FaultBoard, as_json
from exchanges.simulator.faults import PROFILES, READERS, STRIKES, Faults
from exchanges.simulator.switches import Trigger, pick


def test_every_switch_can_be_set_and_no_other() -> None:
    assert {each.name for each in fields(Faults)} == set(READERS)


def test_an_unknown_switch_is_refused_by_name() -> None:
    with pytest.raises(ControlError, match="unknown switch: loose"):
        FaultBoard().set({"lose": 0.5, "loose": 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lose", 2),
        ("lose", "much"),
        ("delay_ms", 0.5),
        ("mute", "soon"),
        ("drop_every", -1),
        ("now_and_then", {"mute": -1}),
        ("now_and_then", {"laugh": 1}),
        ("thin_book", 3),
        ("rest_status", {"order": "bad"}),
        ("rest_status", {"order": {"status": 500, "often": 1}}),
        ("accept_but_lose_answer", "maybe"),
    ],
)
def test_a_value_that_means_nothing_is_refused_and_nothing_is_set(name: str, value: object) -> None:
    board = FaultBoard()
    with pytest.raises(ControlError):
        board.set({"repeat": 0.5, name: value})
    assert board.of() == Faults()


def test_an_account_has_its_own_switches_over_the_common_ones() -> None:
    board = FaultBoard({"lose": 0.1, "repeat": 0.2})
    board.set({"lose": 0.5}, "ann")

    assert (board.of("ann").lose, board.of("ann").repeat) == (0.5, 0.2)
    assert board.of("bob").lose == 0.1
    board.clear("ann")
    assert board.of("ann").lose == 0.1


def test_what_concerns_everybody_is_refused_for_one() -> None:
    with pytest.raises(ControlError, match="clock_skew_ms"):
        FaultBoard().set({"clock_skew_ms": 5}, "ann")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_replaces_what_was_set_and_can_be_amended(profile: str) -> None:
    board = FaultBoard({"invalid_key": True})
    board.set({"profile": profile, "lose": 0.9})

    assert not board.of().invalid_key
    assert board.of().lose == 0.9
    assert set(as_json(board.of())) == set(READERS)


def test_a_storm_has_every_switch_on() -> None:
    storm = FaultBoard({"profile": "storm"}).of()

    off = {name for name in READERS if getattr(storm, name) == getattr(Faults(), name)}
    # these two strike now and then instead; a refused key ends tracking until its owner acts
    assert off == {"mute", "half_open", "invalid_key"}
    assert set(storm.now_and_then) == set(STRIKES)


def test_a_trigger_is_used_up() -> None:
    board = FaultBoard({"rest_status": {"order": {"status": 429, "count": 2}}})
    trigger = pick(board.of().rest_status, "GET", "order")
    assert trigger is not None

    assert [trigger.strikes(random.Random(1)) for _ in range(4)] == [True, True, False, False]


def test_the_most_exact_endpoint_wins() -> None:
    named = {"*": 1, "order": 2, "POST order": 3}

    assert pick(named, "POST", "order") == 3
    assert pick(named, "GET", "order") == 2
    assert pick(named, "GET", "userTrades") == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, Trigger(value=1)),
        (3, Trigger(count=3)),
        (0.25, Trigger(value=1, probability=0.25)),
        ({"probability": 0.5, "count": 2}, Trigger(value=1, probability=0.5, count=2)),
    ],
)
def test_a_strike_is_read_from_a_flag_a_count_a_share_or_all(
    value: object, expected: Trigger
) -> None:
    board = FaultBoard({"rest_empty": {"order": value}})
    assert board.of().rest_empty["order"] == expected
