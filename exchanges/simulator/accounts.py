"""
What one account owns and did: balances, positions, orders, executions.

Invariant of contracts: balance = deposits + realised results - commissions + funding, exactly, of
all that is in the settlement asset; what is paid in another leaves a purse that is never empty
(spot: see `spot_custody`). Positions keep the average entry price; closing realises against it,
crossing zero does both in one fill.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from exchanges.simulator.amounts import EXACT, ZERO, rounded
from exchanges.simulator.key_terms import KeyTerms
from exchanges.simulator.orders import FILLED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from exchanges.simulator.config import SymbolRules
    from exchanges.simulator.orders import Execution, Order

PositionKey: TypeAlias = tuple[str, str]


@dataclass(slots=True, kw_only=True)
class Balance:
    """What an account owns of one asset."""

    asset: str
    total: Decimal = ZERO
    #: by open orders: what they lock (spot), or the notional for which they want margin
    held: Decimal = ZERO
    deposited: Decimal = ZERO

    @property
    def free(self) -> Decimal:
        """Spot: what no order has locked."""
        return self.total - self.held


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
        profit = rounded(self._result(closed, price))
        held = self.quantity + signed
        if held * self.quantity <= 0:
            self.entry_price = price if held else ZERO
        self.quantity = held
        self.realized += profit
        return profit

    def _result(self, quantity: Decimal, price: Decimal) -> Decimal:
        return quantity * (price - self.entry_price)

    def result(self, price: Decimal) -> Decimal:
        """What closing all of it at this price would bring."""
        return self._result(self.quantity, price) if self.quantity else ZERO


@dataclass(slots=True, kw_only=True)
class InversePosition(Position):
    """Contracts of a fixed worth, counted in the base coin: the average entry is harmonic."""

    contract_size: Decimal

    def _grow(self, signed: Decimal, price: Decimal) -> None:
        held = self.quantity + signed
        before = EXACT.divide(self.quantity, self.entry_price) if self.quantity else ZERO
        self.entry_price = EXACT.divide(held, before + EXACT.divide(signed, price))
        self.quantity = held

    def _result(self, quantity: Decimal, price: Decimal) -> Decimal:
        worth = quantity * self.contract_size * (price - self.entry_price)
        return EXACT.divide(worth, self.entry_price * price)


def flat(rules: SymbolRules | None, symbol: str, side: str) -> Position:
    """A position of nothing."""
    if rules and rules.contract_size:
        return InversePosition(symbol=symbol, side=side, contract_size=rules.contract_size)
    return Position(symbol=symbol, side=side)


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """A movement of a balance that is no fill (funding, transfer, dust)."""

    kind: str
    symbol: str
    asset: str
    amount: Decimal
    transaction_id: int
    time: int


@dataclass(slots=True, kw_only=True, eq=False)
class Account:
    """One set of credentials and everything it owns."""

    api_key: str
    api_secret: str
    #: of every market there is
    rules: Mapping[str, SymbolRules] = field(default_factory=dict)
    balances: dict[str, Balance] = field(default_factory=dict)
    hedge: bool = False
    #: what its key may do
    permissions: KeyTerms = field(default_factory=KeyTerms)
    #: in which it pays its commissions; "" is the settlement asset, or what is received
    fee_asset: str = ""
    #: spot: the assets of which the last change moved or locked something
    touched: tuple[str, ...] = ()
    orders: dict[tuple[str, int], Order] = field(default_factory=dict)
    open: dict[tuple[str, int], Order] = field(default_factory=dict)
    by_client_id: dict[tuple[str, str], Order] = field(default_factory=dict)
    by_symbol: dict[str, list[Order]] = field(default_factory=dict)
    closed: list[Order] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    trades: dict[str, list[Execution]] = field(default_factory=dict)
    positions: dict[PositionKey, Position] = field(default_factory=dict)
    incomes: list[Income] = field(default_factory=list)
    #: how often a client order id was accepted although it had been used before
    client_ids_reused: list[str] = field(default_factory=list)
    partial_then_cancelled: int = 0
    by_hand: int = 0

    def begin_anew(self) -> None:
        """Forget everything but what was deposited."""
        for balance in self.balances.values():
            balance.total, balance.held = balance.deposited, ZERO
        books: tuple[dict[Any, Any], ...] = (
            self.orders, self.open, self.by_client_id, self.by_symbol, self.trades, self.positions
        )  # fmt: skip
        for book in books:
            book.clear()
        for rows in (self.closed, self.executions, self.incomes):
            rows.clear()

    def deposit(self, asset: str, amount: Decimal) -> None:
        """Own more, or less, by a movement from or to outside."""
        balance = self.balance(asset)
        balance.total += amount
        balance.deposited += amount

    def balance(self, asset: str) -> Balance:
        """The balance of this asset, nothing at first."""
        found = self.balances.get(asset)
        if found is None:
            found = self.balances[asset] = Balance(asset=asset)
        return found

    def position(self, symbol: str, side: str) -> Position:
        """The position of this key, flat at first."""
        key = (symbol, side)
        found = self.positions.get(key)
        if found is None:
            found = self.positions[key] = flat(self.rules.get(symbol), symbol, side)
        return found

    def add(self, order: Order) -> None:
        """Enter a new order into the books of the account."""
        key = (order.symbol, order.order_id)
        self.orders[key] = self.open[key] = order
        if order.terms.client_id:
            self._name(order)
        self.by_symbol.setdefault(order.symbol, []).append(order)

    def _name(self, order: Order) -> None:
        client_key = (order.symbol, order.terms.client_id)
        if client_key in self.by_client_id:
            self.client_ids_reused.append(order.terms.client_id)
        self.by_client_id[client_key] = order

    def close(self, order: Order, status: str, at: int) -> None:
        """An order has ended."""
        order.status, order.updated, order.closed_at = status, at, at
        self.open.pop((order.symbol, order.order_id), None)
        self.closed.append(order)
        if order.executed and status != FILLED:
            self.partial_then_cancelled += 1

    def record(self, execution: Execution) -> None:
        """Enter a fill into the lists."""
        order = execution.order
        self.executions.append(execution)
        self.trades.setdefault(order.symbol, []).append(execution)
        order.executions.append(execution)
