"""
Sending orders, and changing them, in ccxt's unified calls.

Policy: many exchanges answer a placed order with its id alone: what we sent is then what is known
of it, and it is new, for they took it. An order is changed only where the exchange changes it in
place; elsewhere ccxt would replace it by another one. Where an exchange derives from its price
which way a conditional order waits, the market is looked at first.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from exchanges import generic_answers as answers
from exchanges import generic_conditions as conditions
from exchanges import generic_orders as orders
from exchanges import generic_terms as terms
from exchanges import generic_vocabulary as words
from exchanges.errors import (
    OutcomeUnknown,
    PermanentError,
    TransientError,
    not_offered,
)
from exchanges.generic_facts import amends_in_place
from exchanges.generic_speaker import described
from exchanges.governor import Priority
from exchanges.messages import MarketType, OrderType, Side, Source
from exchanges.triggers import refuse_what_would_trigger
from exchanges.understanding import outcome, understood

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.generic_calls import GenericCalls
    from exchanges.messages import OrderSnapshot
    from exchanges.questions import Amendment, NewOrder

_TYPE_NAMES: Final = {
    OrderType.LIMIT: "limit",
    OrderType.MARKET: "market",
    OrderType.STOP: "limit",
    OrderType.TAKE_PROFIT: "limit",
    OrderType.STOP_MARKET: "market",
    OrderType.TAKE_PROFIT_MARKET: "market",
}
#: ccxt's calls for a market order of an amount of money, as its tables and its classes name them
_BY_COST: Final = {
    Side.BUY: ("createMarketBuyOrderWithCost", "create_market_buy_order_with_cost"),
    Side.SELL: ("createMarketSellOrderWithCost", "create_market_sell_order_with_cost"),
}


def place(api: GenericCalls, order: NewOrder, *, timeout: float) -> OrderSnapshot:
    """Send an order, once."""
    deadline = time.monotonic() + timeout
    kind = _TYPE_NAMES.get(order.order_type)
    if kind is None:
        not_offered(f"{order.order_type} orders are not sent")
    symbol = api.source.markets.symbol_of(api.market_type, order.symbol_id)
    _look_first(api, order, deadline)
    send = _by_cost(api, order, symbol) if order.quote_quantity else _plainly(api, order, symbol)
    said = api.ask(
        send,
        priority=Priority.ORDER,
        timeout=max(0.0, deadline - time.monotonic()),
        changes_orders=True,
    )
    told = terms.as_sent(order, kind, said)
    return outcome(
        lambda: orders.snapshot(api, told, said.requested_at, order.symbol_id, source=Source.SUBMIT)
    )


def amend(api: GenericCalls, amendment: Amendment, *, timeout: float) -> OrderSnapshot:
    """Change an order in place, and see what became of it, which may be as it was."""
    if not amends_in_place(described(api.exchange), api.market_type):
        not_offered(f"{api.exchange} does not change orders in place")
    deadline = time.monotonic() + timeout
    ref = amendment.ref
    symbol = api.source.markets.symbol_of(api.market_type, ref.symbol_id)
    order_id = orders.id_of(api, ref, timeout=timeout)
    side, quantity = words.SIDE_NAMES[amendment.side], f"{amendment.quantity:f}"

    def send(ccxt: Any) -> Any:
        wanted = (("amount", amendment.quantity), ("price", amendment.price))
        terms.refuse_rounding(ccxt, symbol, wanted)
        price = f"{amendment.price:f}"
        return ccxt.edit_order(order_id, symbol, "limit", side, quantity, price)

    left = max(0.0, deadline - time.monotonic())
    api.ask(send, priority=Priority.ORDER, timeout=left, changes_orders=True)
    try:
        left = max(1.0, deadline - time.monotonic())
        return orders.fetch_one(api, ref, timeout=left, priority=Priority.ORDER)
    except (TransientError, PermanentError) as error:
        msg = f"amended, but not seen so: {error}"
        raise OutcomeUnknown(msg) from None


def last_price(
    api: GenericCalls, symbol_id: str, *, timeout: float, priority: Priority
) -> Decimal | None:
    """Ask for the price of a market's last trade; None if it never had one."""
    api.require("fetchTicker")
    symbol = api.source.markets.symbol_of(api.market_type, symbol_id)
    said = api.ask(lambda ccxt: ccxt.fetch_ticker(symbol), priority=priority, timeout=timeout)
    return understood(lambda: answers.exact(said.value, "last"))


def available(api: GenericCalls, asset: str, *, timeout: float, priority: Priority) -> Decimal:
    """Ask how much of an asset is free, as ccxt tells it."""
    api.require("fetchBalance")
    said = api.ask(lambda ccxt: ccxt.fetch_balance(), priority=priority, timeout=timeout)
    return understood(lambda: answers.available(said.value, asset))


def _look_first(api: GenericCalls, order: NewOrder, deadline: float) -> None:
    if not conditions.needs_price(described(api.exchange), order):
        return
    left = max(0.0, deadline - time.monotonic())
    last = last_price(api, order.symbol_id, timeout=left, priority=Priority.ORDER)
    refuse_what_would_trigger(order, last)


def _plainly(api: GenericCalls, order: NewOrder, symbol: str) -> Any:
    kind, side = _TYPE_NAMES[order.order_type], words.SIDE_NAMES[order.side]
    price = None if order.price is None else f"{order.price:f}"
    parameters = terms.parameters(order) | conditions.parameters(described(api.exchange), order)

    def send(ccxt: Any) -> Any:
        terms.refuse_what_is_rounded(ccxt, symbol, order)
        return ccxt.create_order(symbol, kind, side, f"{order.quantity:f}", price, parameters)

    return send


def _by_cost(api: GenericCalls, order: NewOrder, symbol: str) -> Any:
    ability, name = _BY_COST[order.side]
    is_spot_market = (order.order_type, api.market_type) == (OrderType.MARKET, MarketType.SPOT)
    if not is_spot_market or not api.can(ability):
        not_offered(f"{api.exchange} takes no such order for an amount of money")
    parameters, cost = terms.parameters(order), order.quote_quantity

    def send(ccxt: Any) -> Any:
        terms.refuse_rounding(ccxt, symbol, (("cost", cost),))
        return getattr(ccxt, name)(symbol, f"{cost:f}", parameters)

    return send
