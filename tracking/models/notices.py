"""
Where a user wants to be told of things, and what was told.

@FEAT:order-tracking @COMP:model @TYPE:core
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from tracking.models.fields import EncryptedTextField, any_of, choices


class NoticeKind(StrEnum):
    """What a notice is about; each has a switch of its own."""

    FILL = "FILL"
    FAILURE = "FAILURE"
    UNKNOWN = "UNKNOWN"
    STREAM_DOWN = "STREAM_DOWN"
    DRIFT = "DRIFT"
    KEY_EXPIRING = "KEY_EXPIRING"
    TEST = "TEST"


class NoticeChannel(models.Model):
    """One place to be told at, as apprise writes it: `tgram://…`, `discord://…`, `mailto://…`."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_channels"
    )
    name = models.CharField(max_length=64)
    #: holds tokens and passwords
    url = EncryptedTextField()
    is_active = models.BooleanField(default=True)
    on_fill = models.BooleanField(default=True)
    on_failure = models.BooleanField(default=True)
    on_unknown = models.BooleanField(default=True)
    on_stream_down = models.BooleanField(default=True)
    on_drift = models.BooleanField(default=True)
    on_key_expiring = models.BooleanField(default=True)
    #: what is more than this in a minute is summed up in one notice
    max_per_minute = models.PositiveSmallIntegerField(default=20)
    #: the journal has been looked through up to here
    last_seq = models.BigIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "name"], name="notice_channel_per_user"),
        ]

    def __str__(self) -> str:
        """Name it without its address."""
        return self.name


class Notice(models.Model):
    """One message to one channel: waiting, sent, or given up."""

    channel = models.ForeignKey(NoticeChannel, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=16, choices=choices(NoticeKind))
    #: what it is about: the same thing is told once
    key = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    text = models.TextField()
    created_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["channel", "kind", "key"], name="notice_once"),
            models.CheckConstraint(condition=any_of("kind", NoticeKind), name="notice_kind"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["channel", "created_at"],
                condition=Q(sent_at__isnull=True, given_up_at__isnull=True),
                name="notice_waiting",
            ),
            models.Index(fields=["created_at"], name="notice_by_time"),
        ]

    def __str__(self) -> str:
        """Name what is told."""
        return f"{self.kind}: {self.title}"
