"""
What one account owns and did: wallet, positions, orders, executions.

Invariant: wallet = deposits + realised results - commissions + funding, exactly, of all that is in
the settlement asset; what is paid in another leaves a purse that is never empty. Positions keep
the average entry price; closing realises against it, crossing zero does both in one fill.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from exchanges.simulator.amounts import EXACT, ZERO, rounded
from exchanges.simulator.orders import FILLED

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.simulator.orders import Execution, Order

PositionKey: TypeAlias = tuple[str, str]


@dataclass(slots=True, kw_only=True)
class Position:
    """What is held in one market (and, in hedge mode, on one side of it); negative is short."""

    symbol: str
    side: str
    quantity: Decimal = ZERO
    entry_price: Decimal = ZERO
    realized: Decimal = ZERO
    updated: int = 0

    def apply(self, signed: Decimal, price: Decimal) -> Decimal:
        """Fold one fill in; returns the result it realised, to eight places."""
        if self.quantity * signed >= 0:
            self._grow(signed, price)
            return ZERO
        return self._reduce(signed, price)

    def _grow(self, signed: Decimal, price: Decimal) -> None:
        held = self.quantity + signed
        cost = self.quantity * self.entry_price + signed * price
        self.entry_price = EXACT.divide(cost, held)
        self.quantity = held

    def _reduce(self, signed: Decimal, price: Decimal) -> Decimal:
        closed = min(abs(signed), abs(self.quantity)).copy_sign(self.quantity)
        profit = rounded(closed * (price - self.entry_price))
        held = self.quantity + signed
        if held * self.quantity <= 0:
            self.entry_price = price if held else ZERO
        self.quantity = held
        self.realized += profit
        return profit


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """A movement of the wallet that is no fill (funding, transfer)."""

    kind: str
    symbol: str
    amount: Decimal
    transaction_id: int
    time: int


@dataclass(slots=True, kw_only=True, eq=False)
class Account:
    """One set of credentials and everything it owns."""

    api_key: str
    api_secret: str
    wallet: Decimal
    deposited: Decimal
    hedge: bool = False
    #: in which it pays its commissions; "" is the settlement asset
    fee_asset: str = ""
    orders: dict[tuple[str, int], Order] = field(default_factory=dict)
    open: dict[tuple[str, int], Order] = field(default_factory=dict)
    by_client_id: dict[tuple[str, str], Order] = field(default_factory=dict)
    by_symbol: dict[str, list[Order]] = field(default_factory=dict)
    closed: list[Order] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    trades: dict[str, list[Execution]] = field(default_factory=dict)
    positions: dict[PositionKey, Position] = field(default_factory=dict)
    incomes: list[Income] = field(default_factory=list)
    #: notional of open orders that may grow a position; what margin checks reserve
    reserved: Decimal = ZERO
    #: how often a client order id was accepted although it had been used before
    client_ids_reused: list[str] = field(default_factory=list)
    partial_then_cancelled: int = 0
    by_hand: int = 0

    def begin_anew(self) -> None:
        """Forget everything but what was deposited."""
        self.wallet, self.reserved = self.deposited, ZERO
        books: tuple[dict[Any, Any], ...] = (
            self.orders, self.open, self.by_client_id, self.by_symbol, self.trades, self.positions
        )  # fmt: skip
        for book in books:
            book.clear()
        for rows in (self.closed, self.executions, self.incomes):
            rows.clear()

    def position(self, symbol: str, side: str) -> Position:
        """The position of this key, flat at first."""
        key = (symbol, side)
        found = self.positions.get(key)
        if found is None:
            found = self.positions[key] = Position(symbol=symbol, side=side)
        return found

    def add(self, order: Order) -> None:
        """Enter a new order into the books of the account."""
        key = (order.symbol, order.order_id)
        client_key = (order.symbol, order.terms.client_id)
        if client_key in self.by_client_id:
            self.client_ids_reused.append(order.terms.client_id)
        self.orders[key] = self.open[key] = self.by_client_id[client_key] = order
        self.by_symbol.setdefault(order.symbol, []).append(order)
        self._reserve(order, order.remaining * order.price)

    def close(self, order: Order, status: str, at: int) -> None:
        """An order has ended; what it had reserved is free again."""
        order.status, order.updated, order.closed_at = status, at, at
        self.open.pop((order.symbol, order.order_id), None)
        self._reserve(order, -order.remaining * order.price)
        self.closed.append(order)
        if order.executed and status != FILLED:
            self.partial_then_cancelled += 1

    def record(self, execution: Execution) -> None:
        """Book a fill: wallet, lists, and what the order had reserved."""
        order = execution.order
        self.wallet += execution.realized_pnl
        if execution.commission_asset == order.rules.quote:
            self.wallet -= execution.commission
        self.executions.append(execution)
        self.trades.setdefault(order.symbol, []).append(execution)
        order.executions.append(execution)
        self._reserve(order, -execution.quantity * order.price)

    def rearrange(self, order: Order, quantity: Decimal, price: Decimal) -> None:
        """Amend an open order; the reservation follows."""
        before = order.remaining * order.price
        order.quantity, order.price = quantity, price
        self._reserve(order, order.remaining * price - before)

    def _reserve(self, order: Order, notional: Decimal) -> None:
        if not order.reduce_only:
            self.reserved += notional
