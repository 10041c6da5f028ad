"""
What came in (`StreamEvent`), what was told (`OrderEvent`), and what a person should see.

The inbox has no identity: merge absorbs repeats. The journal is numbered per user by a counter row
that is locked last in the same transaction, so numbers appear in commit order and without holes
(a PostgreSQL sequence would let 11 be seen before 10).

@FEAT:order-tracking @COMP:model @TYPE:core
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from exchanges.messages import MarketType
from tracking.domain.findings import AnomalyKind
from tracking.models.accounts import ExchangeAccount
from tracking.models.fields import CompressedTextField, any_of, choices


class StreamEvent(models.Model):
    """One received frame about an order: the inbox."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="+")
    market_type = models.CharField(max_length=16, choices=choices(MarketType))
    #: the session and lease epoch it came through; evidence counts whoever brings it
    session_id = models.UUIDField(null=True, blank=True)
    epoch = models.BigIntegerField(default=0)
    #: as received, secrets redacted
    raw = CompressedTextField()
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    quarantined_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes: ClassVar = [
            # the queue itself; processed rows, nearly all of them, stay out of it
            models.Index(
                fields=["account", "id"],
                condition=Q(processed_at__isnull=True, quarantined_at__isnull=True),
                name="stream_event_pending",
            ),
            models.Index(fields=["received_at"], name="stream_event_by_time"),
        ]

    def __str__(self) -> str:
        """Name the row and its account."""
        return f"frame {self.pk} of account {self.account_id}"


class EventKind(StrEnum):
    """What a journal row tells, as named on the SSE stream."""

    PENDING_ORDER = "pending_order"
    ORDER_FILLED = "order_filled"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_REJECTED = "order_rejected"
    ORDER_EXPIRED = "order_expired"
    EXECUTION = "execution"
    TRADE = "trade"
    POSITION = "position"
    SESSION = "session"
    ANOMALY = "anomaly"
    #: what became of something the user asked for
    ORDER_REQUEST = "order_request"
    #: that nothing new is sent any more, or again
    HALT = "halt"


class EventCounter(models.Model):
    """The last journal number of a user. Locked last, by the UPDATE that moves it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    seq = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        """Name user and number."""
        return f"user {self.user_id} at {self.seq}"


class OrderEvent(models.Model):
    """One committed change, as told to the user: journal, audit trail and SSE outbox."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seq = models.BigIntegerField()
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=choices(EventKind))
    symbol = models.CharField(max_length=64, blank=True)
    exchange_order_id = models.CharField(max_length=64, blank=True)
    client_order_id = models.CharField(max_length=64, blank=True)
    payload = models.JSONField()
    #: when the frame that caused it reached us; NULL where no frame did
    received_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "seq"], name="order_event_seq"),
            models.CheckConstraint(condition=any_of("kind", EventKind), name="order_event_kind"),
        ]
        indexes: ClassVar = [
            # the life of one order
            models.Index(
                fields=["account", "symbol", "exchange_order_id"], name="order_event_by_order"
            ),
            models.Index(fields=["created_at"], name="order_event_by_time"),
        ]

    def __str__(self) -> str:
        """Name number and kind."""
        return f"{self.user_id}/{self.seq} {self.kind}"


class Anomaly(models.Model):
    """Something a person should see. Seeing the same again counts it, and opens no second row."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="anomalies")
    kind = models.CharField(max_length=32, choices=choices(AnomalyKind))
    #: what it is about, e.g. the order's or the position's identity
    key = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)
    seen_count = models.PositiveIntegerField(default=1)
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "anomalies"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "kind", "key"],
                condition=Q(closed_at__isnull=True),
                name="anomaly_open_once",
            ),
            models.CheckConstraint(condition=any_of("kind", AnomalyKind), name="anomaly_kind"),
        ]

    def __str__(self) -> str:
        """Name the kind and the thing."""
        return f"{self.kind} {self.key}"
