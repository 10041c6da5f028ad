"""
What a trader's hand asks for, in any house: the parameter names of Binance, whatever is served.

Beside those of a plain order: `quoteOrderQty` (spot: what a market buy may spend) and `stopPrice`
(the order waits among the others until the price has come there from where it is now).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from exchanges.simulator import checks
from exchanges.simulator.act_terms import Terms, market, number
from exchanges.simulator.amounts import ZERO, down_to_step, plain
from exchanges.simulator.config import SPOT
from exchanges.simulator.errors import ControlError
from exchanges.simulator.orders import BY_HAND

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.market import Market
    from exchanges.simulator.orders import OrderTerms

WEB_ID_LENGTH: Final = 20
#: terms that are no parameters of an order
APART: Final = frozenset({"action", "account", "quoteOrderQty", "stopPrice"})


def web_id(exchange: SimulatedExchange) -> str:
    """A client order id as Binance's website makes them."""
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return "web_" + "".join(exchange.id_chance.choices(alphabet, k=WEB_ID_LENGTH))


def read(exchange: SimulatedExchange, account: Account, terms: Terms) -> OrderTerms:
    """The order that is asked for, checked like one that came over REST."""
    params = {name: str(value) for name, value in terms.items() if name not in APART}
    params.setdefault("newClientOrderId", web_id(exchange))
    if params.get("type", "MARKET") == "LIMIT":
        params.setdefault("timeInForce", "GTC")
    params.setdefault("type", "MARKET")
    if "quoteOrderQty" not in terms:
        checked = checks.read_terms(exchange, account, params, origin=BY_HAND)
        return waiting(market(exchange, checked.symbol), checked, terms)
    params["quantity"] = plain(bought(exchange, terms))
    checked = checks.read_terms(exchange, account, params, origin=BY_HAND)
    return replace(checked, quantity=ZERO, quote_quantity=number(terms, "quoteOrderQty"))


def bought(exchange: SimulatedExchange, terms: Terms) -> Decimal:
    """About what a market buy by quote brings."""
    asked = (exchange.config.custody, terms.get("side"), terms.get("type", "MARKET"))
    if asked != (SPOT, "BUY", "MARKET"):
        text = "only a market buy in spot is for an amount of the quote asset"
        raise ControlError(text)
    place = market(exchange, terms.get("symbol"))
    return down_to_step(number(terms, "quoteOrderQty") / place.price, place.rules.quantity_step)


def waiting(place: Market, checked: OrderTerms, terms: Terms) -> OrderTerms:
    """The order as it is, or waiting for its `stopPrice`."""
    if "stopPrice" not in terms:
        return checked
    stop = number(terms, "stopPrice")
    return replace(checked, trigger_price=stop, trigger_rises=stop > place.price)
