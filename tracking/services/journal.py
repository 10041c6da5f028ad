"""
The journal of a transaction: what changed, in order, numbered per user.

Numbers are taken last, all at once, by `UPDATE ... seq + n RETURNING` on the user's counter row.
The row stays locked until commit, so numbers become visible in order and without holes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from exchanges.messages import OrderStatus
from tracking.models import EventKind, OrderEvent
from tracking.services import bulk_rows, statements
from tracking.services.payloads import order_payload

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tracking.models import Trade
    from tracking.models.orders import OrderColumns
    from tracking.services.payloads import Payload
    from tracking.services.statements import Statement

#: how the end of an order is called on the stream
TOLD_AT_END = {
    OrderStatus.FILLED: EventKind.ORDER_FILLED,
    OrderStatus.CANCELLED: EventKind.ORDER_CANCELLED,
    OrderStatus.EXPIRED: EventKind.ORDER_EXPIRED,
    OrderStatus.REJECTED: EventKind.ORDER_REJECTED,
    OrderStatus.FAILED: EventKind.ORDER_REJECTED,
}
_TAKE_NUMBERS = """
    INSERT INTO tracking_eventcounter (user_id, seq) VALUES (%s, %s)
    ON CONFLICT (user_id) DO UPDATE SET seq = tracking_eventcounter.seq + EXCLUDED.seq
    RETURNING seq
"""
_COLUMNS = (
    "seq",
    "user_id",
    "account_id",
    "created_at",
    "kind",
    "symbol",
    "exchange_order_id",
    "client_order_id",
    "payload",
    "received_at",
)


class Entry(NamedTuple):
    """One event that has no number yet; its fields are the last columns."""

    kind: str
    symbol: str
    exchange_order_id: str
    client_order_id: str
    payload: Payload
    received_at: datetime | None


@dataclass(slots=True)
class Journal:
    """Collects what a transaction has to tell one user, and writes it as its last statements."""

    user_id: int
    account_id: int
    now: datetime
    entries: list[Entry] = field(default_factory=list)

    def add(
        self,
        kind: EventKind,
        payload: Payload,
        *,
        order: OrderColumns | Trade | None = None,
        received_at: datetime | None = None,
    ) -> None:
        """Append one event. `order` gives the ids under which it is found again."""
        self.entries.append(
            Entry(
                kind=kind.value,
                symbol=str(payload.get("symbol") or (order.symbol if order else "")),
                exchange_order_id=(order.exchange_order_id or "") if order else "",
                client_order_id=(order.client_order_id or "") if order else "",
                payload=payload,
                received_at=received_at,
            )
        )

    def write(self, *, after: Sequence[Statement] = ()) -> int:
        """Number and insert the events; return the last number (0 if there was nothing).

        `after`: what the transaction has to write before, sent along with taking the numbers.
        """
        if not self.entries:
            statements.run(after)
            return 0
        # written out first: who holds the counter keeps the user's other accounts waiting
        same = (self.user_id, self.account_id, self.now)
        lines = [bulk_rows.line((*same, *entry)) for entry in self.entries]
        take_numbers = (_TAKE_NUMBERS, [self.user_id, len(lines)])
        ((last,),) = statements.run([*after, take_numbers])
        first = last - len(lines) + 1
        numbered = [f"{seq}\t{line}" for seq, line in enumerate(lines, start=first)]
        bulk_rows.copy_lines(OrderEvent, _COLUMNS, numbered)
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
