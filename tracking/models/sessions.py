"""
Streams as the database sees them, and how much each symbol matters.

@FEAT:order-tracking @COMP:model @TYPE:core
"""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import Q

from exchanges.messages import MarketType
from tracking.models.accounts import ExchangeAccount
from tracking.models.fields import any_of, choices


class SessionStatus(StrEnum):
    """State of one stream connection."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    ERROR = "error"


LIVE_SESSION = (SessionStatus.CONNECTING.value, SessionStatus.CONNECTED.value)


class OrderTrackingSession(models.Model):
    """One life of one private stream, from connect to end."""

    session_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="sessions")
    market_type = models.CharField(max_length=16, choices=choices(MarketType))
    #: who holds the lease, and the epoch under which this session may write about itself
    owner = models.CharField(max_length=100)
    epoch = models.BigIntegerField()
    status = models.CharField(
        max_length=16, choices=choices(SessionStatus), default=SessionStatus.CONNECTING.value
    )
    started_at = models.DateTimeField()
    connected_at = models.DateTimeField(null=True, blank=True)
    #: last proof that the transport lives (ping, pong or frame)
    last_ping = models.DateTimeField(null=True, blank=True)
    last_event_at = models.DateTimeField(null=True, blank=True)
    #: since when a fill is booked that this stream should have told; see `services.deaf_streams`
    missed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=200, blank=True)
    frame_count = models.BigIntegerField(default=0)
    event_count = models.BigIntegerField(default=0)
    reconnect_count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=any_of("status", SessionStatus), name="session_status")
        ]
        indexes: ClassVar = [
            # the badge of an account and the stale-session sweep look at living sessions only
            models.Index(
                fields=["account", "last_ping"],
                condition=Q(status__in=LIVE_SESSION),
                name="session_living",
            ),
            models.Index(fields=["account", "-started_at"], name="session_newest_first"),
        ]

    def __str__(self) -> str:
        """Name the stream and its state."""
        return f"{self.session_id} {self.status}"


class SymbolSubscription(models.Model):
    """How many live interests an account has in a symbol, and how far its trades are known."""

    account = models.ForeignKey(
        ExchangeAccount, on_delete=models.CASCADE, related_name="subscriptions"
    )
    market_type = models.CharField(max_length=16, choices=choices(MarketType))
    symbol = models.CharField(max_length=64)
    live_count = models.PositiveIntegerField(default=0)
    #: every trade up to this id is booked; NULL: none asked for yet, use the account's baseline
    trade_cursor = models.CharField(max_length=64, null=True, blank=True)
    #: when REST last confirmed this symbol's orders or trades in bulk
    verified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "market_type", "symbol"], name="subscription_identity"
            )
        ]

    def __str__(self) -> str:
        """Name the symbol and its count."""
        return f"{self.symbol} x{self.live_count}"
