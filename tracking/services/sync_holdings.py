"""
What a sync reads of holdings, and where they differ from the books.

Derivatives are held by market and position side. On spot an asset is held, whatever it was traded
in, and stands where other holdings have their symbol: (SPOT, BTC, NET).

Asks and compares; whoever asks hands over what the books hold, so that a rehearsed sync compares
with the books it would leave behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.governor import Priority
from exchanges.messages import PositionSide
from tracking.models import StrategyPosition
from tracking.services import spot_assets
from tracking.services.spot_assets import SPOT
from tracking.services.sync_questions import name_markets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from exchanges.markets import Markets
    from exchanges.rest import RestClient
    from tracking.services.anomalies import Noticed
    from tracking.services.verification import SymbolKey

HoldingKey = tuple[str, str, str]
Holdings = dict[HoldingKey, Decimal]
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """A holding that the books do not explain."""

    key: HoldingKey
    booked: Decimal
    held: Decimal

    @property
    def label(self) -> str:
        """Name the market and side, as anomalies do."""
        return ":".join(self.key)


def read_holdings(client: RestClient) -> tuple[Holdings, list[Noticed]]:
    """Ask what is held, by market (or asset) and side; also tell of markets we do not know."""
    named, strange = name_markets(client.markets, client.fetch_holdings(priority=Priority.SYNC))
    held = {
        (holding.market_type.value, symbol, holding.position_side.value): holding.quantity
        for holding, symbol in named
    }
    return held, strange


def booked_holdings(account_id: int) -> Holdings:
    """Sum the account's positions, strategies and residual, to what they hold."""
    columns = ("market_type", "symbol", "position_side", "quantity", "quote_change", "commissions")
    return holdings_of(StrategyPosition.objects.filter(account_id=account_id).only(*columns))


def holdings_of(rows: Iterable[StrategyPosition]) -> Holdings:
    """Sum positions to what they hold, by market and position side or by asset."""
    held: Holdings = {}
    spot = []
    for row in rows:
        if row.market_type == SPOT:
            spot.append(row)
        else:
            key = (row.market_type, row.symbol, row.position_side)
            held[key] = held.get(key, ZERO) + row.quantity
    net = PositionSide.NET.value
    return held | {(SPOT, asset, net): sum_ for asset, sum_ in spot_assets.held_by(spot).items()}


def apart(booked: Mapping[HoldingKey, Decimal], held: Mapping[HoldingKey, Decimal]) -> list[Apart]:
    """Name the holdings in which books and exchange differ."""
    return [
        Apart(key=key, booked=booked.get(key, ZERO), held=held.get(key, ZERO))
        for key in sorted(booked.keys() | held.keys())
        if booked.get(key, ZERO) != held.get(key, ZERO)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explaining:
    """What may explain that holdings differ."""

    #: the markets whose trades are to be asked for
    markets: frozenset[SymbolKey]
    #: the holdings that are explained then, or by nothing
    decided: frozenset[SymbolKey]


def explaining(
    account_id: int, markets: Markets, items: Iterable[Apart], traded: Collection[SymbolKey]
) -> Explaining:
    """Say which trades may explain differences; `traded`: markets known to have been traded in."""
    moved = {item.key: item.held - item.booked for item in items}
    assets = {key[1]: change for key, change in moved.items() if key[0] == SPOT}
    found = spot_assets.suspects(account_id, markets, assets)
    asked = spot_assets.suspected_keys(found.now)
    asked |= {key[:2] for key in moved if key[0] != SPOT} | set(traded)
    touched = {(SPOT, a) for a in spot_assets.assets_of(s for m, s in asked if m == SPOT)}
    undecided = {(SPOT, asset) for asset in found.undecided()}
    decided = (asked | touched | {(SPOT, asset) for asset in assets}) - undecided
    return Explaining(markets=frozenset(asked), decided=frozenset(decided))


def still_apart(
    client: RestClient,
    decided: Collection[SymbolKey],
    held: Holdings,
    booked: Callable[[], Holdings],
) -> tuple[list[Apart], list[Apart]]:
    """Give what differs now; and of it what is decided, and neither side explains by moving."""
    first = apart(booked(), held)
    if not _among(first, decided):
        return first, []
    again = apart(booked(), read_holdings(client)[0])
    return [*first, *again], [item for item in _among(again, decided) if item in first]


def _among(items: list[Apart], decided: Collection[SymbolKey]) -> list[Apart]:
    return [item for item in items if item.key[:2] in decided]
