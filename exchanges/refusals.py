"""
Why an order was refused, in one vocabulary: each exchange has dozens of codes for these few things.

An adapter maps its codes; what it does not map is OTHER, and then the exchange's own words tell.
"""

from __future__ import annotations

from enum import StrEnum


class RefusalKind(StrEnum):
    """What a trader has to change. The lower half are our own checks."""

    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    ABOVE_MAXIMUM = "ABOVE_MAXIMUM"
    WRONG_STEP = "WRONG_STEP"
    PRICE_OUT_OF_BAND = "PRICE_OUT_OF_BAND"
    WOULD_TRIGGER = "WOULD_TRIGGER"
    WOULD_TAKE = "WOULD_TAKE"
    NOTHING_TO_REDUCE = "NOTHING_TO_REDUCE"
    POSITION_SIDE = "POSITION_SIDE"
    TOO_MANY_ORDERS = "TOO_MANY_ORDERS"
    MARKET_CLOSED = "MARKET_CLOSED"
    UNKNOWN_MARKET = "UNKNOWN_MARKET"
    DUPLICATE = "DUPLICATE"
    NO_PERMISSION = "NO_PERMISSION"
    RATE_LIMITED = "RATE_LIMITED"
    EXCHANGE_DOWN = "EXCHANGE_DOWN"
    NOT_OFFERED = "NOT_OFFERED"
    NOT_ACCEPTED = "NOT_ACCEPTED"

    HALTED = "HALTED"
    OVER_LIMIT = "OVER_LIMIT"
    SYMBOL_NOT_ALLOWED = "SYMBOL_NOT_ALLOWED"
    TOO_OLD = "TOO_OLD"
    TRACKING_ONLY = "TRACKING_ONLY"
    WITHDRAWN = "WITHDRAWN"
    OTHER = "OTHER"
