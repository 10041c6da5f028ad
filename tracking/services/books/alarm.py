"""
A check nobody looks at: what it finds becomes anomalies, and what a later one finds right closes.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from django.db import transaction
from django.utils import timezone

from tracking.domain.findings import AnomalyKind
from tracking.models import AccountState, Anomaly, BooksCheck, ExchangeAccount
from tracking.services import anomalies
from tracking.services.anomalies import Noticed
from tracking.services.books.check import AtExchange
from tracking.services.books.records import Record, recorded_check
from tracking.services.journal import Journal
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from tracking.services.books.verdicts import Line

log = structlog.get_logger(__name__)

#: Every night trades are compared so far back; `check_books --exchange` goes to the beginning.
#: A worker's patience is short: its task has a minute.
NIGHTLY: Final = AtExchange(lately=timedelta(days=3), patience=20)
#: Anomalies one check opens at most: a thousand of them tell a person no more than these.
AT_MOST: Final = 100
RIGHT_AGAIN: Final = "a later check of the books found it right"
OUT_OF_TIME: Final = "the check took longer than a worker has"


def accounts_to_check() -> list[int]:
    """Name the accounts whose books are open."""
    rows = ExchangeAccount.objects.filter(baseline_at__isnull=False)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def watch_books(account_id: int, *, resume: bool = False) -> Record:
    """Check one account, with its exchange if that may be asked, and tell what is wrong."""
    is_active = ExchangeAccount.objects.filter(
        pk=account_id, state=AccountState.ACTIVE.value
    ).exists()
    record = recorded_check(account_id, NIGHTLY if is_active else None, resume=resume)
    tell_violations(record)
    return record


def judged_so_far(account_id: int) -> int:
    """Count the lines of the account's newest check."""
    newest = BooksCheck.objects.filter(account_id=account_id).order_by("-started_at").first()
    return len(newest.lines) if newest else 0


def tell_unfinished(account_id: int) -> None:
    """Tell what a check found that nobody has the time to finish: the rest may never be judged."""
    record = Record.left(account_id)
    if record is None:
        return
    record.end(OUT_OF_TIME)
    tell_violations(record)


def tell_violations(record: Record) -> None:
    """Open an anomaly for each violation; close those of invariants that hold again."""
    account_id, now = record.row.account_id, timezone.now()
    violations = record.check.violations[:AT_MOST]
    if violations:
        log.error("books.violated", account=account_id, violations=record.row.violations)
    with transaction.atomic(durable=True):
        account = ExchangeAccount.objects.only("user_id").get(pk=account_id)
        journal = Journal(account.user_id, account_id, now)
        noticed = [Noticed(kind=AnomalyKind.BOOKS, key=v.key, detail=v.detail) for v in violations]
        anomalies.book(journal, noticed, now)
        anomalies.close(journal, _right_again(account_id, record.lines), RIGHT_AGAIN)
        last = journal.write()
    if last:
        publish_events({account.user_id: last})


def _right_again(account_id: int, lines: list[Line]) -> list[Anomaly]:
    """Give the open anomalies of judged invariants whose violation is no more."""
    judged = {line.invariant: line for line in lines}
    rows = Anomaly.objects.select_for_update(no_key=True).filter(
        account_id=account_id, kind=AnomalyKind.BOOKS.value, closed_at__isnull=True
    )
    return [
        row
        for row in rows.order_by("key")
        if (line := judged.get(row.key.partition(":")[0])) and not _still(line, row.key)
    ]


def _still(line: Line, key: str) -> bool:
    """Whether a violation stands; of more than were kept nobody knows which ones do."""
    cut = line.violation_count > len(line.violations)
    return cut or any(violation.key == key for violation in line.violations)
