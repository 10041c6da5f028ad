"""
Spot, where exchanges tell what is held of an asset and our books keep positions by market.

Note [Which market moved it]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~
A trade moves two assets, in opposite directions; so an asset that moved without booked fills can
have been traded only in markets against another that did, and those are asked for trades: first
the ones where two moved apart, then the ones we know something about; a few at a time, those asked
lately last. An asset none of whose markets is left to ask was not traded: it came or went, and
that is a drift until somebody books what it was.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from exchanges.messages import HoldingReport, MarketType
from tracking.domain.balances import SpotPosition, balances
from tracking.domain.market_terms import terms_of
from tracking.models import SymbolSubscription

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from exchanges.markets import Markets
    from exchanges.messages import OrderStatement
    from exchanges.questions import Market
    from tracking.models import StrategyPosition
    from tracking.services.verification import SymbolKey

SPOT: Final = MarketType.SPOT.value
#: One comparison asks for the trades of so many markets.
AT_ONCE: Final = 10
#: A market asked so lately waits until the others have been: as long as asking so many may take.
LATELY: Final = timedelta(seconds=45)
MEANWHILE: Final = 4 * AT_ONCE


def symbol_of(markets: Markets, said: OrderStatement | HoldingReport) -> str:
    """Name what a statement is about: its market, or on spot the asset that is held.

    Raises UnknownSymbol.
    """
    if isinstance(said, HoldingReport) and said.market_type is MarketType.SPOT:
        return said.asset
    return markets.symbol_of(said.market_type, said.symbol_id)


def held_by(rows: Iterable[StrategyPosition]) -> dict[str, Decimal]:
    """Sum what positions on spot hold of each asset."""
    return balances(
        SpotPosition(
            row.symbol,
            row.quantity,
            row.quote_change,
            {asset: Decimal(text) for asset, text in row.commissions.items()},
        )
        for row in rows
    )


def assets_of(symbols: Iterable[str]) -> Iterator[str]:
    """Name the assets a trade in these markets moves."""
    for symbol in symbols:
        terms = terms_of(symbol)
        yield from (terms.base, terms.quote)


def markets_between(markets: Markets, assets: Iterable[str]) -> list[Market]:
    """Name the markets in which some assets are traded for each other."""
    moved = set(assets)
    return [
        market
        for market in markets.all()
        if market.market_type is MarketType.SPOT and {market.base, market.quote} <= moved
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspects:
    """The markets where assets can have been traded: those to ask now, and those that wait."""

    now: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()

    def undecided(self) -> set[str]:
        """Name the assets that a market still to be asked may explain."""
        return set(assets_of(self.later))


def suspects(account_id: int, markets: Markets, moved: Mapping[str, Decimal]) -> Suspects:
    """Say in which markets assets can have been traded that moved by so much.

    See Note [Which market moved it].
    """
    if len(moved) <= 1:
        return Suspects()
    found = markets_between(markets, moved)
    rows = SymbolSubscription.objects.filter(
        account_id=account_id, market_type=SPOT, symbol__in=[market.symbol for market in found]
    )
    asked = dict(rows.values_list("symbol", "verified_at"))
    recent = timezone.now() - LATELY * (1 + len(found) // MEANWHILE)
    fresh = [market for market in found if not _is_recent(asked.get(market.symbol), recent)]

    def rank(market: Market) -> tuple[bool, bool, bool, str]:
        is_apart = moved[market.base] * moved[market.quote] < 0
        is_recent = _is_recent(asked.get(market.symbol), recent)
        return is_recent, not is_apart, market.symbol not in asked, market.symbol

    now = sorted(found, key=rank)[:AT_ONCE]
    later = {market.symbol for market in fresh} - {market.symbol for market in now}
    return Suspects(now=frozenset(market.symbol for market in now), later=frozenset(later))


def _is_recent(asked_at: datetime | None, recent: datetime) -> bool:
    return asked_at is not None and asked_at > recent


def suspected_keys(symbols: Iterable[str]) -> set[SymbolKey]:
    """Give markets on spot as trade cursors name them."""
    return {(SPOT, symbol) for symbol in symbols}
