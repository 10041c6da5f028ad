"""
What the stream worker does itself when Celery does not: a dead broker or beat costs latency, not
truth.

Work counts as left undone once it is overdue by a little more than Celery would ever leave it.

@FEAT:order-tracking @COMP:stream @TYPE:core
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from exchanges.errors import ExchangeError
from tracking.models import ExchangeAccount, StreamEvent
from tracking.services import order_dispatch, order_tracking, verification_queue, waiting_queue
from tracking.services.order_fill_monitor import OrderFillMonitor

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor

log = structlog.get_logger(__name__)

LOOK_EVERY = 2.0
FRAMES_OVERDUE = timedelta(seconds=2.5)
SYNC_OVERDUE = timedelta(seconds=3)
VERIFY_OVERDUE = timedelta(seconds=4)
#: on top of the second after which a sweep hands out a request
ORDERS_OVERDUE = timedelta(seconds=2)


class Fallback:
    """Finds work of some accounts that nobody does, and does it in a pool of threads."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        """`pool` runs the work; each account's work of one kind runs once at a time."""
        self._pool = pool
        self._running: set[tuple[str, int]] = set()
        self._next_look = 0.0

    def step(self, account_ids: list[int]) -> None:
        """Look every two seconds for what is overdue."""
        if not account_ids or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_EVERY
        now = timezone.now()
        frames = StreamEvent.objects.filter(
            account_id__in=account_ids,
            processed_at__isnull=True,
            quarantined_at__isnull=True,
            received_at__lt=now - FRAMES_OVERDUE,
        )
        for account_id in frames.values_list("account_id", flat=True).distinct():
            self._do("drain", account_id, _drain)
        syncs = ExchangeAccount.objects.filter(
            pk__in=account_ids, next_sync_at__lt=now - SYNC_OVERDUE
        )
        for account_id in syncs.values_list("pk", flat=True):
            self._do("sync", account_id, order_tracking.sync_open_orders)
        for account_id in verification_queue.accounts_due(now - VERIFY_OVERDUE):
            if account_id in account_ids:
                self._do("verify", account_id, verification_queue.verify_due)
        overdue = order_dispatch.left_waiting(now - ORDERS_OVERDUE, account_ids)
        for account_id in sorted({*overdue, *waiting_queue.accounts_waiting()}):
            if account_id in account_ids:
                self._do("orders", account_id, _send)

    def _do(self, kind: str, account_id: int, work: Callable[[int], object]) -> None:
        key = (kind, account_id)
        if key in self._running:
            return
        self._running.add(key)
        log.info("work.taken_over", kind=kind, account=account_id)
        self._pool.submit(self._run, key, work)

    def _run(self, key: tuple[str, int], work: Callable[[int], object]) -> None:
        try:
            work(key[1])
        except ExchangeError as error:
            log.warning("work.postponed", kind=key[0], account=key[1], error=str(error))
        except (DatabaseError, InterfaceError) as error:
            log.warning("work.postponed", kind=key[0], account=key[1], error=str(error))
        except Exception:
            log.exception("work.failed", kind=key[0], account=key[1])
        finally:
            connection.close()
            self._running.discard(key)


def _send(account_id: int) -> None:
    """Send what nobody sent, and what has waited for room that is there now."""
    now = timezone.now()
    overdue = order_dispatch.left_waiting(now - ORDERS_OVERDUE, [account_id])
    waited = waiting_queue.release(account_id, now)
    order_dispatch.dispatch_once([*overdue.get(account_id, []), *waited])


def _drain(account_id: int) -> object:
    return OrderFillMonitor(account_id).on_order_update()
