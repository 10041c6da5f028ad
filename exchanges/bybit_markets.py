"""
Bybit's markets: its ids and our unified symbols. Pure, but for the asking.

Policy: ids are never taken apart; every part of a symbol is a field of its own. What trades is one
list, what is about to trade or to end are others, and the newest of those that share an id counts.
A market that cannot be read is left out alone.
Source: v5 "Get Instruments Info" (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from exchanges import bybit_calls as calls
from exchanges import bybit_vocabulary as words
from exchanges.bybit_orders import more_than_zero
from exchanges.errors import MalformedMessage, PermanentError
from exchanges.governor import Priority
from exchanges.messages import MarketType
from exchanges.questions import Market
from exchanges.rest import TIMEOUT
from exchanges.wire import amount, an_object, optional_amount, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.calls import Calls
    from exchanges.wire import Fields

#: the lists a contract may be on, the one that counts most last; spot has only what trades
_STATUSES: Final = ("Closed", "Delivering", "PreLaunch", "Trading")
_PAGE: Final = "1000"
_PAGES: Final = 20
#: an inverse contract is worth one of its quote
_INVERSE_SIZE: Final = Decimal(1)


def load(api: Calls, market_type: MarketType) -> list[Market]:
    """Ask for all markets of a category, page by page."""
    deadline = time.monotonic() + 3 * TIMEOUT
    statuses = ("Trading",) if market_type is MarketType.SPOT else _STATUSES
    return [
        market
        for status in statuses
        for row in _rows(api, market_type, status, deadline)
        if (market := _readable(row, market_type))
    ]


def _rows(api: Calls, market_type: MarketType, status: str, deadline: float) -> Iterator[Fields]:
    asked = {"category": words.CATEGORIES[market_type], "status": status, "limit": _PAGE}
    found = calls.pages(
        api, calls.INSTRUMENTS, asked, deadline=deadline, priority=Priority.VERIFY, most=_PAGES
    )
    try:
        for page in found:
            yield from page.rows
    except PermanentError:
        # a list this category does not have
        if status == "Trading":
            raise


def _readable(row: Fields, market_type: MarketType) -> Market | None:
    try:
        return market(row, market_type)
    except MalformedMessage:
        return None


def market(row: Fields, market_type: MarketType) -> Market:
    """Read one market. Raises MalformedMessage."""
    base, quote = text(row, "baseCoin"), text(row, "quoteCoin")
    lot, prices = an_object(row.get("lotSizeFilter")), an_object(row.get("priceFilter"))
    is_spot = market_type is MarketType.SPOT
    settle = None if is_spot else text(row, "settleCoin")
    is_inverse = market_type is MarketType.COIN_FUTURES
    return Market(
        market_type=market_type,
        symbol_id=text(row, "symbol"),
        symbol=f"{base}/{quote}" if settle is None else f"{base}/{quote}:{settle}{_expiry(row)}",
        base=base,
        quote=quote,
        settle=settle,
        price_step=more_than_zero(prices, "tickSize"),
        quantity_step=more_than_zero(lot, "basePrecision" if is_spot else "qtyStep"),
        minimum_quantity=amount(lot, "minOrderQty"),
        minimum_notional=optional_amount(lot, "minOrderAmt" if is_spot else "minNotionalValue"),
        contract_size=_INVERSE_SIZE if is_inverse else None,
    )


def _expiry(row: Fields) -> str:
    """Return "-YYMMDD" for a contract with a date of delivery, "" for a perpetual one."""
    if "Perpetual" in text(row, "contractType"):
        return ""
    return f"-{words.moment(row, 'deliveryTime'):%y%m%d}"
