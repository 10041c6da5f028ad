"""
Orders above the account's limit of open orders wait for room, the dearest first, then the oldest.

Note [Waiting is an outcome]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~
A request that must wait is WAITING and has no order. Nothing else remembers it: whoever has room
looks for it here and dispatches it again, and the transaction that makes its order asks
`must_wait` again, under the account's lock. So a lost wake-up costs a sweep, and however many
dispatch at once, the limit holds and nobody is overtaken by one who came later or matters less.

What waits is not too old, however long its strategy gives a request; it fails after `AT_MOST`.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from exchanges.refusals import RefusalKind
from tracking.models import (
    ExchangeAccount,
    OrderRequest,
    RequestAction,
    RequestOutcome,
    StrategyAccount,
)
from tracking.services import halts, order_outcomes
from tracking.services.event_emitter import lock_account
from tracking.services.journal import Journal
from tracking.services.order_limits import has_rate_left
from tracking.services.order_room import room
from tracking.services.refusals import Refusal
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

#: An order nobody had room for in a day is not what anybody wants any more.
AT_MOST: Final = timedelta(days=1)
#: Requests that one release hands out, where the account has no limit any more.
AT_ONCE: Final = 100
TURN: Final = ("-priority", "created_at", "pk")


def must_wait(
    account: ExchangeAccount, use: StrategyAccount, request: OrderRequest, now: datetime
) -> bool:
    """Whether a request has to wait for room. Call under the account's lock, after all refusals.

    One that waits already also waits for its strategy's rate, instead of being refused for it.
    """
    if not use.queue_when_full:
        return False
    waits = request.outcome == RequestOutcome.WAITING.value
    if waits and not has_rate_left(use, now):
        return True
    left = room(account)
    return left is not None and _ahead_of(request, now).count() >= left


def accounts_waiting() -> list[int]:
    """Name the accounts with requests that wait."""
    rows = OrderRequest.objects.filter(outcome=RequestOutcome.WAITING.value)
    return sorted(rows.values_list("account_id", flat=True).distinct())


def release(account_id: int, now: datetime) -> list[int]:
    """Give the requests there is room for, in their turn; fail those that waited too long.

    They are WAITING until they have been dispatched: giving them twice costs nothing.
    Raises ExchangeAccount.DoesNotExist, RuntimeError inside a transaction.
    """
    _fail_the_oldest(account_id, now)
    account = ExchangeAccount.objects.only("pk", "max_open_orders").get(pk=account_id)
    if halts.standing(account_id).exists():
        return []
    left = room(account)
    at_once = AT_ONCE if left is None else min(left, AT_ONCE)
    turn = _may_go(account_id, now).order_by(*TURN)
    return list(turn.values_list("pk", flat=True)[:at_once])


def withdraw(request: OrderRequest, actor: str) -> bool:
    """Take a request out of the queue, for good. False: it does not wait any more.

    Raises RuntimeError inside a transaction.
    """
    refusal = Refusal(kind=RefusalKind.WITHDRAWN, reason=f"withdrawn by {actor} while it waited")
    return bool(_fail(request.account_id, Q(pk=request.pk), refusal, timezone.now()))


def waiting(account_id: int) -> QuerySet[OrderRequest]:
    """Give the requests of an account that wait."""
    return OrderRequest.objects.filter(
        account_id=account_id,
        action=RequestAction.PLACE.value,
        outcome=RequestOutcome.WAITING.value,
    )


def _may_go(account_id: int, now: datetime) -> QuerySet[OrderRequest]:
    """Leave out whose strategy has used up its minute: they hold up nobody else."""
    rows = waiting(account_id)
    uses = StrategyAccount.objects.filter(pk__in=rows.values("strategy_account"))
    return rows.exclude(strategy_account__in=[u.pk for u in uses if not has_rate_left(u, now)])


def _ahead_of(request: OrderRequest, now: datetime) -> QuerySet[OrderRequest]:
    earlier = Q(created_at__lt=request.created_at) | Q(
        created_at=request.created_at, pk__lt=request.pk
    )
    return _may_go(request.account_id, now).filter(
        Q(priority__gt=request.priority) | Q(earlier, priority=request.priority)
    )


def _fail_the_oldest(account_id: int, now: datetime) -> None:
    too_old = Q(created_at__lt=now - AT_MOST)
    if not waiting(account_id).filter(too_old).exists():
        return
    reason = "no room came up within a day"
    _fail(account_id, too_old, Refusal(kind=RefusalKind.TOO_OLD, reason=reason), now)


def _fail(account_id: int, which: Q, refusal: Refusal, now: datetime) -> int:
    """Fail those that wait, and say how many. The account's lock keeps attempts away."""
    with transaction.atomic(durable=True):
        account = lock_account(account_id)
        journal = Journal(account.user_id, account_id, now)
        rows = waiting(account_id).filter(which).select_for_update(no_key=True)
        failed = list(rows.order_by("pk"))
        for row in failed:
            order_outcomes.refuse(journal, row, refusal)
        last = journal.write()
    if last:
        publish_events({account.user_id: last})
    return len(failed)
