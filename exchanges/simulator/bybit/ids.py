"""
Bybit's ids: UUIDs that say nothing of when or where, yet can be read back by who made them.

122 bits of a version 4 UUID are free: 60 of them are a mark of house, kind and symbol, 62 are the
engine's number, scattered by a multiplication that is undone by its inverse. So ids of different
symbols never collide although their numbers do, and they do not grow with time.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import Final
from uuid import RFC_4122, UUID

NUMBER_BITS: Final = 62
NUMBERS: Final = 1 << NUMBER_BITS
#: odd, so it has an inverse modulo a power of two
SCATTER: Final = 0x1E3779B97F4A7C15
GATHER: Final = pow(SCATTER, -1, NUMBERS)
LOW_TWELVE: Final = 0xFFF
MARK_BITS: Final = 60
VERSION: Final = 4

ORDER: Final = "order"
TRADE: Final = "trade"
INCOME: Final = "income"


@cache
def mark(house: str, kind: str, symbol: str) -> int:
    """What ids of this kind and symbol have in common."""
    digest = sha256(f"bybit:{house}:{kind}:{symbol}".encode()).digest()
    return int.from_bytes(digest) >> (256 - MARK_BITS)


def make(house: str, kind: str, symbol: str, number: int) -> str:
    """The id of a number."""
    marked = mark(house, kind, symbol)
    scattered = (number * SCATTER ^ marked) % NUMBERS
    high = (marked >> 12) << 80 | (marked & LOW_TWELVE) << 64
    return str(UUID(int=high | scattered, version=VERSION))


def read(house: str, kind: str, symbol: str, text: str) -> int | None:
    """The number of an id of this house, kind and symbol; None for any other text."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    marked = mark(house, kind, symbol)
    high = found.int >> 64
    if (high >> 16) << 12 | high & LOW_TWELVE != marked:
        return None
    if found.version != VERSION or found.variant != RFC_4122 or str(found) != text:
        return None
    return (found.int % NUMBERS ^ marked % NUMBERS) * GATHER % NUMBERS
