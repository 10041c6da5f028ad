"""Candles: every minute since the market opened has one, whether its price moved or not."""

from __future__ import annotations

from decimal import Decimal

from exchanges.simulator.candles import KEPT, MINUTE_MS, Candles

START = 1_700_000_040_000


def closes(candles: Candles, now: int, start: int = 0) -> list[tuple[int, str]]:
    found = candles.between(start, now, now)
    return [((c.minute - START) // MINUTE_MS, str(c.close)) for c in found]


def test_a_minute_closes_at_its_last_price() -> None:
    candles = Candles(Decimal(600), START + 5)
    candles.note(Decimal(620), START + 10)
    candles.note(Decimal(590), START + 20)
    candles.note(Decimal(610), START + MINUTE_MS)

    first, second = candles.between(0, START + MINUTE_MS, START + MINUTE_MS)
    assert [first.open, first.high, first.low, first.close] == [600, 620, 590, 590]
    assert [second.open, second.high, second.low, second.close] == [590, 610, 590, 610]


def test_minutes_in_which_nothing_moved_keep_the_price() -> None:
    candles = Candles(Decimal(600), START)
    candles.note(Decimal(610), START + 3 * MINUTE_MS)

    told = closes(candles, START + 5 * MINUTE_MS)
    assert told == [(0, "600"), (1, "600"), (2, "600"), (3, "610"), (4, "610"), (5, "610")]
    assert closes(candles, START + 5 * MINUTE_MS, START + 4 * MINUTE_MS) == told[4:]


def test_old_minutes_are_forgotten() -> None:
    candles = Candles(Decimal(600), START)
    candles.note(Decimal(610), START + 10 * KEPT * MINUTE_MS)

    told = closes(candles, START + 10 * KEPT * MINUTE_MS)
    assert (len(told), told[0], told[-1]) == (KEPT, (9 * KEPT + 1, "600"), (10 * KEPT, "610"))


def test_a_clock_set_back_changes_nothing() -> None:
    candles = Candles(Decimal(600), START + MINUTE_MS)
    candles.note(Decimal(610), START)

    assert closes(candles, START + MINUTE_MS) == [(1, "610")]
