"""
What Binance tells of its markets, spot and futures alike: rules, candles, prices. Pure.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.errors import MalformedMessage
from exchanges.wire import a_list, amount, an_object, identifier, optional_amount, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from exchanges.questions import Market
    from exchanges.wire import Fields

#: how a candle's list begins
_CANDLE = ("openTime", "open", "high", "low", "close")


def filters_of(fields: Fields) -> Fields:
    """Take the filters of a market by their names."""
    rules = map(an_object, a_list(fields.get("filters")))
    return {text(rule, "filterType"): rule for rule in rules}


def read_markets(body: object, read: Callable[[object], Market]) -> list[Market]:
    """Read every market; one that cannot be read is left out alone. Raises MalformedMessage."""
    found: list[Market] = []
    for row in a_list(an_object(body).get("symbols")):
        try:
            found.append(read(row))
        except MalformedMessage:
            continue
    return found


def closing_price(body: object, minute: str) -> Decimal | None:
    """Read the close of the candle that begins at `minute`; a market may be younger than it."""
    for row in map(a_list, a_list(body)):
        candle = dict(zip(_CANDLE, row, strict=False))
        if identifier(candle, "openTime") == minute:
            return more_than_zero(candle, "close")
    return None


def last_price(body: object, symbol_id: str) -> Decimal | None:
    """Read the price of the last trade; COIN-M answers with a list of one."""
    rows = map(an_object, body if isinstance(body, list) else [body])
    found = next((row for row in rows if text(row, "symbol") == symbol_id), None)
    if found is None:
        msg = "the answer is about another market"
        raise MalformedMessage(msg)
    return optional_amount(found, "price")


def more_than_zero(fields: Fields, key: str) -> Decimal:
    """Take an amount that cannot be zero."""
    value = amount(fields, key)
    if not value:
        msg = f"{key}: expected more than zero"
        raise MalformedMessage(msg)
    return value
