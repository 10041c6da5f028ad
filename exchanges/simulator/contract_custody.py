"""
Contracts: one wallet for each settlement asset, and positions at an average entry price.

Linear contracts count in the quote asset. Inverse ones are contracts worth a fixed amount of the
quote asset each, and everything they move is counted in the base coin: a result is
`contracts x size x (1/entry - 1/exit)`, a commission `contracts x size / price x rate`.

An open order holds no money back; what it holds is its notional, of which margin checks reserve a
share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.simulator.amounts import EXACT, ZERO, rounded
from exchanges.simulator.fees import charged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.config import SimulatorConfig, SymbolRules
    from exchanges.simulator.market import Market
    from exchanges.simulator.orders import Order, OrderTerms


def coins(rules: SymbolRules, price: Decimal, quantity: Decimal) -> Decimal:
    """What inverse contracts are worth in the base coin; nothing while the price is not known."""
    return rounded(EXACT.divide(rules.worth(price, quantity), price)) if price else ZERO


class LinearCustody:
    """Counts in the quote asset. Implements `custody.Custody`."""

    def __init__(self, config: SimulatorConfig, markets: Mapping[str, Market]) -> None:
        """`markets` tell what positions are worth."""
        self._leverage = config.leverage
        self._markets = markets

    def notional(self, _rules: SymbolRules, price: Decimal, quantity: Decimal) -> Decimal:
        """What a quantity is worth in the settlement asset."""
        return price * quantity

    def locks(self, _order: Order) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def hold(self, order: Order) -> None:
        """Reserve the notional of what remains, unless the order waits or only reduces."""
        if order.reduce_only or order.is_waiting:
            return
        held = order.remaining * order.price
        balance = order.account.balance(order.rules.quote)
        balance.held += held - order.held
        order.held = held

    def release(self, order: Order) -> None:
        """Free what it reserved."""
        if order.held:
            order.account.balance(order.rules.settlement).held -= order.held
            order.held = ZERO

    def fillable(self, order: Order, _price: Decimal) -> Decimal:
        """What remains, or what is left to reduce."""
        if not order.reduce_only:
            return order.remaining
        position = order.account.position(order.symbol, order.terms.position_side)
        return min(order.remaining, max(ZERO, -position.quantity * order.sign))

    def affords(self, account: Account, terms: OrderTerms) -> bool:
        """Whether the margin suffices, less what the order would free by reducing."""
        market = self._markets[terms.symbol]
        held = account.position(terms.symbol, terms.position_side).quantity
        is_opposite = held < 0 if terms.side == "BUY" else held > 0
        growing = terms.quantity - min(terms.quantity, 2 * abs(held) if is_opposite else ZERO)
        worth = self.notional(market.rules, terms.price or market.price, growing)
        return worth / self._leverage <= self.available(account, market.rules.settlement)

    def affords_change(self, order: Order, quantity: Decimal, price: Decimal) -> bool:
        """Whether the margin suffices for what the order would grow by."""
        left = self.notional(order.rules, price, quantity - order.executed)
        free = self.available(order.account, order.rules.settlement)
        return order.reduce_only or (left - order.held) / self._leverage <= free

    def unrealized(self, account: Account, asset: str) -> Decimal:
        """What the open positions of one settlement asset would bring at the market's price."""
        return sum(
            (
                position.result(self._markets[position.symbol].price)
                for position in account.positions.values()
                if position.quantity and self._settles(position, asset)
            ),
            ZERO,
        )

    def exposure(self, account: Account, asset: str) -> Decimal:
        """Notional of positions and of the orders that may grow them."""
        held = (
            self._worth(position)
            for position in account.positions.values()
            if self._settles(position, asset)
        )
        return sum(held, account.balance(asset).held)

    def available(self, account: Account, asset: str) -> Decimal:
        """What may still be used as margin."""
        used = self.exposure(account, asset) / self._leverage
        return account.balance(asset).total + self.unrealized(account, asset) - used

    def _settles(self, position: Position, asset: str) -> bool:
        return self._markets[position.symbol].rules.settlement == asset

    def _worth(self, position: Position) -> Decimal:
        market = self._markets[position.symbol]
        return self.notional(market.rules, market.price, abs(position.quantity))

    def settle(
        self, order: Order, price: Decimal, quantity: Decimal, cost: Decimal, rate: Decimal
    ) -> tuple[Decimal, str, Decimal, Position | None]:
        """Fold the fill into the position; result and commission meet the wallet."""
        account, quote = order.account, order.rules.quote
        position = account.position(order.symbol, order.terms.position_side)
        commission, asset = charged(account, self._markets, quote, cost * rate)
        result = position.apply(quantity * order.sign, price)
        balance = account.balance(quote)
        balance.total += result
        if asset == quote:
            balance.total -= commission
        if order.held:
            freed = quantity * order.price
            balance.held -= freed
            order.held -= freed
        return commission, asset, result, position


class InverseCustody(LinearCustody):
    """Counts in the base coin."""

    def notional(self, rules: SymbolRules, price: Decimal, quantity: Decimal) -> Decimal:
        """What contracts are worth in the coin."""
        return coins(rules, price, quantity)

    def hold(self, order: Order) -> None:
        """Reserve the coins that what remains is worth, unless it waits or only reduces."""
        if order.reduce_only or order.is_waiting:
            return
        held = self.notional(order.rules, order.price, order.remaining)
        order.account.balance(order.rules.base).held += held - order.held
        order.held = held

    def settle(
        self, order: Order, price: Decimal, quantity: Decimal, _cost: Decimal, rate: Decimal
    ) -> tuple[Decimal, str, Decimal, Position | None]:
        """Fold the fill into the position; everything is paid in the coin."""
        account, rules = order.account, order.rules
        worth = EXACT.divide(rules.worth(price, quantity), price)
        order.base += rounded(worth)
        position = account.position(order.symbol, order.terms.position_side)
        commission = rounded(worth * rate)
        result = position.apply(quantity * order.sign, price)
        account.balance(rules.base).total += result - commission
        self.hold(order)
        return commission, rules.base, result, position
