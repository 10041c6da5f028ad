from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from exchanges.binance_wallet import LONGEST_REST, Wallet, balances
from exchanges.errors import MalformedMessage

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FULL, EMPTY = {"USDT": Decimal(5)}, {"USDT": Decimal(0)}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def rested() -> tuple[Wallet, Clock]:
    """Return a wallet whose incomes were read twice with the same balances."""
    clock = Clock()
    wallet = Wallet(clock)
    for _ in range(2):
        assert not wallet.may_skip(FULL, NOW)
        wallet.note_read(FULL)
    return wallet, clock


def test_a_list_is_left_out_once_it_was_read_twice_without_a_change() -> None:
    wallet, _ = rested()

    assert wallet.may_skip(FULL, NOW)


@pytest.mark.parametrize("changed", [EMPTY, {}, FULL | {"BNB": Decimal(1)}])
def test_whatever_moved_is_read(changed: dict[str, Decimal]) -> None:
    wallet, _ = rested()

    assert not wallet.may_skip(changed, NOW)


def test_what_came_back_in_between_is_read_as_well() -> None:
    wallet, _ = rested()
    wallet.note_read(EMPTY)

    assert not wallet.may_skip(FULL, NOW)


def test_after_a_while_the_list_is_read_from_where_it_was_left_out() -> None:
    wallet, clock = rested()
    later = NOW + timedelta(seconds=40)
    assert wallet.may_skip(FULL, NOW)
    assert wallet.may_skip(FULL, later)

    clock.now = LONGEST_REST + 1

    assert not wallet.may_skip(FULL, later)
    assert wallet.read_from(later) == NOW
    wallet.note_read(FULL)
    assert wallet.read_from(later) == later


def test_what_was_not_read_to_its_end_settles_nothing() -> None:
    wallet = Wallet(Clock())
    wallet.note_read(FULL)

    assert not wallet.may_skip(FULL, NOW)


def test_balances_are_read_strictly() -> None:
    rows = [{"asset": "USDT", "balance": "-0.5", "crossUnPnl": "9"}]

    assert balances(rows) == {"USDT": Decimal("-0.5")}
    with pytest.raises(MalformedMessage):
        balances([{"asset": "USDT"}])
