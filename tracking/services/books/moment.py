"""
One account at one moment: what every invariant of a check is judged on.

All reads of a check are made in one REPEATABLE READ READ ONLY transaction, so that a system at work
is judged as it was at one moment, and nothing has to stop for it.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connection, transaction

from tracking.models import ExchangeAccount
from tracking.selectors import SECRETS
from tracking.services.books.rebuilt import RebuiltPosition, rebuilt_positions

if TYPE_CHECKING:
    from collections.abc import Iterator

_ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
T = TypeVar("T")
Found = tuple[int, list[tuple[str, str]]]


class Moment:
    """An account as one transaction sees it; what several invariants need is read once."""

    def __init__(self, account_id: int) -> None:
        """Read the account. Raises ExchangeAccount.DoesNotExist."""
        self.account = ExchangeAccount.objects.defer(*SECRETS).get(pk=account_id)
        self._kept: dict[str, Any] = {}

    def once(self, name: str, read: Callable[[Moment], T]) -> T:
        """Read something under a name, the first time it is asked for."""
        if name not in self._kept:
            self._kept[name] = read(self)
        kept: T = self._kept[name]
        return kept

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statements of the invariants may name."""
        return {"account": self.account.pk, "user": self.account.user_id}

    @cached_property
    def positions(self) -> list[RebuiltPosition]:
        """Every position, as it is and as its executions and postings make it."""
        return list(rebuilt_positions(self.account))


#: One question: how many rows it concerns, and (subject, detail) of each wrong one.
Part = Callable[[Moment], Found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A part in SQL: `count` gives the number of rows, `finds` (subject, detail) of the wrong."""

    count: str
    finds: str

    def __call__(self, moment: Moment) -> Found:
        """Ask the database."""
        with connection.cursor() as cursor:
            cursor.execute(self.count, moment.parameters)
            (rows,) = cursor.fetchone()
            cursor.execute(self.finds, moment.parameters)
            return rows, [(subject, detail) for subject, detail in cursor.fetchall()]


@contextmanager
def one_moment(account_id: int) -> Iterator[Moment]:
    """Hold one snapshot of the database. Raises RuntimeError inside another transaction."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(_ONE_MOMENT)
        yield Moment(account_id)
