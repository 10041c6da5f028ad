"""
Which channel a request may read: the user's own, whatever the request asks for.

django-eventstream's default manager takes channel names from the query string. This one does not
look at it, and it stays the configured manager so that no other door of that package can either.

@FEAT:order-tracking @COMP:sse @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_eventstream.channelmanager import ChannelManagerBase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.http import HttpRequest


def channel_of(user_id: int) -> str:
    """Name the one channel of a user."""
    return f"user-{user_id}"


class UserChannelManager(ChannelManagerBase):
    """One channel a user, readable by nobody else."""

    def get_channels_for_request(
        self, request: HttpRequest, view_kwargs: Mapping[str, object]
    ) -> set[str]:
        """Give the user's channel; none for the anonymous."""
        del view_kwargs
        return {channel_of(request.user.pk)} if request.user.is_authenticated else set()

    def can_read_channel(self, user: AbstractBaseUser | AnonymousUser | None, channel: str) -> bool:
        """Whether it is this user's own."""
        return user is not None and user.pk is not None and channel == channel_of(user.pk)
