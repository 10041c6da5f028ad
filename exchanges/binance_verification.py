"""
Asking about many orders of one symbol with as little weight as will do.

Policy: a few orders are asked for one by one. More are answered by the list of open orders and, for
those not on it, by one list of orders from the smallest id on; what is left is looked up singly, a
few at a time. Trades are asked for last, so that they cover what the orders said: by the cursor,
or by order where a list of a few orders' trades is cheaper. What is a few depends on the weights:
of USD-M an order costs 1, the open ones 1, a list 5, trades 5; of COIN-M 1, 1, 20 and 20; of spot
4, 6, 20 and 20, but an order's own trades 5.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from exchanges.errors import OrderNotFound
from exchanges.messages import IdSpace
from exchanges.questions import TradeCursor, Verification

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exchanges.binance_rest import BinanceRest
    from exchanges.governor import Priority
    from exchanges.messages import ExecutionReport, OrderSnapshot
    from exchanges.questions import OrderRef

#: So many orders' trades at most are asked for one by one.
LEFT: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Up to how many questions about one order are cheaper than one about many."""

    orders: int
    trades: int
    #: more orders than this are looked up cheaper in a list
    listed: int = LEFT
    #: so many orders one list holds at most
    page: int = 1000


FUTURES: Final = Costs(orders=3, trades=0)
COIN_FUTURES: Final = Costs(orders=3, trades=0, listed=20, page=100)
SPOT: Final = Costs(orders=2, trades=3)


@dataclass(slots=True, kw_only=True)
class _Inquiry:
    """One verification while it is being put together."""

    client: BinanceRest
    costs: Costs
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
                snapshot = self.client.fetch_order(
                    ref, timeout=self.timeout, priority=self.priority
                )
            except OrderNotFound:
                self.not_found.append(ref)
            else:
                self.snapshots.append(snapshot)

    def ask_together(self, refs: Sequence[OrderRef], told_terminal: frozenset[str]) -> None:
        if all(ref.exchange_order_id in told_terminal for ref in refs):
            return
        open_orders = self.client.fetch_open_orders(
            self.symbol_id, timeout=self.timeout, priority=self.priority
        )
        left = self._keep(refs, open_orders)
        left = [ref for ref in left if ref.exchange_order_id not in told_terminal]
        numbers = [int(ref.exchange_order_id) for ref in left if ref.exchange_order_id is not None]
        if len(left) > self.costs.listed and numbers:
            orders = self.client.fetch_orders_from(
                self.symbol_id, str(min(numbers)), timeout=self.timeout, priority=self.priority
            )
            left = self._keep(left, orders)
        self.ask_singly(left[: self.costs.listed])

    def ask_trades(self, cursor: TradeCursor | None, refs: Sequence[OrderRef]) -> None:
        order_ids = sorted(self._order_ids(refs))
        if cursor is None or len(order_ids) <= self.costs.trades:
            for order_id in order_ids[:LEFT]:
                self._ask_trades_of(order_id)
            return
        found, is_all = self.client.fetch_trades(
            self.symbol_id,
            cursor,
            exchange_order_id=None,
            timeout=self.timeout,
            priority=self.priority,
        )
        self.executions += found
        if found:
            self.cursor = found[-1].exchange_trade_id
        if is_all:
            self.complete |= self._order_ids(refs)

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
        found, is_all = self.client.fetch_trades(
            self.symbol_id,
            TradeCursor(),
            exchange_order_id=order_id,
            timeout=self.timeout,
            priority=self.priority,
        )
        self.executions += found
        # without times the list reaches back seven days only: an older order's may be cut off
        total = sum(trade.execution_quantity for trade in found)
        reported = [s.filled_quantity for s in self.snapshots if s.exchange_order_id == order_id]
        if is_all and total >= max(reported, default=total + 1):
            self.complete.add(order_id)

    def _keep(self, refs: Sequence[OrderRef], answers: Iterable[OrderSnapshot]) -> list[OrderRef]:
        """Keep the answers about `refs`; returns the refs nothing was said about."""
        by_id, by_name = {}, {}
        for answer in answers:
            by_id[answer.exchange_order_id] = answer
            by_name[answer.client_order_id] = answer
        left = []
        for ref in refs:
            found = by_id.get(ref.exchange_order_id) if ref.exchange_order_id else None
            found = found or (by_name.get(ref.client_order_id) if ref.client_order_id else None)
            if found is None:
                left.append(ref)
            else:
                self.snapshots.append(found)
        return left

    def _order_ids(self, refs: Sequence[OrderRef]) -> set[str]:
        asked = {ref.exchange_order_id for ref in refs if ref.exchange_order_id is not None}
        return asked | {snapshot.exchange_order_id for snapshot in self.snapshots}


def verify(
    client: BinanceRest,
    costs: Costs,
    refs: Sequence[OrderRef],
    *,
    cursor: TradeCursor | None,
    want_trades: bool,
    told_terminal: frozenset[str],
    timeout: float,
    priority: Priority,
) -> Verification:
    """Ask about `refs`, all of one symbol. See `rest.RestClient.verify_orders`."""
    (symbol_id,) = {ref.symbol_id for ref in refs}
    inquiry = _Inquiry(
        client=client,
        costs=costs,
        symbol_id=symbol_id,
        deadline=time.monotonic() + timeout,
        priority=priority,
        requested_at=datetime.now(UTC),
    )
    refs = tuple(dict.fromkeys(refs))
    ordinary = [ref for ref in refs if ref.id_space is IdSpace.ORDER]
    inquiry.ask_singly(ref for ref in refs if ref.id_space is IdSpace.ALGO)
    if len(ordinary) <= costs.orders:
        inquiry.ask_singly(ordinary)
    else:
        inquiry.ask_together(ordinary, told_terminal)
    if want_trades:
        inquiry.ask_trades(cursor, ordinary)
    return inquiry.result()
