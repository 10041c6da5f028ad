"""
Asking about many orders of one symbol with as few requests as will do.

Policy: up to three orders are asked for one by one. More are answered by the list of what is open
in the symbol and, for those not on it, by one page of what ended last; what is left is looked up
singly, a few at a time. Trades are asked for last, so that they cover what the orders said.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from exchanges.errors import OrderNotFound
from exchanges.questions import TradeCursor, Verification
from exchanges.wire import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exchanges.messages import ExecutionReport, OrderSnapshot
    from exchanges.questions import OrderRef

#: One by one is as cheap as the lists up to this many.
FEW: Final = 3
#: so many are looked up singly after the lists have been read
MOST_SINGLY: Final = 5
#: A list of trades may lag: a cursor moves up to here at most where nothing was traded.
_LAG: Final = timedelta(minutes=10)


class Asking(Protocol):
    """What a verification asks; each raises the errors of `exchanges.errors`."""

    def order(self, ref: OrderRef) -> OrderSnapshot:
        """Ask for one order. Raises OrderNotFound."""

    def opened(self, symbol_id: str | None) -> tuple[OrderSnapshot, ...]:
        """Ask for the orders that are alive."""

    def closed(self, symbol_id: str) -> tuple[OrderSnapshot, ...]:
        """Ask for the orders that ended last."""

    def trades(
        self, symbol_id: str, cursor: TradeCursor, exchange_order_id: str | None
    ) -> tuple[tuple[ExecutionReport, ...], bool]:
        """Ask for fills, and whether those are all."""

    def now(self) -> datetime:
        """Say what time it is by the exchange's clock."""


@dataclass(slots=True, kw_only=True)
class _Inquiry:
    """One verification while it is being put together."""

    asking: Asking
    symbol_id: str
    requested_at: datetime
    snapshots: list[OrderSnapshot] = field(default_factory=list)
    not_found: list[OrderRef] = field(default_factory=list)
    executions: list[ExecutionReport] = field(default_factory=list)
    complete: set[str] = field(default_factory=set)
    cursor: str | None = None

    def ask_singly(self, refs: Iterable[OrderRef]) -> None:
        for ref in refs:
            try:
                self.snapshots.append(self.asking.order(ref))
            except OrderNotFound:
                self.not_found.append(ref)

    def ask_together(self, refs: Sequence[OrderRef], told_terminal: frozenset[str]) -> None:
        if all(ref.exchange_order_id in told_terminal for ref in refs):
            return
        left = self._keep(refs, self.asking.opened(self.symbol_id))
        left = [ref for ref in left if ref.exchange_order_id not in told_terminal]
        if len(left) > FEW:
            left = self._keep(left, self.asking.closed(self.symbol_id))
        self.ask_singly(left[:MOST_SINGLY])

    def ask_trades(self, cursor: TradeCursor | None, refs: Sequence[OrderRef]) -> None:
        order_ids = self._order_ids(refs)
        if cursor is None:
            for order_id in sorted(order_ids)[:MOST_SINGLY]:
                self._ask_trades_of(order_id)
            return
        latest = self.asking.now() - _LAG
        found, is_all = self.asking.trades(self.symbol_id, cursor, None)
        self.executions += found
        reached = [milliseconds(fill.executed_at) for fill in found[-1:]]
        if is_all:
            self.complete |= order_ids
            reached.append(milliseconds(latest))
        # never back behind where it was
        if cursor.after_trade_id is not None:
            reached.append(int(cursor.after_trade_id))
        self.cursor = str(max(reached)) if reached else None

    def result(self) -> Verification:
        return Verification(
            requested_at=self.requested_at,
            snapshots=tuple(self.snapshots),
            executions=tuple(self.executions),
            trades_complete_for=frozenset(self.complete),
            not_found=tuple(self.not_found),
            cursor=self.cursor,
        )

    def _ask_trades_of(self, order_id: str) -> None:
        found, is_all = self.asking.trades(self.symbol_id, TradeCursor(), order_id)
        self.executions += found
        total = sum(fill.execution_quantity for fill in found)
        reported = [s.filled_quantity for s in self.snapshots if s.exchange_order_id == order_id]
        # the list may lag behind what the order says
        if is_all and total >= max(reported, default=total + 1):
            self.complete.add(order_id)

    def _keep(self, refs: Sequence[OrderRef], told: Iterable[OrderSnapshot]) -> list[OrderRef]:
        """Keep what is said about `refs`; returns the refs nothing was said about."""
        by_id, by_name = {}, {}
        for snapshot in told:
            by_id[snapshot.exchange_order_id] = snapshot
            by_name[snapshot.client_order_id] = snapshot
        left = []
        for ref in refs:
            found = by_id.get(ref.exchange_order_id or "")
            if found is None and ref.client_order_id is not None:
                found = by_name.get(ref.client_order_id)
            if found is None:
                left.append(ref)
            else:
                self.snapshots.append(found)
        return left

    def _order_ids(self, refs: Sequence[OrderRef]) -> set[str]:
        asked = {ref.exchange_order_id for ref in refs if ref.exchange_order_id is not None}
        return asked | {snapshot.exchange_order_id for snapshot in self.snapshots}


def verify(
    asking: Asking,
    refs: Sequence[OrderRef],
    *,
    cursor: TradeCursor | None,
    want_trades: bool,
    told_terminal: frozenset[str],
) -> Verification:
    """Ask about `refs`, all of one symbol. See `rest.RestClient.verify_orders`."""
    (symbol_id,) = {ref.symbol_id for ref in refs}
    inquiry = _Inquiry(asking=asking, symbol_id=symbol_id, requested_at=datetime.now(UTC))
    refs = tuple(dict.fromkeys(refs))
    if len(refs) <= FEW:
        inquiry.ask_singly(refs)
    else:
        inquiry.ask_together(refs, told_terminal)
    if want_trades:
        inquiry.ask_trades(cursor, refs)
    return inquiry.result()
