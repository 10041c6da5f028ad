"""
Bybit's refusals: HTTP 200 with a retCode, which is another one for spot than for derivatives.

Source: "Error Codes" of v5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from exchanges.simulator.amounts import plain
from exchanges.simulator.bybit.words import SPOT
from exchanges.simulator.errors import ApiError

if TYPE_CHECKING:
    from decimal import Decimal

OK: Final = 200
FORBIDDEN: Final = 403
#: code and text of derivatives, then of spot
Pair: TypeAlias = tuple[tuple[int, str], tuple[int, str]]
NO_ORDER: Final[Pair] = (
    (110001, "order not exists or too late to cancel"),
    (170213, "Order does not exist."),
)
DUPLICATE: Final[Pair] = (
    (110072, "OrderLinkedID is duplicate"),
    (170141, "Duplicate clientOrderId"),
)
NO_BALANCE: Final[Pair] = (
    (110007, "ab not enough for new order"),
    (170131, "Insufficient balance."),
)
NO_SYMBOL: Final[Pair] = ((10001, "params error: symbol invalid"), (170121, "Invalid symbol."))
WORTHLESS: Final[Pair] = (
    (110094, "Order does not meet minimum order value"),
    (170140, "Order value exceeded lower limit."),
)
OFF_STEP: Final[Pair] = ((10001, "Qty invalid"), (170137, "Order volume decimal too long."))
OFF_TICK: Final[Pair] = (
    (10001, "params error: price invalid"),
    (170134, "Price decimal too long."),
)
TOO_SMALL: Final[Pair] = (
    (10001, "The number of contracts is below minimum limit allowed"),
    (170136, "Order quantity lower than the minimum."),
)
TOO_LARGE: Final[Pair] = (
    (10001, "The number of contracts exceeds maximum limit allowed"),
    (170124, "Order amount too large."),
)
TOO_MANY_OPEN: Final[Pair] = (
    (110020, "Not allowed to have more than 500 active orders."),
    (170810, "Cannot exceed maximum of 500 conditional, TP/SL and active orders."),
)
FILLED_MORE: Final[Pair] = (
    (110064, "The modified contract quantity cannot be less than or equal to the filled."),
    (170210, "New order rejected."),
)


def out_of_band(side: str, edge: Decimal) -> Pair:
    """A limit price too far on the wrong side of the market."""
    contracts = (110003, "Order price exceeds the allowable range.")
    if side == "BUY":
        return contracts, (170193, f"Buy order price cannot be higher than {plain(edge)}.")
    return contracts, (170194, f"Sell order price cannot be lower than {plain(edge)}.")


def refusal(code: int, text: str) -> ApiError:
    """Any refusal that arrives as JSON."""
    return ApiError(code, text, status=OK)


def of_category(pair: Pair, category: str) -> ApiError:
    """A refusal that spot words differently."""
    return refusal(*pair[category == SPOT])


def bad_parameter(text: str) -> ApiError:
    """A parameter is missing or wrong (10001)."""
    return refusal(10001, f"params error: {text}")


def invalid_key() -> ApiError:
    """Nobody has this key, or it is not valid (10003)."""
    return refusal(10003, "API key is invalid.")


def expired_key() -> ApiError:
    """The key's time is over (33004)."""
    return refusal(33004, "Your api key has expired.")


def too_frequent(retry_after: int | None = None) -> ApiError:
    """The address asks too much: no JSON any more, for ten minutes or as long as is told."""
    return ApiError(10018, "access too frequent", status=FORBIDDEN, retry_after=retry_after)


def too_many_visits() -> ApiError:
    """The account asks an end point too often (10006)."""
    return refusal(10006, "Too many visits. Exceeded the API Rate Limit.")
