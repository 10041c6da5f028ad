"""
What a sync reads of holdings, and where they differ from the books.

Asks and compares; whoever asks hands over what the books hold, so that a rehearsed sync compares
with the books it would leave behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from exchanges.governor import Priority
from tracking.models import StrategyPosition
from tracking.services.sync_questions import name_markets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

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
    """Ask what is held, by market and position side; also tell of markets we do not know."""
    named, strange = name_markets(client.markets, client.fetch_holdings(priority=Priority.SYNC))
    held = {
        (holding.market_type.value, symbol, holding.position_side.value): holding.quantity
        for holding, symbol in named
    }
    return held, strange


def booked_holdings(account_id: int) -> Holdings:
    """Sum the account's positions, strategies and residual, by market and position side."""
    rows = (
        StrategyPosition.objects.filter(account_id=account_id)
        .values_list("market_type", "symbol", "position_side")
        .annotate(held=Coalesce(Sum(F("quantity")), ZERO))
    )
    return {(m, s, p): held for m, s, p, held in rows}


def apart(booked: Mapping[HoldingKey, Decimal], held: Mapping[HoldingKey, Decimal]) -> list[Apart]:
    """Name the holdings in which books and exchange differ."""
    return [
        Apart(key=key, booked=booked.get(key, ZERO), held=held.get(key, ZERO))
        for key in sorted(booked.keys() | held.keys())
        if booked.get(key, ZERO) != held.get(key, ZERO)
    ]


def still_apart(
    client: RestClient,
    markets: Collection[SymbolKey],
    held: Holdings,
    booked: Callable[[], Holdings],
) -> tuple[list[Apart], list[Apart]]:
    """Give what differs in these markets now, and of it what neither side explains by moving."""
    first = _in_markets(apart(booked(), held), markets)
    if not first:
        return [], []
    again = _in_markets(apart(booked(), read_holdings(client)[0]), markets)
    return [*first, *again], [item for item in again if item in first]


def _in_markets(items: list[Apart], markets: Collection[SymbolKey]) -> list[Apart]:
    return [item for item in items if item.key[:2] in markets]
