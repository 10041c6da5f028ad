"""
Bybit's words for what the engine knows by others: categories, sides, states, and why orders end.

Source: "Enums Definitions" of v5. The engine's own words are Binance's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exchanges.simulator import orders as states

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exchanges.simulator.orders import Order

SPOT: Final = "spot"
LINEAR: Final = "linear"
INVERSE: Final = "inverse"
CATEGORY: Final[Mapping[str, str]] = {
    "SPOT": SPOT,
    "FUTURES": LINEAR,
    "COIN_FUTURES": INVERSE,
}
MARKET_TYPE: Final[Mapping[str, str]] = {category: kind for kind, category in CATEGORY.items()}

SIDES: Final[Mapping[str, str]] = {"BUY": "Buy", "SELL": "Sell"}
TYPES: Final[Mapping[str, str]] = {"LIMIT": "Limit", "MARKET": "Market"}
TIMES: Final[Mapping[str, str]] = {"GTC": "GTC", "IOC": "IOC", "FOK": "FOK", "GTX": "PostOnly"}
POSITIONS: Final[Mapping[str, int]] = {"BOTH": 0, "LONG": 1, "SHORT": 2}
#: states that are called so whatever order has them
PLAIN: Final[Mapping[str, str]] = {
    states.PARTIALLY_FILLED: "PartiallyFilled",
    states.FILLED: "Filled",
}
OPEN: Final = frozenset({"New", "PartiallyFilled", "Untriggered"})

#: why an order ended without its owner's doing: cancelType and rejectReason
ENDS: Final[Mapping[str, tuple[str, str]]] = {
    states.SELF_TRADE: ("CancelBySmp", "EC_BySelfMatch"),
    states.IOC_LEFTOVER: ("UNKNOWN", "EC_NoImmediateQtyToFill"),
    states.REDUCE_ONLY_CONFLICT: ("CancelByReduceOnly", "EC_NoError"),
    states.LIQUIDATED: ("CancelAllBeforeLiq", "EC_NoError"),
    states.DELISTED: ("CancelByAdmin", "EC_NoError"),
    states.MARKET_LEFTOVER: ("UNKNOWN", "EC_NoEnoughQtyToFill"),
    states.POST_ONLY: ("UNKNOWN", "EC_PostOnlyWillTakeLiquidity"),
}
BY_USER: Final = ("CancelByUser", "EC_PerCancelRequest")
#: what a buy by value could not spend is too little to buy anything
DUST_LEFT: Final = ("UNKNOWN", "EC_CancelByOrderValueZero")
NO_END: Final = ("UNKNOWN", "EC_NoError")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why an order of the exchange's own exists, and how its fills are called."""

    exec_type: str
    create_type: str


BY_TRADER: Final = Cause(exec_type="Trade", create_type="CreateByUser")
BY_STOP: Final = Cause(exec_type="Trade", create_type="CreateByStopOrder")
LIQUIDATION: Final = Cause(exec_type="BustTrade", create_type="CreateByTakeOver_PassThrough")
DELEVERAGING: Final = Cause(exec_type="AdlTrade", create_type="CreateByAdl_PassThrough")
#: recorded as a trade, but not as an order ("createType", CreateBySettle)
DELIVERY: Final = Cause(exec_type="Delivery", create_type="CreateBySettle")
#: "Inverse futures settlement"
SETTLEMENT: Final = Cause(exec_type="Settle", create_type="CreateBySettle")
#: by what the engine's acts begin the names of their orders with
CAUSES: Final[Mapping[str, Cause]] = {
    "autoclose-": LIQUIDATION,
    "adl_autoclose": DELEVERAGING,
    "settlement_autoclose-": DELIVERY,
    "delivery_autoclose-": DELIVERY,
}


def type_word(kind: str) -> str:
    """The type of an order; what takes over a position is a market order."""
    return TYPES.get(kind, "Market")


def cause_of(order: Order) -> Cause:
    """Why an order exists."""
    terms = order.terms
    if terms.origin != states.BY_EXCHANGE:
        return BY_STOP if terms.trigger_price else BY_TRADER
    named = (cause for name, cause in CAUSES.items() if terms.client_id.startswith(name))
    cause = next(named, LIQUIDATION)
    return SETTLEMENT if cause is DELIVERY and order.rules.contract_size else cause


def is_order(order: Order) -> bool:
    """Whether it is told of and listed as an order at all."""
    return cause_of(order).create_type != DELIVERY.create_type


def link_id(order: Order) -> str:
    """The owner's name of an order; the exchange's own orders have none."""
    return "" if order.terms.origin == states.BY_EXCHANGE else order.terms.client_id


def status_word(order: Order, status: str, *, has_fills: bool, is_spot: bool) -> str:
    """The state of an order; only spot has a word for what ended with fills."""
    if status == states.NEW:
        return "Untriggered" if order.is_waiting else "New"
    if status in PLAIN:
        return PLAIN[status]
    if order.is_waiting:
        return "Deactivated"
    return "PartiallyFilledCanceled" if has_fills and is_spot else "Cancelled"


def ending(order: Order) -> tuple[str, str]:
    """Its cancelType and its rejectReason."""
    if order.is_open or order.status == states.FILLED:
        return NO_END
    if order.status == states.CANCELED:
        return DUST_LEFT if order.terms.quote_quantity else BY_USER
    return ENDS.get(order.expiry_reason, ("UNKNOWN", "EC_Others"))
