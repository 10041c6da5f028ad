"""
Exact amounts: Decimal in, plain digits out. No float comes near money.

One context of our own does every inexact operation (the entry price of a position), so that a
program that sets another precision for its threads cannot change what the exchange computes.
"""

from __future__ import annotations

import itertools
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

ZERO = Decimal(0)
#: commissions and realised results have eight places
EIGHT_PLACES = Decimal("0.00000001")
EXACT = Context(prec=40, rounding=ROUND_HALF_EVEN)
CUT = Context(prec=40, rounding=ROUND_DOWN)


def rounded(amount: Decimal) -> Decimal:
    """To eight places, half even."""
    return amount.quantize(EIGHT_PLACES, context=EXACT)


def rounded_down(amount: Decimal) -> Decimal:
    """To eight places, towards nothing."""
    return amount.quantize(EIGHT_PLACES, context=CUT)


def plain(amount: Decimal) -> str:
    """Digits without an exponent: `Decimal("0E-8")` is `0.00000000`."""
    return f"{amount:f}"


def trimmed(amount: Decimal) -> str:
    """Digits without an exponent and without trailing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse(text: str) -> Decimal | None:
    """A finite number, or None."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def down_to_step(amount: Decimal, step: Decimal) -> Decimal:
    """The greatest multiple of `step` that is not above `amount`."""
    return (amount / step).to_integral_value(ROUND_DOWN) * step


def split(total: Decimal, pieces: int, step: Decimal, chance: random.Random) -> list[Decimal]:
    """Cut `total` into at most `pieces` random multiples of `step` that add up to it."""
    lots = int(total / step)
    pieces = min(pieces, lots)
    if pieces <= 1:
        return [total]
    cuts = sorted(chance.sample(range(1, lots), pieces - 1))
    edges = [0, *cuts, lots]
    parts = [(right - left) * step for left, right in itertools.pairwise(edges)]
    parts[-1] += total - lots * step
    return parts
