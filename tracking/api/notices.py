"""
Channels of notices: each user's own. The address goes in and never comes out.

@FEAT:order-tracking @COMP:api @TYPE:core
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.filters import OrderingFilter
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.viewsets import ModelViewSet

from tracking.api.errors import Problem
from tracking.api.filters import NoticeFilter
from tracking.api.rows import OwnRows
from tracking.models import Notice, NoticeChannel
from tracking.services import notices
from tracking.services.notice_addresses import why_refused

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

#: channels one user may have
MOST: Final = 20
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    """One message to one channel: waiting, sent, or given up."""

    class Meta:
        model = Notice
        fields = (
            "id",
            "channel",
            "kind",
            "title",
            "text",
            "created_at",
            "attempts",
            "sent_at",
            "given_up_at",
        )
        read_only_fields = fields


class ChannelSerializer(serializers.ModelSerializer[NoticeChannel]):
    """A channel, without its address."""

    url = serializers.CharField(
        write_only=True, max_length=2000, help_text="As apprise writes it; never shown again."
    )
    max_per_minute = serializers.IntegerField(min_value=1, max_value=1000, default=20)

    class Meta:
        model = NoticeChannel
        fields = (
            "id",
            "name",
            "url",
            "is_active",
            "on_fill",
            "on_failure",
            "on_unknown",
            "on_stream_down",
            "on_drift",
            "on_key_expiring",
            "max_per_minute",
            "last_error",
            "created_at",
        )
        read_only_fields = ("last_error", "created_at")

    def validate_url(self, url: str) -> str:
        """Refuse an address that nothing can be sent to."""
        if reason := why_refused(url):
            raise serializers.ValidationError(reason)
        return url

    def validate_name(self, name: str) -> str:
        """One name is one channel of a user."""
        mine = notices.channels_of(self.context["request"].user.pk).filter(name=name)
        if mine.exclude(pk=self.instance.pk if self.instance else 0).exists():
            message = "expected a name that no other channel of yours has"
            raise serializers.ValidationError(message)
        return name

    def create(self, validated_data: dict[str, Any]) -> NoticeChannel:
        """Make a channel that begins at the present."""
        channel = NoticeChannel(**validated_data)
        notices.begin_at_present(channel)
        channel.save()
        return channel

    def update(self, instance: NoticeChannel, validated_data: dict[str, Any]) -> NoticeChannel:
        """Write what was given only: the channel's place in the journal moves meanwhile."""
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save(update_fields=list(validated_data))
        return instance


class WriteThrottle(UserRateThrottle):
    """Thirty writes a minute: an address is looked at by a process of its own."""

    scope = "notice-channels"
    rate = "30/min"

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count writes only."""
        return request.method in _READS or super().allow_request(request, view)


class NoticeChannels(ModelViewSet[NoticeChannel]):
    """Where you are told of things, and of which."""

    serializer_class = ChannelSerializer
    filter_backends = (OrderingFilter,)
    ordering_fields = ("id", "created_at")
    ordering = ("-id",)
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def get_queryset(self) -> QuerySet[NoticeChannel]:
        """Begin at the user."""
        return notices.channels_of(self.request.user.pk or 0)

    def get_throttles(self) -> list[Any]:
        """Throttle writes apart."""
        return [*super().get_throttles(), WriteThrottle()]

    def perform_create(self, serializer: Any) -> None:
        """Make a channel of the user who asks."""
        if self.get_queryset().count() >= MOST:
            told = f"expected no more than {MOST} channels"
            raise Problem(HTTPStatus.CONFLICT, told, code="too_many_channels")
        serializer.save(user=self.request.user)

    @extend_schema(request=None, responses={202: NoticeSerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str | None = None) -> Response:
        """Have a test sent; what came of it is at `/api/v1/notices/{id}/`."""
        del request, pk
        try:
            notice = notices.ask_for_test(self.get_object())
        except notices.ChannelIsOffError as error:
            raise Problem(HTTPStatus.CONFLICT, str(error), code="channel_is_off") from error
        return Response(NoticeSerializer(notice).data, status=HTTPStatus.ACCEPTED)


class Notices(OwnRows[Any]):
    """What you were told, or are to be."""

    rows = staticmethod(notices.notices_of)
    serializer_class = NoticeSerializer
    filterset_class = NoticeFilter
    ordering_fields = ("id", "created_at")
    ordering = ("-id",)
