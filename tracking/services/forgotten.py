"""
What no exchange can confirm any more: marked so, told, and not asked about again.

Exchanges forget. A fill that REST has not confirmed by the time it must have been forgotten will
not be confirmed by asking on, and that nobody confirms it says nothing against it: it stays booked
as it is, unverified. Should a word of it come all the same, it counts. Orders that are not found
any more are judged in `absence`.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from django.db import connection, transaction

from exchanges import registry
from tracking.domain.findings import AnomalyKind
from tracking.services import anomalies
from tracking.services.anomalies import Noticed
from tracking.services.event_emitter import lock_account
from tracking.services.journal import Journal
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tracking.models import ExchangeAccount, TradeExecution

log = structlog.get_logger(__name__)

#: The clocks of exchange and database need not agree to the day.
CAUTION: Final = timedelta(days=1)
#: Asked so often in vain, at least.
ATTEMPTS: Final = 3

_GIVE_UP = """
    UPDATE tracking_tradeexecution SET next_verify_at = NULL, unverifiable_at = %s
    WHERE id = ANY(%s) AND NOT verified AND voided_at IS NULL AND executed_at < %s
      AND verify_attempts >= %s
    RETURNING market_type, symbol, exchange_order_id, exchange_trade_id
"""


def give_up(account: ExchangeAccount, asked: Sequence[TradeExecution], now: datetime) -> int:
    """Mark fills that REST, which has just answered, cannot know any more; return how many.

    Raises RuntimeError inside a transaction.
    """
    memory = registry.facts(account.exchange, account.market_type).remembers_filled
    before = now - memory - CAUTION
    old = [row.pk for row in asked if row.executed_at < before]
    if not old:
        return 0
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        locked = lock_account(account.pk)
        cursor.execute(_GIVE_UP, [now, old, before, ATTEMPTS])
        found = cursor.fetchall()
        journal = Journal(locked.user_id, locked.pk, now)
        detail = f"cannot be verified any more: the exchange remembers fills for {memory.days} days"
        anomalies.book(
            journal,
            [
                Noticed(
                    kind=AnomalyKind.UNVERIFIABLE,
                    key=":".join(order),
                    detail=f"execution {trade_id} {detail}",
                )
                for *order, trade_id in found
            ],
            now,
        )
        last = journal.write()
    if last:
        publish_events({locked.user_id: last})
        log.warning("executions.unverifiable", account=account.pk, executions=len(found))
    return len(found)
