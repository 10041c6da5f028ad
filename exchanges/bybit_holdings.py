"""
What a Bybit account holds: positions of contracts, coins of the wallet. Pure.

Policy: a unified account has one wallet for all its markets, so its coins are told as what spot
holds; a borrowed coin is none of one's own, and selling it shows as less than nothing, as it does
in the books. Sources: v5 "Get Position Info", "Get Wallet Balance".

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges import bybit_vocabulary as words
from exchanges.messages import HoldingReport, MarketType
from exchanges.wire import (
    ZERO,
    a_list,
    amount,
    an_object,
    optional_amount,
    optional_signed,
    text,
)

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.wire import Fields

#: what of a coin a new order cannot use
_IN_USE: Final = ("locked", "totalOrderIM", "totalPositionIM")


def position(row: Fields, market_type: MarketType) -> HoldingReport:
    """Read one row about a position; the side of an empty one is ""."""
    size = amount(row, "size")
    is_short = size > ZERO and row.get("side") == "Sell"
    if size and not is_short:
        words.side(row)
    return HoldingReport(
        market_type=market_type,
        symbol_id=text(row, "symbol"),
        quantity=-size if is_short else size,
        position_side=words.position_side(row),
        # the list of positions calls it so, the stream calls it the other
        entry_price=optional_amount(row, "avgPrice" if "avgPrice" in row else "entryPrice"),
        updated_at=words.moment(row, "updatedTime") if row.get("updatedTime") else None,
    )


def coins(account: Fields) -> list[HoldingReport]:
    """Read the coins of one account; `walletBalance` holds what orders lock, and what is borrowed.

    Raises MalformedMessage.
    """
    return [_coin(an_object(row)) for row in a_list(account.get("coin"))]


def available(account: Fields, market_type: MarketType, asset: str) -> Decimal:
    """Read what a new order may use of a coin; nothing of one that is not listed.

    Spot: `walletBalance` less `spotBorrow`. Contracts: `equity`, which counts what positions have
    gained and lost. Both less what spot orders have `locked` and what orders and positions of
    contracts want as margin (`totalOrderIM`, `totalPositionIM`). What other coins would be worth
    as a collateral is not counted. Raises MalformedMessage.
    """
    rows = (an_object(row) for row in a_list(account.get("coin")))
    row = next((row for row in rows if row.get("coin") == asset), None)
    if row is None:
        return ZERO
    owned = _of(row, "equity")
    if market_type is MarketType.SPOT:
        owned = _of(row, "walletBalance") - _of(row, "spotBorrow")
    used = sum((_of(row, key) for key in _IN_USE), ZERO)
    return max(ZERO, owned - used)


def _of(row: Fields, key: str) -> Decimal:
    return optional_signed(row, key) or ZERO


def _coin(row: Fields) -> HoldingReport:
    borrowed = optional_amount(row, "spotBorrow") or ZERO
    return HoldingReport(
        market_type=MarketType.SPOT,
        symbol_id="",
        asset=text(row, "coin"),
        quantity=(optional_signed(row, "walletBalance") or ZERO) - borrowed,
    )
