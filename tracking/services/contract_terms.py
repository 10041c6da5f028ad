"""
What contracts mean, learnt as soon as an exchange's table of markets is at hand.

A fill is booked whether or not the size of its contract is known; what is not known counts as 1.
Whoever has loaded a table hands it over before fills are booked, outside any transaction; where
positions were folded by another size, they are folded again with the same commit that stores it, so
nothing can be left half learnt.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from tracking.models import EventKind, StrategyPosition
from tracking.services import market_terms
from tracking.services.event_emitter import lock_account
from tracking.services.journal import Journal
from tracking.services.payloads import position_payload
from tracking.services.position_entries import key_of
from tracking.services.position_rows import write_recomputed
from tracking.services.wakeups import publish_events

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from exchanges.markets import Markets
    from tracking.services.verification import SymbolKey

log = structlog.get_logger(__name__)


def learn(exchange: str, markets: Markets) -> None:
    """Store a table's terms, once for each time it was loaded, and fold by them what was not.

    Asks nobody: a table that was never loaded is left alone. Raises RuntimeError inside a
    transaction.
    """
    if not market_terms.is_news(markets):
        return
    now = timezone.now()
    with transaction.atomic(durable=True):
        resized = market_terms.store(exchange, markets)
        last = _fold_again(exchange, resized, now) if resized else {}
    market_terms.note_stored(markets)
    if last:
        publish_events(last)


def _fold_again(exchange: str, resized: Collection[SymbolKey], now: datetime) -> dict[int, int]:
    """Fold the positions in these markets from zero; return the last number told to each user."""
    rows = StrategyPosition.objects.filter(
        _in(resized), account__exchange=exchange, execution_count__gt=0
    )
    journals = []
    # accounts first, counters last, of one user or of several
    accounts = [lock_account(pk) for pk in sorted(set(rows.values_list("account_id", flat=True)))]
    for account in accounts:
        journal = Journal(account.user_id, account.pk, now)
        for row in rows.filter(account=account).order_by("pk"):
            journal.add(
                EventKind.POSITION, position_payload(write_recomputed(account, key_of(row), now))
            )
        journals.append(journal)
        log.warning("positions.folded_by_new_terms", account=account.pk, markets=len(resized))
    last: dict[int, int] = {}
    for journal in sorted(journals, key=lambda journal: journal.user_id):
        last[journal.user_id] = journal.write()
    return last


def _in(markets: Collection[SymbolKey]) -> Q:
    wanted = Q()
    for market_type, symbol in sorted(markets):
        wanted |= Q(market_type=market_type, symbol=symbol)
    return wanted
