"""
Asking about many orders of one market in as few requests as will do.

Policy: an order asked for alone brings its fills, so up to three are asked for one by one. More
are named in one request per hundred, which tells how far each is but not its fills; those of the
orders that have filled are asked for then, the ended ones first, a few at a time.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from exchanges.errors import OrderNotFound
from exchanges.messages import OrderStatus
from exchanges.questions import Verification
from exchanges.understanding import about

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exchanges.messages import ExecutionReport, OrderSnapshot
    from exchanges.questions import OrderRef
    from exchanges.upbit_orders import Asking

#: one by one is as quick as together up to this many, and brings the fills
FEW: Final = 3
#: so many of those that were asked for together are then asked for their fills
MOST_WITH_FILLS: Final = 12
_ALIVE: Final = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})


@dataclass(slots=True, kw_only=True)
class _Inquiry:
    """One verification while it is being put together."""

    asking: Asking
    requested_at: datetime
    snapshots: list[OrderSnapshot] = field(default_factory=list)
    not_found: list[OrderRef] = field(default_factory=list)
    executions: list[ExecutionReport] = field(default_factory=list)
    complete: set[str] = field(default_factory=set)

    def ask_singly(self, refs: Iterable[OrderRef]) -> None:
        for ref in refs:
            try:
                order = self.asking.one(ref)
            except OrderNotFound:
                self.not_found.append(ref)
                continue
            self.snapshots.append(order.snapshot)
            self.executions += order.executions
            if order.is_whole:
                self.complete.add(order.snapshot.exchange_order_id)

    def ask_together(self, refs: Sequence[OrderRef], *, want_trades: bool) -> None:
        known = self.asking.named(refs)
        by_id = {order.exchange_order_id: order for order in known}
        by_name = {order.client_order_id: order for order in known if order.client_order_id}
        filled: list[tuple[OrderRef, OrderSnapshot]] = []
        for ref in refs:
            found = by_id.get(ref.exchange_order_id or "") or by_name.get(ref.client_order_id or "")
            if found is None:
                self.not_found.append(ref)
            elif want_trades and found.filled_quantity:
                filled.append((ref, found))
            else:
                self._keep(ref, found)
        filled.sort(key=lambda pair: pair[1].status in _ALIVE)
        self.ask_singly(ref for ref, _ in filled[:MOST_WITH_FILLS])
        for ref, found in filled[MOST_WITH_FILLS:]:
            self.snapshots.append(about(ref, found))

    def _keep(self, ref: OrderRef, found: OrderSnapshot) -> None:
        self.snapshots.append(about(ref, found))
        if not found.filled_quantity:
            self.complete.add(found.exchange_order_id)


def verify(asking: Asking, refs: Sequence[OrderRef], *, want_trades: bool) -> Verification:
    """Ask about `refs`, all of one market. See `rest.RestClient.verify_orders`."""
    inquiry = _Inquiry(asking=asking, requested_at=datetime.now(UTC))
    refs = tuple(dict.fromkeys(refs))
    if len(refs) <= FEW:
        inquiry.ask_singly(refs)
    else:
        inquiry.ask_together(refs, want_trades=want_trades)
    return Verification(
        requested_at=inquiry.requested_at,
        snapshots=tuple(inquiry.snapshots),
        executions=tuple(inquiry.executions),
        trades_complete_for=frozenset(inquiry.complete),
        not_found=tuple(inquiry.not_found),
    )
