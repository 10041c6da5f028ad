"""A client order id of ours names its owner; anyone else's names nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.domain.client_ids import ALPHABET, LENGTH, compose, owner_token

tokens = st.text(ALPHABET, min_size=5, max_size=5)
randoms = st.text(ALPHABET, min_size=12, max_size=12)


@given(tokens, randoms, st.sampled_from(["", "x-"]))
def test_an_id_of_ours_names_its_owner(token: str, random_part: str, prefix: str) -> None:
    client_order_id = compose(token, random_part, prefix=prefix)

    assert len(client_order_id) == LENGTH + len(prefix)
    assert owner_token(client_order_id, prefix=prefix) == token


def test_an_id_of_ours_is_written_the_same_for_ever() -> None:
    assert compose("abcde", "0123456789ab") == "abcdec0123456789ab"
    assert compose("abcde", "0123456789ab", prefix="x-") == "x-abcdec0123456789ab"
    assert owner_token("abcdec0123456789ab") == "abcde"


@given(st.text(max_size=40))
def test_any_text_is_read_without_an_error(text: str) -> None:
    token = owner_token(text)

    assert token is None or text.startswith(token)


@pytest.mark.parametrize("foreign", [None, "", "web_abcdef", "autoclose-123", "UPPERCASE012345678"])
def test_foreign_ids_name_nobody(foreign: str | None) -> None:
    assert owner_token(foreign) is None


def test_a_changed_character_is_noticed() -> None:
    mine = compose("abcde", "0123456789ab")

    assert owner_token("b" + mine[1:]) is None


def test_parts_of_the_wrong_length_are_refused() -> None:
    for token, random_part in (("abc", "x"), ("abc", "0123456789ab"), ("abcde", "x")):
        with pytest.raises(ValueError, match=r"^expected 5 and 12 characters$"):
            compose(token, random_part)
