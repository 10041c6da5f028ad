"""
What a stream tells of movements that no order made, booked as postings.

Booked before their frames are settled: a crash in between books them again, which books nothing.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from exchanges import registry
from exchanges.messages import MovementReport
from tracking.services import clients, postings
from tracking.services.activity import posting_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracking.models import ExchangeAccount
    from tracking.services.inbox import WaitingFrame


def book(account: ExchangeAccount, events: Iterable[WaitingFrame]) -> int:
    """Book the movements these frames tell of; return how many were new.

    Raises RuntimeError inside a transaction, PermanentError for a frame nobody can read.
    """
    told = [
        message
        for event in events
        for message in registry.parse(account.exchange, event.market_type, event.raw)
        if isinstance(message, MovementReport)
    ]
    if not told:
        return 0
    markets = clients.rest_client(account).markets
    return postings.book(
        account.pk, [posting_of(markets, movement) for movement in told], timezone.now()
    )
