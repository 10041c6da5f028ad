"""
The journal of a transaction: what changed, in order, numbered per user.

Numbers are taken last, all at once, by `UPDATE ... seq + n RETURNING` on the user's counter row.
The row stays locked until commit, so numbers become visible in order and without holes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import connection

from tracking.models import EventKind, OrderEvent
from tracking.services.payloads import order_payload

if TYPE_CHECKING:
    from datetime import datetime

    from tracking.models import Trade
    from tracking.models.orders import OrderColumns
    from tracking.services.payloads import Payload

_TAKE_NUMBERS = """
    INSERT INTO tracking_eventcounter (user_id, seq) VALUES (%s, %s)
    ON CONFLICT (user_id) DO UPDATE SET seq = tracking_eventcounter.seq + EXCLUDED.seq
    RETURNING seq
"""


@dataclass(slots=True)
class Journal:
    """Collects what a transaction has to tell one user, and writes it as its last statements."""

    user_id: int
    account_id: int
    now: datetime
    rows: list[OrderEvent] = field(default_factory=list)

    def add(
        self,
        kind: EventKind,
        payload: Payload,
        *,
        order: OrderColumns | Trade | None = None,
        received_at: datetime | None = None,
    ) -> None:
        """Append one event. `order` gives the ids under which it is found again."""
        self.rows.append(
            OrderEvent(
                user_id=self.user_id,
                account_id=self.account_id,
                kind=kind.value,
                symbol=str(payload.get("symbol") or (order.symbol if order else "")),
                exchange_order_id=(order.exchange_order_id or "") if order else "",
                client_order_id=(order.client_order_id or "") if order else "",
                payload=payload,
                received_at=received_at,
                created_at=self.now,
            )
        )

    def write(self) -> int:
        """Number and insert the events; return the last number (0 if there was nothing)."""
        if not self.rows:
            return 0
        last = take_numbers(self.user_id, len(self.rows))
        for seq, row in enumerate(self.rows, start=last - len(self.rows) + 1):
            row.seq = seq
        OrderEvent.objects.bulk_create(self.rows, batch_size=2000)
        return last


def take_numbers(user_id: int, count: int) -> int:
    """Reserve `count` journal numbers until commit; return the last one."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_NUMBERS, [user_id, count])
        (last,) = cursor.fetchone()
    return int(last)


def emit_pending_order_sse(
    journal: Journal,
    order: OrderColumns,
    *,
    action: str,
    reason: str = "",
    received_at: datetime | None = None,
) -> None:
    """Tell that an open order appeared or changed (`upsert`), or left the list (`remove`)."""
    journal.add(
        EventKind.PENDING_ORDER,
        {"action": action, "reason": reason, "order": order_payload(order)},
        order=order,
        received_at=received_at,
    )
