"""
What happens without a REST request: a trader's hand on the website, and the exchange itself.

`POST /sim/act` takes `{"action": .., "account": .., ...}` with the parameter names of REST. An act
is checked like an order but needs no signature and meets no fault on its way in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator import act_terms, checks, hand_terms, ledger
from exchanges.simulator.act_terms import Terms, find_open, market, number
from exchanges.simulator.amounts import plain
from exchanges.simulator.channel import Frame
from exchanges.simulator.errors import ControlError
from exchanges.simulator.fees import fee_asset
from exchanges.simulator.house_acts import (
    deleverage,
    delist,
    dust,
    expire,
    funding,
    liquidate,
    position_mode,
    reset,
    settle,
    shrink,
    transfer,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.exchange import SimulatedExchange


def act(exchange: SimulatedExchange, terms: Terms) -> dict[str, Any]:
    """Do one act; returns what it made of the order or account."""
    doer = ACTS.get(str(terms.get("action")))
    if doer is None:
        text = f"unknown action: {terms.get('action')} (known: {', '.join(ACTS)})"
        raise ControlError(text)
    return doer(exchange, act_terms.account(exchange, terms), terms)


def place(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Place an order by hand."""
    checked = hand_terms.read(exchange, account, terms)
    checks.check_placement(exchange, account, checked)
    return ledger.order_row(exchange, exchange.engine.place(account, checked))


def cancel(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Cancel an order by hand."""
    order = find_open(exchange, account, terms)
    exchange.engine.cancel(order)
    return ledger.order_row(exchange, order)


def amend(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Change price or quantity of an order by hand."""
    order = find_open(exchange, account, terms)
    quantity, price = number(terms, "quantity", order.quantity), number(terms, "price", order.price)
    if not exchange.engine.custody.affords_change(order, quantity, price):
        text = "the account has not so much"
        raise ControlError(text)
    exchange.engine.amend(order, quantity, price, number(terms, "stopPrice", order.trigger_price))
    return ledger.order_row(exchange, order)


def fill(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Let a resting order trade `quantity` (all) at its price with `counterparties` (1).

    `tradeId`: every fill carries this id, which an earlier one may have.
    """
    order = find_open(exchange, account, terms)
    quantity = number(terms, "quantity", order.remaining)
    trade_id = int(terms["tradeId"]) if "tradeId" in terms else None
    exchange.engine.fill_resting(order, quantity, int(terms.get("counterparties", 1)), trade_id)
    return ledger.order_row(exchange, order)


def cancel_then_fill(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Fill and cancel at once, with the word of the cancel leaving first."""
    order = find_open(exchange, account, terms)
    channel = exchange.hub.channel(account.api_key)
    with channel.withheld() as held:
        exchange.engine.fill_resting(order, number(terms, "quantity"), 1)
        if order.is_open:
            exchange.engine.cancel(order)
    for frame in reversed(held):
        channel.deliver(frame)
    return ledger.order_row(exchange, order)


def say(exchange: SimulatedExchange, account: Account, terms: Terms) -> dict[str, Any]:
    """Send any text as a frame to the account's sockets."""
    event = str(terms.get("event", "ORDER_TRADE_UPDATE"))
    exchange.hub.channel(account.api_key).deliver(Frame(event=event, text=str(terms["text"])))
    return {"sent": True}


ACTS: Final[dict[str, Callable[[SimulatedExchange, Account, Terms], dict[str, Any]]]] = {
    "place": place,
    "cancel": cancel,
    "amend": amend,
    "fill": fill,
    "expire": expire,
    "cancel_then_fill": cancel_then_fill,
    "liquidate": liquidate,
    "deleverage": deleverage,
    "settle": settle,
    "delist": delist,
    "shrink": shrink,
    "position_mode": position_mode,
    "reset": reset,
    "funding": funding,
    "transfer": transfer,
    "dust": dust,
    "fee_asset": fee_asset,
    "say": say,
}


def set_price(exchange: SimulatedExchange, terms: Terms) -> dict[str, str]:
    """Set a price and fill what it reached: in part, all of it, or none."""
    place = market(exchange, terms.get("symbol"))
    price = number(terms, "price")
    if price <= 0 or price % place.rules.price_tick:
        text = "price must be a positive multiple of the tick"
        raise ControlError(text)
    how = terms.get("fill", "part")
    if how not in {"part", "all", "none"}:
        text = 'fill must be "part", "all" or "none"'
        raise ControlError(text)
    place.move_to(price.quantize(place.rules.price_tick))
    if how != "none":
        exchange.engine.sweep(place, whole=how == "all")
    return prices(exchange)


def prices(exchange: SimulatedExchange) -> dict[str, str]:
    """The price of every symbol."""
    return {symbol: plain(each.price) for symbol, each in exchange.engine.markets.items()}
