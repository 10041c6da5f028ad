"""
What happened on an account whoever did it: markets that were traded, money that moved.

One list of the exchange tells both. It finds what holdings cannot: a round trip made by hand leaves
no holding behind, and funding never was one.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from exchanges.errors import UnknownSymbol
from exchanges.governor import Priority
from exchanges.messages import MarketType
from tracking.models import PostingKind
from tracking.services.postings import NewPosting, of_asset
from tracking.services.sync_questions import TOO_YOUNG

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.markets import Markets
    from exchanges.messages import MovementReport
    from exchanges.rest import RestClient
    from tracking.models import ExchangeAccount
    from tracking.services.verification import SymbolKey

#: How often the list of everything traded is read: finds hand-made round trips back to flat.
LOOK_EVERY = timedelta(seconds=40)
#: Once an hour the funding of this long is read again: it is paid at full hours, and the list may
#: show it late.
LOOK_BACK = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What a look has found."""

    traded: frozenset[SymbolKey] = frozenset()
    postings: tuple[NewPosting, ...] = ()
    #: exchange time up to which was looked; to be noted once all of it is booked, or a failure on
    #: the way would hide it for good. None: there was no look
    looked_at: datetime | None = None
    #: the list was too long to be read to its end: some of what moved is not known yet
    has_more: bool = False

    @property
    def moved(self) -> tuple[NewPosting, ...]:
        """Give the movements that change what is held."""
        return tuple(posting for posting in self.postings if posting.quantity)


def look(account: ExchangeAccount, client: RestClient, *, is_missed: bool = False) -> Activity:
    """Read what happened since the last look, if that is long enough ago. Raises ExchangeError.

    `is_missed`: something moved that nothing else explains, so it is read at once.
    """
    checked = account.income_checked_at
    # our clock decides only how often; a wrong one may cost requests, but hides nothing
    is_recent = checked is not None and abs(timezone.now() - checked) < LOOK_EVERY
    if is_recent and not is_missed:
        return Activity()
    now = client.fetch_server_time(priority=Priority.SYNC)
    begin = checked or now
    told = client.fetch_activity(begin - TOO_YOUNG, priority=Priority.SYNC)
    movements = told.movements
    if (begin.date(), begin.hour) != (now.date(), now.hour):
        late = client.fetch_activity(now - LOOK_BACK, only_funding=True, priority=Priority.SYNC)
        movements += late.movements
    # what is traded in a market we do not know is not ours to ask for
    market_type = MarketType(account.market_type)
    named = {_symbol(client.markets, market_type, name) for name in told.traded_symbol_ids}
    return Activity(
        traded=frozenset((market_type.value, symbol) for symbol in named if symbol),
        postings=tuple(posting_of(client.markets, movement) for movement in movements),
        looked_at=told.more_from or now,
        has_more=told.more_from is not None,
    )


def _symbol(markets: Markets, market_type: MarketType, symbol_id: str) -> str:
    """Name a market; "" for none, and for one we do not know: money that moved is booked anyhow."""
    if not symbol_id:
        return ""
    try:
        return markets.symbol_of(market_type, symbol_id)
    except UnknownSymbol:
        return ""


def posting_of(markets: Markets, told: MovementReport) -> NewPosting:
    """See what an exchange tells of a movement as a posting; on spot it moves what is held."""
    if told.market_type is MarketType.SPOT:
        return of_asset(
            told.asset,
            told.amount,
            key=told.key[:120],
            kind=PostingKind(told.kind.value),
            posted_at=told.posted_at,
        )
    return NewPosting(
        key=told.key[:120],
        kind=PostingKind(told.kind.value),
        market_type=told.market_type.value,
        posted_at=told.posted_at,
        symbol=_symbol(markets, told.market_type, told.symbol_id),
        asset=told.asset[:16],
        amount=told.amount,
    )
