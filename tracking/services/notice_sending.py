"""
Sending what waits, a round at a time: claim, send with no transaction open, write what came of it.

A channel is claimed by pushing the due time of its notices past the end of the round, in a commit
before anything is sent, so two workers do not send the same. A channel rests while any of its
notices waits for another attempt: one that is dead costs a few tries a minute, not one a notice.
Only one round runs at a time: receivers that hang hold one worker of the sync queue, never two.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from tracking.models import Notice, NoticeChannel
from tracking.services import notice_rounds, notices
from tracking.services.notice_delivery import Delivery, Message, deliver
from tracking.services.notice_summing import Planned, plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

log = structlog.get_logger(__name__)

#: channels talked to at the same time, and so in one round; of so many that may have room
CHANNELS: Final = 4
LOOKED_AT: Final = 40
#: notices looked at in one round of a channel
MOST: Final = 500
#: longer than a round may take
CLAIM: Final = timedelta(seconds=60)
#: until a notice that failed so many times is tried again; after the last it is given up
AGAIN_AFTER: Final = (timedelta(seconds=10), timedelta(seconds=60), timedelta(seconds=60))
MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What one channel is to be sent in this round."""

    channel_id: int
    url: str
    planned: Sequence[Planned]


def channels_due(now: datetime) -> list[int]:
    """Give active channels with notices to send, those that rest left out; in no order."""
    mine = notices.waiting().filter(channel=OuterRef("pk"))
    rows = notices.active().filter(Exists(mine), ~Exists(mine.filter(next_attempt_at__gt=now)))
    return list(rows.order_by("?").values_list("pk", flat=True)[:LOOKED_AT])


def send_due() -> int:
    """Send one round, unless one is running; return how many messages went."""
    with notice_rounds.only_one() as is_ours:
        if not is_ours:
            return 0
        now = timezone.now()
        claims = (claim(pk, now) for pk in channels_due(now))
        claimed = list(islice((one for one in claims if one is not None), CHANNELS))
        if not claimed:
            return 0
        # threads that touch no database: each waits for a process
        with ThreadPoolExecutor(CHANNELS) as threads:
            deliveries = list(threads.map(_deliver, claimed))
    for one, delivery in zip(claimed, deliveries, strict=True):
        _note(one, delivery, timezone.now())
    return sum(delivery.sent for delivery in deliveries)


def _deliver(claimed: Claimed) -> Delivery:
    messages = [Message(title=one.title, text=one.text) for one in claimed.planned]
    return deliver(claimed.url, messages)


def claim(channel_id: int, now: datetime) -> Claimed | None:
    """Claim what a channel may be sent now; None if that is nothing."""
    with transaction.atomic(durable=True):
        channel = notices.lock_channel(channel_id)
        if channel is None:
            return None
        mine = notices.waiting().filter(channel=channel)
        room = max(channel.max_per_minute, 1) - _sent_lately(channel, now)
        if room <= 0 or mine.filter(next_attempt_at__gt=now).exists():
            return None
        planned = plan(list(mine.order_by("pk")[:MOST]), room)
        Notice.objects.filter(pk__in=_ids(planned)).update(
            attempts=F("attempts") + 1, next_attempt_at=now + CLAIM
        )
    return Claimed(channel_id=channel.pk, url=channel.url, planned=planned)


def _sent_lately(channel: NoticeChannel, now: datetime) -> int:
    """Count the messages of the last minute: notices that went in one have one `sent_at`."""
    rows = Notice.objects.filter(channel=channel, sent_at__gt=now - MINUTE)
    return rows.values("sent_at").distinct().count()


def _note(claimed: Claimed, delivery: Delivery, now: datetime) -> None:
    """Write what became of each notice, and of the channel."""
    sent = claimed.planned[: delivery.sent]
    failed = claimed.planned[delivery.sent : delivery.sent + 1] if delivery.error else []
    unsent = claimed.planned[len(sent) + len(failed) :]
    with transaction.atomic(durable=True):
        for place, one in enumerate(sent):
            at = now + timedelta(microseconds=place)
            _rows([one]).update(sent_at=at, next_attempt_at=None)
        resting = _postpone(_rows(failed), now) if failed else None
        _rows(unsent).update(attempts=F("attempts") - 1, next_attempt_at=resting)
        NoticeChannel.objects.filter(pk=claimed.channel_id).exclude(
            last_error=delivery.error
        ).update(last_error=delivery.error)
    if delivery.error:
        log.warning("notices.not_sent", channel=claimed.channel_id, reason=delivery.error)


def _postpone(rows: QuerySet[Notice], now: datetime) -> datetime:
    """Let what failed be tried again, or give it up; return until when the channel rests."""
    attempts = max(rows.values_list("attempts", flat=True), default=1)
    resting = now + AGAIN_AFTER[min(attempts, len(AGAIN_AFTER)) - 1]
    rows.filter(attempts__gte=len(AGAIN_AFTER)).update(given_up_at=now, next_attempt_at=None)
    rows.filter(given_up_at__isnull=True).update(next_attempt_at=resting)
    return resting


def _rows(planned: Iterable[Planned]) -> QuerySet[Notice]:
    return Notice.objects.filter(Q(pk__in=_ids(planned)), sent_at__isnull=True)


def _ids(planned: Iterable[Planned]) -> list[int]:
    return [pk for one in planned for pk in one.ids]
