"""
Celery tasks: one service call each.

A task is a wake-up. Losing one costs at most a sweep (2 s), running one twice costs nothing.
Keyword arguments only, ids only, and `**_future` so that an old worker survives a newer message.

@FEAT:order-tracking @COMP:task @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from exchanges.errors import ExchangeError
from tracking.services import (
    commission_rates,
    inbox,
    key_checks,
    listen_keys,
    notice_gathering,
    notice_sending,
    notice_watch,
    order_dispatch,
    order_tracking,
    pruning,
    sessions,
    verification_queue,
    waiting_queue,
)
from tracking.services.books import alarm
from tracking.services.handover import Handover
from tracking.services.order_fill_monitor import OrderFillMonitor

if TYPE_CHECKING:
    from collections.abc import Sequence

log = structlog.get_logger(__name__)

MINUTE = 60
#: seconds after which a wake-up for orders does nothing: sweeps have sent others by then
WAKES_FOR = 30


@shared_task(name="tracking.place_orders", queue="orders")
def place_orders(*, request_ids: Sequence[int], **_future: object) -> None:
    """Send what was asked for, as far as nobody else has."""
    order_dispatch.dispatch_once(request_ids)


def _wake_orders(request_ids: Sequence[int]) -> None:
    for together in order_dispatch.by_turns(request_ids):
        place_orders.apply_async(kwargs={"request_ids": list(together)}, expires=WAKES_FOR)


_handover = Handover(_wake_orders, name="orders-waker", limit=10_000)


def send_requests(request_ids: Sequence[int]) -> None:
    """Have accepted requests sent soon. Never waits: what is lost here costs a sweep."""
    if request_ids:
        _handover.give(list(request_ids))


@shared_task(name="tracking.process_stream_events", queue="events")
def process_stream_events(*, account_id: int, **_future: object) -> None:
    """Drain an account's inbox for a bounded number of rounds; then others get their turn."""
    try:
        drained = OrderFillMonitor(account_id).on_order_update()
    except ExchangeError as error:
        log.warning("events.postponed", account=account_id, error=type(error).__name__)
        return
    if drained.again:
        process_stream_events.delay(account_id=account_id)


@shared_task(name="tracking.verify_account", queue="sync")
def verify_account(*, account_id: int, **_future: object) -> None:
    """Ask REST about what it has yet to confirm."""
    try:
        verification_queue.verify_due(account_id)
    except ExchangeError as error:
        log.warning("verification.postponed", account=account_id, error=type(error).__name__)


@shared_task(name="tracking.sync_open_orders", queue="sync")
def sync_open_orders(*, account_id: int, **_future: object) -> None:
    """Make the books of one account agree with REST, if that is due."""
    try:
        order_tracking.sync_open_orders(account_id)
    except ExchangeError as error:
        log.warning("sync.postponed", account=account_id, error=type(error).__name__)


@shared_task(name="tracking.sync_due_accounts", queue="sync")
def sync_due_accounts(**_future: object) -> None:
    """Hand out the syncs that are due."""
    for account_id in order_tracking.accounts_to_sync():
        sync_open_orders.apply_async(kwargs={"account_id": account_id}, expires=9)


@shared_task(name="tracking.value_commissions", queue="sync")
def value_commissions(*, account_id: int, **_future: object) -> None:
    """Ask what one account's commissions in third assets were worth."""
    commission_rates.value_commissions(account_id)


@shared_task(name="tracking.value_all_commissions", queue="sync")
def value_all_commissions(**_future: object) -> None:
    """Hand out the accounts with commissions that have no worth yet."""
    for account_id in commission_rates.accounts_with_unvalued(timezone.now()):
        value_commissions.apply_async(kwargs={"account_id": account_id}, expires=MINUTE)


@shared_task(name="tracking.refresh_listen_key", queue="sync")
def refresh_listen_key(*, account_id: int, **_future: object) -> None:
    """Extend the stream credential of one account."""
    listen_keys.refresh_listen_key(account_id)


@shared_task(name="tracking.refresh_listen_keys", queue="sync")
def refresh_listen_keys(**_future: object) -> None:
    """Hand out the extension of every account's stream credential."""
    for account_id in listen_keys.accounts_to_refresh():
        refresh_listen_key.delay(account_id=account_id)


@shared_task(name="tracking.sweep", queue="events")
def sweep(**_future: object) -> None:
    """Wake up for whatever waits: frames nobody drains, verifications that are due, requests."""
    now = timezone.now()
    for account_id in inbox.accounts_waiting():
        process_stream_events.delay(account_id=account_id)
    for account_id in verification_queue.accounts_due(now):
        verify_account.apply_async(kwargs={"account_id": account_id}, expires=10)
    for request_ids in order_dispatch.left_waiting(now).values():
        _wake_orders(request_ids)
    for account_id in waiting_queue.accounts_waiting():
        _wake_orders(waiting_queue.release(account_id, now))


@shared_task(name="tracking.expire_stale_sessions", queue="sync")
def expire_stale_sessions(**_future: object) -> None:
    """End sessions that show no life."""
    sessions.expire_stale()


@shared_task(name="tracking.prune", queue="sync", soft_time_limit=40)
def prune(**_future: object) -> None:
    """Forget what may be forgotten."""
    pruning.prune()


@shared_task(name="tracking.check_books", queue="sync", soft_time_limit=50, time_limit=55)
def check_books(*, account_id: int, judged: int = 0, **_future: object) -> None:
    """Check the books of one account; what a worker has no time for, the next task goes on with.

    If that comes no further either, what was judged by then is told.
    """
    try:
        alarm.watch_books(account_id, resume=judged > 0)
    except SoftTimeLimitExceeded:
        by_now = alarm.judged_so_far(account_id)
        log.warning("books.unfinished", account=account_id, judged=by_now)
        if by_now > judged:
            check_books.delay(account_id=account_id, judged=by_now)
        else:
            alarm.tell_unfinished(account_id)


@shared_task(name="tracking.check_all_books", queue="sync")
def check_all_books(**_future: object) -> None:
    """Hand out the check of every account's books."""
    for account_id in alarm.accounts_to_check():
        check_books.delay(account_id=account_id)


@shared_task(name="tracking.check_key", queue="sync")
def check_key(*, account_id: int, **_future: object) -> None:
    """Ask what the key of one account may do."""
    key_checks.check_key(account_id)


@shared_task(name="tracking.check_keys", queue="sync")
def check_keys(**_future: object) -> None:
    """Hand out the checks of keys that are due."""
    for account_id in key_checks.accounts_to_check(timezone.now()):
        check_key.apply_async(kwargs={"account_id": account_id}, expires=10 * MINUTE)


@shared_task(name="tracking.gather_notices", queue="sync")
def gather_notices(**_future: object) -> None:
    """Book what users want to be told of, and have sent what waits."""
    now = timezone.now()
    notice_gathering.gather(now)
    if notice_sending.channels_due(now):
        send_notices.apply_async(expires=10)


@shared_task(name="tracking.watch_for_notices", queue="sync")
def watch_for_notices(**_future: object) -> None:
    """Book what the clock tells: streams that are down, keys that end."""
    notice_watch.watch(timezone.now())


@shared_task(name="tracking.send_notices", queue="sync")
def send_notices(**_future: object) -> None:
    """Send one round of notices."""
    notice_sending.send_due()
