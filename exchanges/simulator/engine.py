"""
The matching engine: takes checked orders, makes fills, and tells the streams what happened.

Every change of an order goes through here, in one thread, so what the streams say and what the
ledger holds are one history. Both sides of a fill between two accounts carry the same trade id.
What a fill moves is the custody's; who meets whom is `matching`'s.

Invariants: an order never fills beyond its quantity; a terminal order never changes again; the
position of an account is the sum of its signed fills; a reduce-only order never grows a position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from exchanges.simulator import orders as states
from exchanges.simulator.accounts import Account
from exchanges.simulator.amounts import split
from exchanges.simulator.custody import custody_of
from exchanges.simulator.market import Market
from exchanges.simulator.matching import fill_reached, finds_all, match, may_fill, would_rest
from exchanges.simulator.orders import Execution, Order, OrderTerms
from exchanges.simulator.triggers import Triggers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from exchanges.simulator.accounts import Position
    from exchanges.simulator.config import SimulatorConfig


class Sink(Protocol):
    """Who is told of changes, at once and in order."""

    def order_changed(self, order: Order, kind: str, fill: Execution | None) -> None:
        """`kind` is NEW, TRIGGERED, TRADE, CANCELED, EXPIRED, AMENDMENT or CALCULATED."""

    def holdings_changed(self, account: Account, position: Position | None, reason: str) -> None:
        """A balance, and perhaps one position, has changed; spot: `account.touched` says which."""


class Engine:
    """All markets and accounts of the exchange."""

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        seed: int,
        clock: Callable[[], int],
        sink: Sink,
    ) -> None:
        """`clock` gives milliseconds; `sink` is told of every change."""
        self.config = config
        self.clock = clock
        self.sink = sink
        self.accounts: dict[str, Account] = {}
        #: called after every move of a price
        self.watchers: list[Callable[[Market], None]] = []
        self.markets = {
            rules.symbol: Market.opened(
                rules,
                seed,
                first_order_id=config.first_order_id,
                first_trade_id=config.first_trade_id,
                clock=clock,
            )
            for rules in config.rules
        }
        self.custody = custody_of(config, self.markets)
        self.triggers = Triggers(self._wake)
        self.watchers.append(self.triggers.look)

    def open_account(
        self,
        api_key: str,
        api_secret: str,
        balances: Mapping[str, Decimal] | None = None,
        *,
        hedge: bool = False,
    ) -> Account:
        """A new account, or the one that has this key already; None: it owns what is usual."""
        found = self.accounts.get(api_key)
        if found is None:
            rules = {symbol: market.rules for symbol, market in self.markets.items()}
            found = Account(api_key=api_key, api_secret=api_secret, rules=rules, hedge=hedge)
            owned = self.config.usual_balances if balances is None else balances
            for asset, amount in owned.items():
                found.deposit(asset, amount)
            self.accounts[api_key] = found
        return found

    def begin_anew(self) -> None:
        """Forget every order, fill and position, without a word; ids start again."""
        for market in self.markets.values():
            market.begin_anew(self.config.first_order_id, self.config.first_trade_id)
        for account in self.accounts.values():
            account.begin_anew()
        self.triggers.clear()

    def place(self, account: Account, terms: OrderTerms) -> Order:
        """Accept a checked order, match what matches, leave, cancel or expire the rest."""
        order = self.accept(account, terms)
        if terms.trigger_price:
            self.triggers.add(order)
        else:
            self._work(order)
        return order

    def _wake(self, order: Order) -> None:
        order.updated = self.clock()
        self.custody.hold(order)
        self.sink.order_changed(order, "TRIGGERED", None)
        self._work(order)

    def _work(self, order: Order) -> None:
        market, terms = self.markets[order.symbol], order.terms
        if terms.time_in_force == "FOK" and not finds_all(market, order.account, terms):
            self.expire(order, states.IOC_LEFTOVER)
        elif terms.time_in_force == "GTX" and not would_rest(market, terms):
            self.expire(order, states.POST_ONLY)
        else:
            match(self, order)
            if order.is_open:
                self._leave(order)

    def accept(self, account: Account, terms: OrderTerms) -> Order:
        """Enter an order into the account's books, not yet into the market."""
        market, now = self.markets[terms.symbol], self.clock()
        order = Order(
            account=account,
            rules=market.rules,
            order_id=market.take_order_id(),
            terms=terms,
            quantity=terms.quantity,
            price=terms.price,
            created=now,
            updated=now,
            reduce_only=terms.reduce_only or terms.is_closing,
            is_waiting=bool(terms.trigger_price),
            trigger_price=terms.trigger_price,
        )
        account.add(order)
        account.by_hand += terms.origin == states.BY_HAND
        self.custody.hold(order)
        self._tell_locks(order)
        self.sink.order_changed(order, "NEW", None)
        return order

    def _tell_locks(self, order: Order) -> None:
        order.account.touched = self.custody.locks(order)
        if order.account.touched:
            self.sink.holdings_changed(order.account, None, "ORDER")

    def rest(self, order: Order) -> None:
        """Put an accepted order into the book as it is."""
        self.markets[order.symbol].book.add(order)

    def _leave(self, order: Order) -> None:
        if order.terms.quote_quantity and self.config.dust_cancels:
            self.cancel(order)
        elif order.terms.type == "MARKET":
            self.expire(order, states.MARKET_LEFTOVER)
        elif order.terms.time_in_force in {"IOC", "FOK"}:
            self.expire(order, states.IOC_LEFTOVER)
        else:
            self.rest(order)

    def cancel(self, order: Order) -> None:
        """End an open order at its owner's wish."""
        self._end(order, states.CANCELED, "CANCELED")

    def expire(self, order: Order, reason: str, status: str = states.EXPIRED) -> None:
        """End an open order for a reason of the exchange's."""
        order.expiry_reason = reason
        self._end(order, status, "EXPIRED")

    def _end(self, order: Order, status: str, kind: str) -> None:
        self._close(order, status, self.clock())
        self._tell_locks(order)
        self.sink.order_changed(order, kind, None)

    def _close(self, order: Order, status: str, at: int) -> None:
        self.markets[order.symbol].book.remove(order)
        order.account.close(order, status, at)
        self.custody.release(order)

    def amend(
        self,
        order: Order,
        quantity: Decimal,
        price: Decimal,
        trigger_price: Decimal | None = None,
    ) -> None:
        """Change an open limit order; it is cancelled if it had filled that much already.

        The caller has asked `custody.affords_change`.
        """
        if quantity <= order.executed:
            self.cancel(order)
            return
        self.markets[order.symbol].book.remove(order)
        order.quantity, order.price = quantity, price
        order.trigger_price = order.trigger_price if trigger_price is None else trigger_price
        order.updated, order.frame_head = self.clock(), ""
        self.custody.hold(order)
        self._tell_locks(order)
        self.sink.order_changed(order, "AMENDMENT", None)
        if order.is_waiting:
            return
        match(self, order)
        if order.is_open:
            self.rest(order)

    def fill(
        self,
        order: Order,
        price: Decimal,
        quantity: Decimal,
        *,
        is_maker: bool,
        trade_id: int | None = None,
        kind: str = "TRADE",
    ) -> Execution:
        """Trade `quantity` of an open order with somebody; the one place where fills are made."""
        account, rates = order.account, self.config
        cost = price * quantity
        order.executed += quantity
        order.quote += cost
        commission, asset, result, position = self.custody.settle(
            order, price, quantity, cost, rates.maker_fee if is_maker else rates.taker_fee
        )
        execution = Execution(
            order=order,
            trade_id=trade_id or self.markets[order.symbol].take_trade_id(),
            price=price,
            quantity=quantity,
            commission=commission,
            commission_asset=asset,
            is_maker=is_maker,
            realized_pnl=result,
            time=self.clock(),
        )
        if position:
            position.updated = execution.time
        account.record(execution)
        self._progress(order, execution)
        self.sink.holdings_changed(account, position, "ORDER")
        self.sink.order_changed(order, kind, execution)
        return execution

    def _progress(self, order: Order, execution: Execution) -> None:
        order.updated = execution.time
        if order.terms.quote_quantity:
            order.quantity = order.executed
            goes_on = self._may_spend_more(order, execution.price)
        else:
            goes_on = order.executed != order.quantity
        if goes_on:
            order.status = states.PARTIALLY_FILLED
        else:
            self._close(order, states.FILLED, execution.time)

    def _may_spend_more(self, order: Order, price: Decimal) -> bool:
        """Whether a market buy by quote has more left than counts as dust."""
        left = order.terms.quote_quantity - order.quote
        if self.config.dust_cancels:
            return left > 0
        return left >= order.rules.quantity_step * price

    def fill_resting(
        self, order: Order, quantity: Decimal, counterparties: int, trade_id: int | None = None
    ) -> int:
        """Let others trade against a resting order at its price; returns the number of fills.

        With a `trade_id` all of them carry this one, as some exchanges number them.
        """
        market = self.markets[order.symbol]
        quantity = min(quantity, self.custody.fillable(order, order.price))
        if quantity <= 0 or order.is_waiting:
            may_fill(self, order)
            return 0
        pieces = split(quantity, counterparties, market.rules.quantity_step, market.fills)
        for piece in pieces:
            self.fill(order, order.price, piece, is_maker=True, trade_id=trade_id)
        return len(pieces)

    def step(self, symbol: str) -> None:
        """Move the price of one symbol once and fill what it reached, in part or whole."""
        market = self.markets[symbol]
        market.step(self.config.volatility)
        self.sweep(market)

    def sweep(self, market: Market, *, whole: bool = False) -> None:
        """Fill the resting orders that the price has reached."""
        fill_reached(self, market, whole=whole)
        for look in self.watchers:
            look(market)
