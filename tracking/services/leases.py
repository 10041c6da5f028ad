"""
Who streams an account. A lease is columns of the account row, taken by one UPDATE on database time.

The epoch grows with every change of owner and fences what an owner may say about itself (session
rows, key actions). Evidence needs no fence: merge cannot be hurt by it.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models.functions import Now

from tracking.models import ExchangeAccount

if TYPE_CHECKING:
    from collections.abc import Iterable

LEASE = timedelta(seconds=12)
RENEW_EVERY = timedelta(seconds=4)

_TAKE = """
    UPDATE tracking_exchangeaccount AS account
    SET lease_owner = %s,
        lease_epoch = lease_epoch + 1,
        lease_until = clock_timestamp() + make_interval(secs => %s)
    WHERE id IN (
        SELECT id FROM tracking_exchangeaccount
        WHERE state = 'ACTIVE' AND (lease_until IS NULL OR lease_until < clock_timestamp())
        ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
    )
    RETURNING id, lease_epoch
"""


def take(owner: str, limit: int) -> dict[int, int]:
    """Take up to `limit` free accounts; return their new epochs.

    SKIP LOCKED is right here and only here: an account being written to is simply taken next time.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [owner, LEASE.total_seconds(), limit])
        return dict(cursor.fetchall())


def renew(owner: str, epochs: dict[int, int]) -> set[int]:
    """Renew what is still ours; return the accounts that are."""
    kept = set()
    for account_id, epoch in epochs.items():
        rows = ExchangeAccount.objects.filter(
            pk=account_id, lease_owner=owner, lease_epoch=epoch, state="ACTIVE"
        )
        if rows.update(lease_until=Now() + LEASE):
            kept.add(account_id)
    return kept


def is_current(account_id: int, epoch: int) -> bool:
    """Tell whether nobody has taken the account since this epoch began."""
    return ExchangeAccount.objects.filter(pk=account_id, lease_epoch=epoch).exists()


def give_back(owner: str, account_ids: Iterable[int]) -> None:
    """End leases at once, so that another host need not wait for them to run out."""
    ExchangeAccount.objects.filter(pk__in=list(account_ids), lease_owner=owner).update(
        lease_until=None, lease_owner=""
    )


def take_reconnect_requests(account_ids: Iterable[int]) -> set[int]:
    """Return, and clear, the accounts whose stream somebody asked to reconnect."""
    asked = ExchangeAccount.objects.filter(
        pk__in=list(account_ids), reconnect_requested_at__isnull=False
    )
    found = dict(asked.values_list("pk", "reconnect_requested_at"))
    for account_id, at in found.items():
        ExchangeAccount.objects.filter(pk=account_id, reconnect_requested_at=at).update(
            reconnect_requested_at=None
        )
    return set(found)


def request_reconnect(account_id: int) -> None:
    """Ask whoever streams the account to reconnect; looked at every second."""
    ExchangeAccount.objects.filter(pk=account_id).update(
        reconnect_requested_at=Now(), next_full_sync_at=None
    )


def revoke(account_id: int) -> None:
    """End an account's lease, whoever has it: the next stream begins with the row as it is now.

    A reconnect would keep the key the stream began with.
    """
    ExchangeAccount.objects.filter(pk=account_id).update(
        lease_until=None, lease_owner="", next_full_sync_at=None
    )
