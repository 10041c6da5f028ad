"""
Channels of notices as their owners handle them, and what all that work with them share.

What is told, when and how is in the modules named `notice_…`. Nothing that places or tracks orders
imports any of them.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.utils import timezone

from tracking import selectors
from tracking.models import Notice, NoticeChannel, NoticeKind

if TYPE_CHECKING:
    from django.db.models import QuerySet

IS_ON: Final = Q(is_active=True, user__is_active=True)
TEST_TITLE: Final = "Order Track: a test"
TEST_TEXT: Final = "Notices of Order Track arrive here."


class ChannelIsOffError(Exception):
    """The channel is switched off: nothing is sent there."""


def begin_at_present(channel: NoticeChannel) -> None:
    """Let an unsaved channel begin with what happens from now on."""
    channel.last_seq = selectors.last_seq(channel.user_id)


def ask_for_test(channel: NoticeChannel) -> Notice:
    """Book a test for the next round; while one waits, that one. Raises ChannelIsOffError."""
    if not channel.is_active:
        raise ChannelIsOffError(ChannelIsOffError.__doc__)
    waits = waiting().filter(channel=channel, kind=NoticeKind.TEST.value).first()
    return waits or Notice.objects.create(
        channel=channel,
        kind=NoticeKind.TEST.value,
        key=str(uuid.uuid4()),
        title=TEST_TITLE,
        text=f"{TEST_TEXT} Channel {channel.name}.",
        created_at=timezone.now(),
    )


def channels_of(user_id: int) -> QuerySet[NoticeChannel]:
    """Give the user's channels, their addresses left in the database."""
    return NoticeChannel.objects.filter(user_id=user_id).defer("url")


def notices_of(user_id: int) -> QuerySet[Notice]:
    """Give what the user was told, or is to be."""
    return Notice.objects.filter(channel__user_id=user_id)


def active() -> QuerySet[NoticeChannel]:
    """Give the channels of all users that are on."""
    return NoticeChannel.objects.filter(IS_ON)


def wants(channel: NoticeChannel, kind: NoticeKind) -> bool:
    """Whether the channel's switch of a kind is on."""
    return kind is NoticeKind.TEST or bool(getattr(channel, f"on_{kind.value.lower()}"))


def waiting() -> QuerySet[Notice]:
    """Give the notices that are neither sent nor given up."""
    return Notice.objects.filter(sent_at__isnull=True, given_up_at__isnull=True)


def lock_channel(channel_id: int) -> NoticeChannel | None:
    """Lock an active channel until commit; None if it is gone, off, or in other hands."""
    rows = NoticeChannel.objects.select_for_update(no_key=True, skip_locked=True)
    return rows.filter(pk=channel_id, is_active=True).first()
