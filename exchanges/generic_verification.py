"""
Asking about some orders of one market where nothing is known of an exchange but ccxt's calls.

Policy: up to three orders are asked for one by one. More are looked up in the list of those that
are alive and in that of those that ended of late; what is on neither is asked for singly, a few at
a time. Trades are asked for last, so that they cover what the orders said.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from exchanges import generic_orders as orders
from exchanges.errors import OrderNotFound
from exchanges.generic_trades import fetch_trades
from exchanges.messages import ExecutionKind
from exchanges.questions import TradeCursor, Verification

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from exchanges.generic_calls import GenericCalls
    from exchanges.generic_trades import Listed
    from exchanges.governor import Priority
    from exchanges.messages import ExecutionReport, OrderSnapshot
    from exchanges.questions import OrderRef

#: one by one is as cheap as lists up to this many
FEW: Final = 3
#: so many of those that are on no list are asked for at once
SINGLES: Final = 5


@dataclass(slots=True, kw_only=True)
class _Inquiry:
    """One verification while it is being put together."""

    api: GenericCalls
    symbol_id: str
    deadline: float
    priority: Priority
    requested_at: datetime
    snapshots: list[OrderSnapshot] = field(default_factory=list)
    not_found: list[OrderRef] = field(default_factory=list)
    executions: list[ExecutionReport] = field(default_factory=list)
    complete: set[str] = field(default_factory=set)
    cursor: str | None = None

    @property
    def timeout(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def ask_singly(self, refs: Iterable[OrderRef]) -> None:
        for ref in refs:
            try:
                order = orders.fetch_one(
                    self.api, ref, timeout=self.timeout, priority=self.priority
                )
            except OrderNotFound:
                self.not_found.append(ref)
            else:
                self.snapshots.append(order)

    def ask_together(self, refs: Sequence[OrderRef], told_terminal: frozenset[str]) -> None:
        left = [ref for ref in refs if ref.exchange_order_id not in told_terminal]
        for fetch in (orders.fetch_open, orders.fetch_ended):
            if not left:
                return
            listed = fetch(self.api, self.symbol_id, timeout=self.timeout, priority=self.priority)
            left = [ref for ref in left if not self._keep(ref, listed)]
        self.ask_singly(left[:SINGLES])

    def ask_trades(self, cursor: TradeCursor | None, refs: Sequence[OrderRef]) -> None:
        told = {order.exchange_order_id: order.filled_quantity for order in self.snapshots}
        asked = {ref.exchange_order_id for ref in refs if ref.exchange_order_id is not None}
        if cursor is None:
            self._ask_trades_of(asked | set(told), told)
            return
        listed = self._trades(cursor, None)
        if listed.cursor is not None:
            self.cursor = str(listed.cursor)
        # ccxt's lists may leave out what the exchange itself did (Bybit's: execType Trade alone)
        apart = {
            order.exchange_order_id
            for order in self.snapshots
            if order.fill_kind is not ExecutionKind.TRADE
        } - {fill.exchange_order_id for fill in listed.fills}
        if listed.is_whole:
            self.complete |= (asked | set(told)) - apart
        self._ask_trades_of(apart, told)

    def _ask_trades_of(self, order_ids: set[str], told: Mapping[str, Decimal]) -> None:
        for order_id in sorted(order_ids)[:SINGLES]:
            fills = self._trades(TradeCursor(), order_id).fills
            total = sum(trade.execution_quantity for trade in fills)
            # a list without a beginning reaches back no further than the exchange likes
            if order_id in told and total >= told[order_id]:
                self.complete.add(order_id)

    def result(self) -> Verification:
        return Verification(
            requested_at=self.requested_at,
            snapshots=tuple(self.snapshots),
            executions=tuple(self.executions),
            trades_complete_for=frozenset(self.complete),
            not_found=tuple(self.not_found),
            cursor=self.cursor,
        )

    def _trades(self, cursor: TradeCursor, order_id: str | None) -> Listed:
        listed = fetch_trades(
            self.api,
            self.symbol_id,
            cursor,
            exchange_order_id=order_id,
            timeout=self.timeout,
            priority=self.priority,
        )
        self.executions += listed.fills
        return listed

    def _keep(self, ref: OrderRef, listed: Sequence[OrderSnapshot]) -> bool:
        found = next((order for order in listed if orders.is_about(ref, order)), None)
        if found is not None:
            self.snapshots.append(found)
        return found is not None


def verify(
    api: GenericCalls,
    refs: Sequence[OrderRef],
    *,
    cursor: TradeCursor | None,
    want_trades: bool,
    told_terminal: frozenset[str],
    timeout: float,
    priority: Priority,
) -> Verification:
    """Ask about `refs`, all of one market. See `rest.RestClient.verify_orders`."""
    (symbol_id,) = {ref.symbol_id for ref in refs}
    inquiry = _Inquiry(
        api=api,
        symbol_id=symbol_id,
        deadline=time.monotonic() + timeout,
        priority=priority,
        requested_at=datetime.now(UTC),
    )
    refs = tuple(dict.fromkeys(refs))
    if len(refs) <= FEW:
        inquiry.ask_singly(refs)
    else:
        inquiry.ask_together(refs, told_terminal)
    if want_trades:
        inquiry.ask_trades(cursor, refs)
    return inquiry.result()
