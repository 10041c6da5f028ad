"""
From the journal to notices: what each channel has not looked at yet, in bounded pages.

Nothing of this is in the write path. The notices of a page are booked in the transaction that moves
the channel on in the journal, so a stretch is told once, whoever dies when. The journal has no
holes and is numbered in the order of its commits: what was passed never grows.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from tracking import selectors
from tracking.models import (
    EventCounter,
    EventKind,
    ExchangeAccount,
    FailedOrder,
    Notice,
    NoticeChannel,
    OrderEvent,
    StrategyAccount,
)
from tracking.services import notices
from tracking.services.notice_texts import TOLD_OF, Names, Told, told_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

log = structlog.get_logger(__name__)

#: numbers of the journal looked through in one transaction, and transactions of one call
PAGE: Final = 500
PAGES: Final = 10


def gather(now: datetime) -> int:
    """Book what has happened since the channels last looked; return how many notices."""
    end = EventCounter.objects.filter(user=OuterRef("user")).values("seq")[:1]
    behind = NoticeChannel.objects.annotate(end=Coalesce(Subquery(end), 0)).filter(
        last_seq__lt=F("end")
    )
    _skip(behind.exclude(notices.IS_ON))
    notices.waiting().filter(channel__is_active=False).update(given_up_at=now)
    channels = behind.filter(notices.IS_ON).order_by("pk")
    return sum(_gathered(pk, now) for pk in list(channels.values_list("pk", flat=True)))


def names_of(user_id: int, events: Sequence[OrderEvent]) -> Names:
    """Read what a user calls things, and why requests were refused."""
    requests = [e.payload["id"] for e in events if e.kind == EventKind.ORDER_REQUEST.value]
    refused = FailedOrder.objects.filter(request__user_id=user_id, request_id__in=requests)
    uses = StrategyAccount.objects.filter(account__user_id=user_id)
    return Names(
        accounts=dict(ExchangeAccount.objects.filter(user_id=user_id).values_list("pk", "name")),
        strategies=dict(uses.values_list("pk", "strategy__name")),
        refusals=dict(refused.values_list("request_id", "kind")),
    )


def book(channel: NoticeChannel, told: Iterable[Told], now: datetime) -> int:
    """Book what a channel wants to hear, inside the caller's transaction; what was, is not again.

    Returns how many were meant to be booked.
    """
    rows = [
        Notice(
            channel=channel,
            kind=one.kind.value,
            key=one.key,
            title=one.title,
            text=one.text,
            created_at=now,
        )
        for one in told
        if notices.wants(channel, one.kind)
    ]
    Notice.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _skip(channels: Iterable[NoticeChannel]) -> None:
    """Keep channels that are off at the present: once on, they begin there."""
    for channel in channels:
        seq = selectors.last_seq(channel.user_id)
        NoticeChannel.objects.filter(pk=channel.pk).update(last_seq=seq)


def _gathered(channel_id: int, now: datetime) -> int:
    try:
        return _gather(channel_id, now)
    except Exception:  # one user's events must not cost the others their notices
        log.exception("notices.not_gathered", channel=channel_id)
        return 0


def _gather(channel_id: int, now: datetime) -> int:
    booked = 0
    for _ in range(PAGES):
        page = _gather_page(channel_id, now)
        if page is None:
            break
        booked += page
    return booked


def _gather_page(channel_id: int, now: datetime) -> int | None:
    """Look through one page; None if there was none."""
    with transaction.atomic(durable=True):
        channel = notices.lock_channel(channel_id)
        if channel is None:
            return None
        end = selectors.last_seq(channel.user_id)
        if channel.last_seq >= end:
            return None
        upto = min(end, channel.last_seq + PAGE)
        events = _news(channel, upto)
        booked = book(
            channel, told_of(events, names_of(channel.user_id, events)) if events else (), now
        )
        channel.last_seq = upto
        channel.save(update_fields=["last_seq"])
    return booked


def _news(channel: NoticeChannel, upto: int) -> list[OrderEvent]:
    """Read the page's events that may be told, without fills from before the books were opened."""
    events = OrderEvent.objects.filter(
        user_id=channel.user_id, seq__gt=channel.last_seq, seq__lte=upto, kind__in=TOLD_OF
    )
    found = events.annotate(baseline_at=F("account__baseline_at")).order_by("seq")
    return [event for event in found if not _is_history(event)]


def _is_history(event: OrderEvent) -> bool:
    """Whether a trade is older than the books, or has no fill left."""
    if event.kind != EventKind.TRADE.value:
        return False
    baseline_at: datetime | None = event.baseline_at  # type: ignore[attr-defined]  # annotated
    at, filled = event.payload["last_executed_at"], event.payload["filled_quantity"]
    return filled == "0" or bool(at and baseline_at and at <= baseline_at.isoformat())
