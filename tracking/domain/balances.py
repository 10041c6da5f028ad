"""
What is held of each asset on spot, from the positions and nothing else.

A position in a market (`BTC/USDT`) holds its base asset, has moved its quote asset by its fills,
and paid commissions; the one in the base asset is in its quantity already. What came without a
fill, an opening holding or a transfer, is a position of the asset itself (`BTC`), in the residual.
So a sum over the positions, of which there are few, tells what all executions come to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tracking.domain.executions import ZERO
from tracking.domain.market_terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal


class SpotPosition(NamedTuple):
    """A position on spot, as far as it moves assets."""

    symbol: str
    quantity: Decimal
    quote_change: Decimal = ZERO
    commissions: Mapping[str, Decimal] = {}


def balances(positions: Iterable[SpotPosition]) -> dict[str, Decimal]:
    """Sum what positions hold of each asset, whoever's they are."""
    held: dict[str, Decimal] = {}
    for position in positions:
        for asset, change in _changes(position):
            held[asset] = held.get(asset, ZERO) + change
    return held


def _changes(position: SpotPosition) -> list[tuple[str, Decimal]]:
    terms = terms_of(position.symbol)
    moved = [(terms.base, position.quantity)]
    if terms.is_spot:
        moved.append((terms.quote, position.quote_change))
    paid = position.commissions.items()
    return moved + [(asset, -amount) for asset, amount in paid if asset != terms.base]
