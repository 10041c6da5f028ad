"""
HALT: from its commit on nothing new leaves, on one account or on all. Cancels still do.

Note [Nothing after the halt]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
A halt is committed under the locks of all accounts it stops, and looked at under the account's lock
in the transaction that makes an order: an order is attempted before the halt's commit, or refused.
One that was attempted and not yet claimed for sending is not claimed any more: the claim asks for
`standing()` in its own statement. What was claimed before is on its way, and is tracked as ever.

The locks are taken in the order of ids by one statement, as by everybody who takes several, so
nobody waits in a circle. They hold up fills, and one account's transaction can be long: after
`PATIENCE` the halt is written without them. Then a transaction that had already looked may still
make its order after the halt; the claim does not send it.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeVar

import structlog
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import OuterRef, Q
from django.utils import timezone

from exchanges.refusals import RefusalKind
from tracking.models import EventKind, ExchangeAccount, Halt
from tracking.services.journal import Journal
from tracking.services.payloads import halt_payload
from tracking.services.refusals import Refusal
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

log = structlog.get_logger(__name__)
T = TypeVar("T")

#: Milliseconds for which a halt waits for the locks of all its accounts.
PATIENCE: Final = 3000


def standing(account: int | OuterRef | None = None) -> QuerySet[Halt]:
    """Give the halts that stop an account; without one, that of the outer query's `account_id`."""
    stopped = OuterRef("account_id") if account is None else account
    return Halt.objects.filter(
        Q(account_id=stopped) | Q(account_id__isnull=True), lifted_at__isnull=True
    )


def refusal(account: ExchangeAccount, now: datetime) -> Refusal | None:
    """Refuse a new order while a halt stands. Call under the account's lock."""
    halt = standing(account.pk).order_by("set_at").first()
    if halt is None:
        return None
    return Refusal(kind=RefusalKind.HALTED, reason=in_words(halt, now))


def in_words(halt: Halt, now: datetime) -> str:
    """Say what is stopped, since when, by whom and why."""
    what = "this account" if halt.account_id else "all trading"
    minutes = max(0, int((now - halt.set_at).total_seconds() // 60))
    return f"{what} was halted by {halt.set_by} {minutes} min ago: {halt.reason}"


def set_halt(*, account_id: int | None, reason: str, actor: str) -> Halt:
    """Stop an account, or all. One that is stopped already keeps its halt, which is returned.

    See Note [Nothing after the halt]. Raises ExchangeAccount.DoesNotExist, RuntimeError inside a
    transaction.
    """
    return _bounded(partial(_set, account_id, reason, actor))


def lift_halt(*, account_id: int | None, actor: str) -> Halt | None:
    """Let an account, or all, trade again; the other halts stay. None: there was no such halt.

    Raises ExchangeAccount.DoesNotExist, RuntimeError inside a transaction.
    """
    return _bounded(partial(_lift, account_id, actor))


def _bounded(change: Callable[[bool], T]) -> T:
    """Change something under the locks, or without them where they are not to be had in time."""
    try:
        return change(True)  # noqa: FBT003 - whether it locks is all there is to say
    except OperationalError as error:
        log.warning("halt.unlocked", error=str(error).partition("\n")[0])
        return change(False)  # noqa: FBT003


def _lift(account_id: int | None, actor: str, with_locks: bool) -> Halt | None:  # noqa: FBT001
    with transaction.atomic(durable=True):
        accounts = _stopped(account_id, with_locks=with_locks)
        halt = _current(account_id)
        if halt is None:
            return None
        # the clock of whoever set it may be ahead of ours
        halt.lifted_at, halt.lifted_by = max(timezone.now(), halt.set_at), actor[:150]
        halt.save(update_fields=["lifted_at", "lifted_by"])
        last = _tell(accounts, halt)
    _told("halt.lifted", halt, last)
    return halt


def _set(account_id: int | None, reason: str, actor: str, with_locks: bool) -> Halt:  # noqa: FBT001
    try:
        with transaction.atomic(durable=True):
            accounts = _stopped(account_id, with_locks=with_locks)
            halt = _current(account_id)
            if halt is not None:
                return halt
            halt = Halt.objects.create(
                account_id=account_id,
                reason=reason[:200],
                set_by=actor[:150],
                set_at=timezone.now(),
            )
            last = _tell(accounts, halt)
    except IntegrityError:
        # another's, at the same moment: only where the locks were not to be had
        return Halt.objects.get(account_id=account_id, lifted_at__isnull=True)
    _told("halt.set", halt, last)
    return halt


def _current(account_id: int | None) -> Halt | None:
    return Halt.objects.filter(account_id=account_id, lifted_at__isnull=True).first()


def _stopped(account_id: int | None, *, with_locks: bool) -> list[ExchangeAccount]:
    """Read the accounts a halt concerns, locked in the order of their ids."""
    rows = ExchangeAccount.objects.only("pk", "user_id").order_by("pk")
    if account_id is not None:
        rows = rows.filter(pk=account_id)
    accounts = _locked(rows) if with_locks else list(rows)
    if account_id is not None and not accounts:
        raise ExchangeAccount.DoesNotExist
    return accounts


def _locked(rows: QuerySet[ExchangeAccount]) -> list[ExchangeAccount]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, TRUE)", [str(PATIENCE)])
        accounts = list(rows.select_for_update(no_key=True))
        cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
    return accounts


def _tell(accounts: Sequence[ExchangeAccount], halt: Halt) -> dict[int, int]:
    """Tell each account's user; give the last number of each. Counters are locked in one order."""
    now, last = halt.lifted_at or halt.set_at, {}
    of_user = attrgetter("user_id")
    for user_id, owned in groupby(sorted(accounts, key=of_user), of_user):
        for account in owned:
            journal = Journal(user_id, account.pk, now)
            journal.add(EventKind.HALT, halt_payload(halt))
            last[user_id] = journal.write()
    return last


def _told(name: str, halt: Halt, last: dict[int, int]) -> None:
    publish_events(last)
    log.warning(name, account=halt.account_id, by=halt.lifted_by or halt.set_by)
