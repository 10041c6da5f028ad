"""
What a sync reads of holdings, and which markets it concludes somebody has traded.

Asks and compares; whoever asks hands over what the books hold, so that a rehearsed sync compares
with the books it would leave behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import F, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from exchanges.errors import UnknownSymbol
from exchanges.governor import Priority
from exchanges.messages import MarketType
from tracking.models import StrategyPosition
from tracking.services.sync_questions import TOO_YOUNG, name_markets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount
    from tracking.services.anomalies import Noticed
    from tracking.services.verification import SymbolKey

#: How often the list of everything traded is read: finds hand-made round trips back to flat.
INCOME_EVERY = timedelta(seconds=40)
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


def traded_by_anyone(
    account: ExchangeAccount, client: RestClient
) -> tuple[set[SymbolKey], datetime | None]:
    """Now and then, look for markets that were traded at all: round trips leave no holding.

    Also tells up to when (exchange time) was looked, None if it was not: to be noted once the
    trades are booked, or a failure on the way would hide them for good.
    """
    checked = account.income_checked_at
    # our clock decides only how often; a wrong one may cost requests, but hides nothing
    if checked is not None and abs(timezone.now() - checked) < INCOME_EVERY:
        return set(), None
    now = client.fetch_server_time(priority=Priority.SYNC)
    since = (checked or now) - TOO_YOUNG
    found = set()
    for symbol_id in client.fetch_traded_symbols(since, priority=Priority.SYNC):
        market_type = MarketType.FUTURES
        try:
            symbol = client.markets.symbol_of(market_type, symbol_id)
        except UnknownSymbol:
            continue
        found.add((market_type.value, symbol))
    return found, now


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
