"""
One account's books, checked: its rows at one moment, and the exchange around it.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracking.models import ExchangeAccount
from tracking.services.books.exchange_lines import SETTLED_AFTER, Comparison
from tracking.services.books.invariants import INVARIANTS
from tracking.services.books.moment import one_moment
from tracking.services.books.theirs import PATIENCE, Reader
from tracking.services.books.verdicts import Check, Line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class AtExchange:
    """How the exchange is asked: how far back its trades, and how long in seconds."""

    lately: timedelta | None = None
    #: until what still differs counts; see Note [Two looks]
    settled_after: float = SETTLED_AFTER
    #: for one question, while the exchange cannot be read
    patience: float = PATIENCE


def check_account(
    account_id: int, *, with_exchange: bool = False, at_exchange: AtExchange | None = None
) -> Check:
    """Judge every invariant. Writes nothing.

    Raises ExchangeError if the exchange is to be asked and cannot be read, RuntimeError inside a
    transaction.
    """
    asked = at_exchange or AtExchange() if with_exchange else None
    return Check(account_id=account_id, lines=tuple(lines_of(account_id, asked)))


def lines_of(
    account_id: int, at_exchange: AtExchange | None, *, done: Collection[str] = ()
) -> Iterator[Line]:
    """Judge the invariants that are not done, one after the other: our rows, all on one snapshot,
    and then, if it is to be asked, the exchange.
    """
    with one_moment(account_id) as moment:
        for invariant in INVARIANTS:
            if invariant.name not in done:
                yield invariant.judge(moment)
    if at_exchange:
        account = ExchangeAccount.objects.get(pk=account_id)
        reader = Reader(account, patience=at_exchange.patience)
        comparison = Comparison(account, reader, at_exchange.lately)
        yield from comparison.lines(at_exchange.settled_after)
