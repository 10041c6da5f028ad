"""What an act names: a market, a number, an order; refused in words when there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exchanges.simulator.amounts import parse
from exchanges.simulator.errors import ControlError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.market import Market
    from exchanges.simulator.orders import Order

Terms = dict[str, Any]


def market(exchange: SimulatedExchange, symbol: object) -> Market:
    """The market with this name."""
    found = exchange.engine.markets.get(str(symbol))
    if found is None:
        text = f"no such symbol: {symbol}"
        raise ControlError(text)
    return found


def account(exchange: SimulatedExchange, terms: Mapping[str, Any]) -> Account:
    """The account with the key named by `account`."""
    found = exchange.accounts.get(str(terms.get("account")))
    if found is None:
        text = f"no such account: {terms.get('account')}"
        raise ControlError(text)
    return found


def number(terms: Terms, name: str, default: Decimal | None = None) -> Decimal:
    """A number among the terms."""
    value = parse(str(terms[name])) if name in terms else default
    if value is None:
        text = f"{name} must be a number"
        raise ControlError(text)
    return value


def find(exchange: SimulatedExchange, account: Account, terms: Terms) -> Order:
    """The order named by symbol and orderId or clientOrderId."""
    symbol = str(terms.get("symbol"))
    if "orderId" in terms:
        order = exchange.find_order(account, symbol, str(terms["orderId"]))
    else:
        order = account.by_client_id.get((symbol, str(terms.get("clientOrderId"))))
    if order is None:
        text = "no such order"
        raise ControlError(text)
    return order


def find_open(exchange: SimulatedExchange, account: Account, terms: Terms) -> Order:
    """The named order, which must be open."""
    order = find(exchange, account, terms)
    if not order.is_open:
        text = f"expected an open order, was {order.status}"
        raise ControlError(text)
    return order
