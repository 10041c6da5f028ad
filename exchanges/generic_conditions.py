"""
Conditional orders in ccxt's words, where its tables say that they are found again. Pure.

Policy: an order that could not be found again is worse than none. Most exchanges keep conditional
orders in lists and numberings apart, for which ccxt wants a parameter (`trigger`) with every
question; there none are offered. Kraken's and, of contracts, Bybit's are orders like others.

Of ccxt's two ways `triggerPrice` says nothing about a position; `stopLossPrice` and
`takeProfitPrice` mean to close one wherever there are positions, so they are taken in spot alone.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from exchanges.errors import not_offered
from exchanges.generic_facts import features_of
from exchanges.generic_names import LISTS_CONDITIONAL
from exchanges.messages import MarketType, OrderType
from exchanges.triggers import STOPS, TAKES, rises

if TYPE_CHECKING:
    from exchanges.questions import NewOrder

_QUESTIONS: Final = ("fetchOrder", "fetchOpenOrders")
_PLAIN: Final = "triggerPrice"


def offered(facts: Any, market_type: MarketType) -> frozenset[OrderType]:
    """Tell which conditional orders are sent to an exchange that ccxt describes."""
    if not _are_found_again(facts, market_type):
        return frozenset()
    can = features_of(facts, market_type, "createOrder")
    found: frozenset[OrderType] = frozenset()
    if can.get(_PLAIN):
        return STOPS | TAKES
    for name, kinds in (("stopLossPrice", STOPS), ("takeProfitPrice", TAKES)):
        if can.get(name) and market_type is MarketType.SPOT:
            found |= kinds
    return found


def parameters(facts: Any, order: NewOrder) -> dict[str, str]:
    """Put what a conditional order waits for into ccxt's parameters. Raises OrderRefused."""
    if order.order_type not in STOPS | TAKES:
        return {}
    if order.stop_price is None or order.order_type not in offered(facts, order.market_type):
        not_offered(f"{order.order_type} orders are not sent to {facts.id}")
    can, price = features_of(facts, order.market_type, "createOrder"), f"{order.stop_price:f}"
    if not can.get(_PLAIN):
        is_stop = order.order_type in STOPS
        return {"stopLossPrice" if is_stop else "takeProfitPrice": price}
    direction = "ascending" if rises(order) else "descending"
    return {_PLAIN: price} | ({"triggerDirection": direction} if _says_direction(can) else {})


def needs_price(facts: Any, order: NewOrder) -> bool:
    """Tell whether the exchange would derive from its price which way an order waits."""
    if order.order_type not in offered(facts, order.market_type):
        return False
    can = features_of(facts, order.market_type, "createOrder")
    return bool(can.get(_PLAIN)) and not _says_direction(can)


def _are_found_again(facts: Any, market_type: MarketType) -> bool:
    if facts.id.upper() in LISTS_CONDITIONAL:
        return market_type is not MarketType.SPOT
    asked = [features_of(facts, market_type, question) for question in _QUESTIONS]
    return all(question and question.get("trigger") is False for question in asked)


def _says_direction(can: dict[str, Any]) -> bool:
    return can.get("triggerDirection") is True
