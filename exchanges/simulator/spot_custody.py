"""
Spot: balances of assets, free or locked by open orders; a fill moves both assets.

A buy locks what it may cost, a sell what it gives. The commission is taken from what is received,
or from the account's fee asset while that suffices, or always in the quote asset, whichever the
house does. A market order never spends more than is there.

Invariants: a balance is its deposits plus its fills less its commissions, exactly; what is locked
is the sum of what open orders hold; neither it nor what is free is ever negative.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.simulator.amounts import EXACT, ZERO, down_to_step, rounded_down

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.config import SimulatorConfig, SymbolRules
    from exchanges.simulator.market import Market
    from exchanges.simulator.orders import Order, OrderTerms

ONE = Decimal(1)


class SpotCustody:
    """Moves the assets themselves. Implements `custody.Custody`."""

    def __init__(self, config: SimulatorConfig, markets: Mapping[str, Market]) -> None:
        """`markets` price the fee asset."""
        self._config = config
        self._markets = markets
        #: what a buy costs beyond its price
        self._dearer = ONE
        if config.fees_in_quote:
            self._dearer += max(ZERO, config.maker_fee, config.taker_fee)

    def locks(self, order: Order) -> tuple[str, ...]:
        """What it gives: the quote asset for a buy, the base for a sell."""
        return (order.rules.quote if order.sign > 0 else order.rules.base,)

    def hold(self, order: Order) -> None:
        """Lock what the rest of the order may take."""
        self._set(order, self._needed(order, order.quantity, order.price))

    def release(self, order: Order) -> None:
        """Unlock what it held."""
        self._set(order, ZERO)

    def _set(self, order: Order, amount: Decimal) -> None:
        balance = order.account.balance(self.locks(order)[0])
        balance.held += amount - order.held
        order.held = amount

    def _needed(self, order: Order, quantity: Decimal, price: Decimal) -> Decimal:
        if order.sign < 0:
            return quantity - order.executed
        if order.terms.quote_quantity:
            return (order.terms.quote_quantity - order.quote) * self._dearer
        return (quantity - order.executed) * price * self._dearer

    def fillable(self, order: Order, price: Decimal) -> Decimal:
        """What remains; of a market buy, what the money suffices for."""
        if order.sign < 0 or order.terms.type != "MARKET":
            return order.remaining
        step = order.rules.quantity_step
        if order.terms.quote_quantity:
            return down_to_step((order.terms.quote_quantity - order.quote) / price, step)
        free = order.account.balance(order.rules.quote).free
        return min(order.remaining, down_to_step(free / (price * self._dearer), step))

    def affords(self, account: Account, terms: OrderTerms) -> bool:
        """Whether enough is free: for a market buy, at the market's price."""
        market = self._markets[terms.symbol]
        if terms.side == "SELL":
            return terms.quantity <= account.balance(market.rules.base).free
        cost = terms.quote_quantity or terms.quantity * (terms.price or market.price)
        return cost * self._dearer <= account.balance(market.rules.quote).free

    def affords_change(self, order: Order, quantity: Decimal, price: Decimal) -> bool:
        """Whether enough is free besides what the order has locked already."""
        more = self._needed(order, quantity, price) - order.held
        return more <= order.account.balance(self.locks(order)[0]).free

    def settle(
        self, order: Order, _price: Decimal, quantity: Decimal, cost: Decimal, rate: Decimal
    ) -> tuple[Decimal, str, Decimal, Position | None]:
        """Move both assets, and the commission out of the account."""
        account, rules = order.account, order.rules
        account.balance(rules.base).total += quantity * order.sign
        account.balance(rules.quote).total -= cost * order.sign
        self.hold(order)
        commission, asset = self._commission(order, cost, quantity, rate)
        account.balance(asset).total -= commission
        account.touched = (rules.base, rules.quote)
        if asset not in account.touched:
            account.touched += (asset,)
        return commission, asset, ZERO, None

    def _commission(
        self, order: Order, cost: Decimal, quantity: Decimal, rate: Decimal
    ) -> tuple[Decimal, str]:
        rules = order.rules
        if self._config.fees_in_quote:
            return rounded_down(cost * rate), rules.quote
        charged = self._in_fee_asset(order.account, rules, cost * rate)
        if charged:
            return charged
        if order.sign > 0:
            return rounded_down(quantity * rate), rules.base
        return rounded_down(cost * rate), rules.quote

    def _in_fee_asset(
        self, account: Account, rules: SymbolRules, worth: Decimal
    ) -> tuple[Decimal, str] | None:
        market = self._markets.get(f"{account.fee_asset}{rules.quote}")
        if not account.fee_asset or market is None:
            return None
        commission = rounded_down(EXACT.divide(worth, market.price))
        if commission > account.balance(account.fee_asset).free:
            return None
        return commission, account.fee_asset
