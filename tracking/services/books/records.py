"""
Checks that are kept: one row each, written line by line; one that was interrupted can go on.

It goes on only if asked to: what was judged before was judged at another moment, and who asks
whether the books are right means now.

A check reads in a READ ONLY transaction that lasts until its last line. What it has found so far is
therefore written by a thread of its own, which has a connection of its own.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self, TypeVar

import structlog
from django.db import connection
from django.utils import timezone

from exchanges.errors import ExchangeError
from tracking.models import BooksCheck, CheckState
from tracking.services.books.check import lines_of
from tracking.services.books.verdicts import Check, Line

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tracking.services.books.check import AtExchange

log = structlog.get_logger(__name__)

#: An unfinished check younger than this goes on; what an older one found is no longer so.
GOES_ON_FOR: Final = timedelta(hours=1)
UNREAD: Final = "exchange"
T = TypeVar("T")


@dataclass(slots=True)
class Record:
    """The row of one check, kept in step with what has been judged."""

    row: BooksCheck
    lines: list[Line] = field(default_factory=list)
    #: why the exchange could not be read; "" if it could, or was not asked
    unread: str = ""

    @classmethod
    def begin(cls, account_id: int, *, with_exchange: bool, resume: bool) -> Record:
        """Begin one, or take up the unfinished check of the same kind if there is one."""
        now = timezone.now()
        row = _unfinished(account_id, with_exchange=with_exchange) if resume else None
        if row is None:
            row = BooksCheck.objects.create(
                account_id=account_id, with_exchange=with_exchange, started_at=now
            )
        return cls(row, [Line.from_json(told) for told in row.lines])

    @classmethod
    def left(cls, account_id: int) -> Self | None:
        """Take up an unfinished check of whatever kind, the newest."""
        found = [_unfinished(account_id, with_exchange=asked) for asked in (True, False)]
        rows = sorted((row for row in found if row), key=lambda row: row.started_at)
        return cls(rows[-1], [Line.from_json(told) for told in rows[-1].lines]) if rows else None

    def add(self, line: Line) -> None:
        """Keep one more line."""
        self.lines.append(line)
        self._save()

    def end(self, unread: str = "") -> None:
        """Keep the verdict."""
        self.unread = unread
        if unread:
            says = f"the exchange could not be read: {unread}"
            self.lines.append(Line(invariant=UNREAD, says=says, rows_checked=0))
        self.row.state = self._state().value
        self.row.finished_at = timezone.now()
        self._save()

    def _state(self) -> CheckState:
        if self.check.violation_count:
            return CheckState.VIOLATED
        return CheckState.UNREADABLE if self.unread else CheckState.CLEAN

    def _save(self) -> None:
        self.row.lines = [line.to_json() for line in self.lines]
        self.row.rows_checked = self.check.rows_checked
        self.row.violations = self.check.violation_count
        self.row.save()

    @property
    def check(self) -> Check:
        """What has been judged so far."""
        return Check(account_id=self.row.account_id, lines=tuple(self.lines))


def _unfinished(account_id: int, *, with_exchange: bool) -> BooksCheck | None:
    rows = BooksCheck.objects.filter(
        account_id=account_id,
        with_exchange=with_exchange,
        state=CheckState.RUNNING.value,
        started_at__gte=timezone.now() - GOES_ON_FOR,
    )
    return rows.order_by("-started_at").first()


class _Clerk:
    """Writes beside the transaction in which a check reads."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="books")

    def __enter__(self) -> Self:
        return self

    def do(self, work: Callable[[], T]) -> T:
        """Do it in the other thread and wait for it."""
        return self._thread.submit(work).result()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # looked up over there: each thread has a connection of its own
        self.do(lambda: connection.close())  # noqa: PLW0108
        self._thread.shutdown()


def recorded_check(
    account_id: int,
    at_exchange: AtExchange | None = None,
    *,
    resume: bool = False,
    tell: Callable[[Line], None] = lambda _line: None,
) -> Record:
    """Check an account's books and keep the result; `tell` hears of each line as it is judged.

    With `resume`, what an unfinished check had judged less than an hour ago is not judged again.
    """
    with _Clerk() as clerk:
        record = clerk.do(
            lambda: Record.begin(account_id, with_exchange=at_exchange is not None, resume=resume)
        )
        for line in record.lines:
            tell(line)
        unread = ""
        try:
            done = {line.invariant for line in record.lines}
            for line in lines_of(account_id, at_exchange, done=done):
                clerk.do(lambda line=line: record.add(line))  # type: ignore[misc]  # no other name
                tell(line)
        except ExchangeError as error:
            unread = str(error)[:200] or type(error).__name__
        clerk.do(lambda: record.end(unread))
    log.info(
        "books.checked",
        account=account_id,
        state=record.row.state,
        rows=record.row.rows_checked,
        violations=record.row.violations,
    )
    return record
