"""Ids look like Bybit's and can be read back by nobody else."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from exchanges.simulator.bybit import ids

NUMBERS = st.integers(min_value=0, max_value=ids.NUMBERS - 1)


@given(NUMBERS)
def test_an_id_is_a_uuid_that_can_be_read_back(number: int) -> None:
    text = ids.make("FUTURES", ids.ORDER, "BTCUSDT", number)
    assert UUID(text).version == 4
    assert ids.read("FUTURES", ids.ORDER, "BTCUSDT", text) == number


@given(NUMBERS)
def test_the_same_number_has_another_id_elsewhere(number: int) -> None:
    places = [
        ("FUTURES", ids.ORDER, "BTCUSDT"),
        ("FUTURES", ids.ORDER, "ETHUSDT"),
        ("FUTURES", ids.TRADE, "BTCUSDT"),
        ("SPOT", ids.ORDER, "BTCUSDT"),
    ]
    texts = [ids.make(*place, number) for place in places]
    assert len(set(texts)) == len(places)
    assert [ids.read(*places[0], text) for text in texts] == [number, None, None, None]


@given(st.text() | st.uuids().map(str))
def test_what_was_not_made_here_is_no_id(text: str) -> None:
    assert ids.read("FUTURES", ids.ORDER, "BTCUSDT", text) is None


def test_ids_do_not_grow_with_time() -> None:
    made = [ids.make("FUTURES", ids.ORDER, "BTCUSDT", number) for number in range(20)]
    assert made != sorted(made)
    assert ids.read("FUTURES", ids.ORDER, "BTCUSDT", made[3].upper()) is None
