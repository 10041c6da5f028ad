"""
What no event tells, but the clock: streams that are down, and keys that end.

An outage is told once, and once that it is over: the last notice of its kind says which of the two
comes next. A key is told of 14 days, 7 days and 1 day before its end.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Q

from tracking import selectors
from tracking.domain import key_rules
from tracking.models import (
    AccountState,
    ExchangeAccount,
    Notice,
    NoticeKind,
    OrderTrackingSession,
)
from tracking.services import notices
from tracking.services.notice_gathering import book
from tracking.services.notice_texts import Told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracking.models import NoticeChannel

#: a stream may be away for so long before anybody is told
DOWN_AFTER: Final = timedelta(seconds=60)
#: it has to hold for so long before it counts as back
BACK_AFTER: Final = timedelta(seconds=10)
#: sessions that ended longer ago say nothing of today
REMEMBERED: Final = timedelta(days=2)

DOWN: Final = "down"
BACK: Final = "back"


def watch(now: datetime) -> int:
    """Book what the clock tells; return how many notices."""
    wanted = (
        notices.active().filter(Q(on_stream_down=True) | Q(on_key_expiring=True)).order_by("pk")
    )
    return sum(_watch(pk, now) for pk in list(wanted.values_list("pk", flat=True)))


def _watch(channel_id: int, now: datetime) -> int:
    with transaction.atomic(durable=True):
        channel = notices.lock_channel(channel_id)
        if channel is None:
            return 0
        accounts = list(
            selectors.accounts_of(channel.user_id)
            .filter(state=AccountState.ACTIVE.value)
            .order_by("pk")
        )
        told = [*_streams(channel, accounts, now), *_keys(accounts, now)]
        return book(channel, told, now)


def _streams(
    channel: NoticeChannel, accounts: Sequence[ExchangeAccount], now: datetime
) -> Iterator[Told]:
    sessions = OrderTrackingSession.objects.filter(
        Q(ended_at__isnull=True) | Q(ended_at__gte=now - REMEMBERED), account__in=accounts
    )
    newest = {session.account_id: session for session in selectors.newest_sessions(sessions)}
    is_told_down = _told_down(channel)
    for account in accounts:
        session = newest.get(account.pk)
        is_live = session is not None and selectors.badge_of(session, now).state == "live"
        if session is not None and is_live and account.pk in is_told_down:
            if _holds(session, now):
                yield _stream_told(account, BACK, now)
        elif not is_live and account.pk not in is_told_down:
            since = _down_since(account, session)
            if now - since > DOWN_AFTER:
                yield _stream_told(account, DOWN, since)


def _told_down(channel: NoticeChannel) -> set[int]:
    """Name the accounts whose outage was told, and not yet its end."""
    rows = Notice.objects.filter(channel=channel, kind=NoticeKind.STREAM_DOWN.value)
    last = {}
    for key in rows.order_by("pk").values_list("key", flat=True):
        account_id, what, _ = key.split(":", 2)
        last[int(account_id)] = what
    return {account_id for account_id, what in last.items() if what == DOWN}


def _holds(session: OrderTrackingSession, now: datetime) -> bool:
    return session.connected_at is not None and now - session.connected_at >= BACK_AFTER


def _down_since(account: ExchangeAccount, session: OrderTrackingSession | None) -> datetime:
    """Give the last moment at which the stream was, or could not have been, alive."""
    known = [account.created_at, account.keys_checked_at]
    if session is not None:
        known += [session.started_at, session.connected_at, session.last_ping]
    return max(moment for moment in known if moment is not None)


def _stream_told(account: ExchangeAccount, what: str, moment: datetime) -> Told:
    time = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    words = {
        DOWN: (f"Stream down: account {account.name}", f"nothing was heard since {time}"),
        BACK: (f"Stream is back: account {account.name}", f"it is live again, {time}"),
    }
    title, text = words[what]
    return Told(
        kind=NoticeKind.STREAM_DOWN,
        key=f"{account.pk}:{what}:{moment.isoformat()}",
        title=title,
        text=f"{account.exchange} {account.market_type}, account {account.name}: {text}; "
        "orders and holdings are compared with the exchange meanwhile",
    )


def _keys(accounts: Sequence[ExchangeAccount], now: datetime) -> Iterator[Told]:
    for account in accounts:
        written = account.permissions.get("expires_at")
        expires_at = datetime.fromisoformat(written) if written else None
        due = key_rules.warning_due(expires_at, now)
        if due is None or expires_at is None:
            continue
        yield Told(
            kind=NoticeKind.KEY_EXPIRING,
            key=f"{account.pk}:{expires_at:%Y-%m-%d}:{due}",
            title=f"Key expires: account {account.name}",
            text=f"{account.exchange}, account {account.name}: {key_rules.expiry_text(expires_at)};"
            " put another in its place before, or orders are no longer tracked",
        )
