"""
Movements that are no fills: booked once by their own key, folded into the position they concern.

Note [Whose movement]
~~~~~~~~~~~~~~~~~~~~~
An exchange pays funding to an account and names the market, not the strategy, and in hedge mode not
the side either. Who alone held the market at that moment gets it, on the side that held more; where
several held it, or nobody, it is the residual's. This is decided when it is booked and kept in the
posting: a fill that turns up later does not move it.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import structlog
from django.db import transaction

from exchanges.messages import MarketType, PositionSide
from tracking.domain.positions import change_of, posting_key
from tracking.models import EventKind, Posting, PostingKind, StrategyPosition
from tracking.services import anomalies, bulk_rows, market_terms
from tracking.services.event_emitter import lock_account
from tracking.services.journal import Journal
from tracking.services.payloads import position_payload
from tracking.services.position_changes import PositionChange
from tracking.services.position_entries import PositionKey, entries_after, key_of, movement_of
from tracking.services.position_rows import fold_changes
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tracking.models import ExchangeAccount
    from tracking.services.statements import Statement

log = structlog.get_logger(__name__)

_NONE = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPosting:
    """A movement to be booked. `key` is its own for ever: seen again, it books nothing."""

    key: str
    kind: PostingKind
    market_type: str
    posted_at: datetime
    #: "" where no market is concerned
    symbol: str = ""
    #: signed change of what is held, at this price; None: at the average held
    quantity: Decimal = _NONE
    price: Decimal | None = None
    #: signed change of an asset's balance
    asset: str = ""
    amount: Decimal = _NONE
    #: whose position it moves; None: see Note [Whose movement]
    position: PositionKey | None = None


def of_asset(
    asset: str, quantity: Decimal, *, key: str, kind: PostingKind, posted_at: datetime
) -> NewPosting:
    """Make the movement of an asset on spot: the residual holds so much more of it."""
    return NewPosting(
        key=key,
        kind=kind,
        market_type=MarketType.SPOT.value,
        symbol=asset,
        quantity=quantity,
        asset=asset[:16],
        posted_at=posted_at,
        position=PositionKey(None, MarketType.SPOT.value, asset, PositionSide.NET.value),
    )


def book(account_id: int, told: Iterable[NewPosting], now: datetime) -> int:
    """Book the movements that are new; return how many. Raises RuntimeError inside a transaction.

    What moved before the account's books were opened is in its opening holdings already.
    """
    told = list(told)
    if not told:
        return 0
    with transaction.atomic(durable=True):
        account = lock_account(account_id)
        journal = Journal(account.user_id, account_id, now)
        rows, told_fills = write(account, told, journal)
        last = journal.write(after=told_fills)
    if last:
        publish_events({account.user_id: last})
    if rows:
        log.info("postings.booked", account=account_id, postings=len(rows))
    return len(rows)


def write(
    account: ExchangeAccount, told: Iterable[NewPosting], journal: Journal
) -> tuple[list[Posting], list[Statement]]:
    """Write the movements that are new, inside a transaction that holds the account's lock.

    Returns them, and what is to be written along with the journal.
    """
    rows = [_row(account, posting, journal.now) for posting in unknown(account, told)]
    statements = _fold(account, rows, journal, journal.now)
    bulk_rows.insert(rows)
    return rows, statements


def unknown(account: ExchangeAccount, told: Iterable[NewPosting]) -> list[NewPosting]:
    """Give the movements that are not booked yet and would be, by key."""
    by_key = {posting.key: posting for posting in told}
    rows = Posting.objects.filter(account=account, key__in=list(by_key))
    known = set(rows.values_list("key", flat=True))
    begun = account.baseline_at
    return [
        posting
        for key, posting in sorted(by_key.items())
        if key not in known and (begun is None or posting.posted_at > begun)
    ]


def _row(account: ExchangeAccount, told: NewPosting, now: datetime) -> Posting:
    position = told.position or _holder(account, told)
    return Posting(
        account=account,
        strategy_account_id=position.strategy_account_id,
        key=told.key,
        kind=told.kind.value,
        market_type=told.market_type,
        symbol=told.symbol,
        position_side=position.position_side,
        quantity=told.quantity,
        price=told.price,
        asset=told.asset,
        amount=told.amount,
        posted_at=told.posted_at,
        created_at=now,
    )


def _holder(account: ExchangeAccount, told: NewPosting) -> PositionKey:
    """Say whose movement it is. See Note [Whose movement]."""
    nobody = PositionKey(None, told.market_type, told.symbol, PositionSide.NET.value)
    if not told.symbol:
        return nobody
    rows = StrategyPosition.objects.filter(
        account=account, market_type=told.market_type, symbol=told.symbol
    )
    at = posting_key(told.posted_at, told.key)
    held = {key_of(row): abs(_held_at(account, row, at)) for row in rows}
    holders = [key for key, quantity in held.items() if quantity]
    if len({key.strategy_account_id for key in holders}) > 1:
        holders = [key for key in holders if key.strategy_account_id is None]
    return max(holders, key=lambda key: (held[key], key.position_side), default=nobody)


def _held_at(account: ExchangeAccount, row: StrategyPosition, at: str) -> Decimal:
    held: Decimal = row.quantity
    if row.folded_key < at:
        return held
    terms = market_terms.terms(account.exchange, row.market_type, row.symbol)
    later = entries_after(account.pk, key_of(row), at)
    return held - sum((change_of(stored.entry, terms) for stored in later), _NONE)


def _fold(
    account: ExchangeAccount, rows: Sequence[Posting], journal: Journal, now: datetime
) -> list[Statement]:
    """Fold the movements in, before their rows are written; return what is to be written after."""
    changes: dict[PositionKey, PositionChange] = {}
    for row in rows:
        if row.symbol:
            changes.setdefault(key_of(row), PositionChange()).new.append(movement_of(row))
    folding = fold_changes(account, changes, now)
    for position in folding.rows:
        journal.add(EventKind.POSITION, position_payload(position))
    anomalies.book(journal, folding.oversold, now)
    return folding.statements()
