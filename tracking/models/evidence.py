"""
Why the books are what they are: the evidence that was merged, and how good each stream is.

Frames stay in the inbox (`StreamEvent`); `OrderEvidence` says which of them, and which answers of
REST, made an order what it is. Both are kept for the same days and pruned together.

@FEAT:order-tracking @COMP:model @TYPE:core
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from exchanges.messages import IdSpace, MarketType
from tracking.models.accounts import ExchangeAccount
from tracking.models.fields import CompressedTextField, amount_field, choices


class OrderEvidence(models.Model):
    """One merge: what was said of an order, by whom, and what that made of it."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="+")
    market_type = models.CharField(max_length=16, choices=choices(MarketType))
    symbol = models.CharField(max_length=64)
    id_space = models.CharField(max_length=8, choices=choices(IdSpace), default=IdSpace.ORDER.value)
    exchange_order_id = models.CharField(max_length=64, null=True, blank=True)
    client_order_id = models.CharField(max_length=64, null=True, blank=True)
    #: every source that spoke, e.g. ["REST_ORDER", "WS"]
    sources = ArrayField(models.CharField(max_length=16))
    #: the frames it came in
    stream_event_ids = ArrayField(models.BigIntegerField(), default=list)
    #: what REST answered, as JSON, secrets redacted; "" where REST said nothing
    answers = CompressedTextField()
    changed = models.BooleanField()
    status_before = models.CharField(max_length=16, blank=True)
    status_after = models.CharField(max_length=16)
    filled_before = amount_field(default=Decimal(0))
    filled_after = amount_field(default=Decimal(0))
    executions_added = models.PositiveIntegerField(default=0)
    executions_updated = models.PositiveIntegerField(default=0)
    #: filled quantity that nothing explained after this merge
    gap = amount_field(default=Decimal(0))
    #: what was noticed, in plain words
    findings = ArrayField(models.TextField(), default=list)
    #: the order's version after this merge
    version = models.PositiveIntegerField(default=0)
    #: when the first of its frames reached us; NULL where no frame did
    received_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "order evidence"
        indexes: ClassVar = [
            # the whole life of one order
            models.Index(
                fields=["account", "symbol", "exchange_order_id"], name="order_evidence_by_order"
            ),
            models.Index(fields=["created_at"], name="order_evidence_by_time"),
        ]

    def __str__(self) -> str:
        """Name the order and the turn."""
        identity = self.exchange_order_id or self.client_order_id
        return f"{self.symbol} #{identity}: {self.status_before or 'new'} to {self.status_after}"


class StreamQuality(models.Model):
    """What an account's stream was worth in one hour; see `services.stream_quality`."""

    account = models.ForeignKey(
        ExchangeAccount, on_delete=models.CASCADE, related_name="stream_quality"
    )
    #: start of the hour, by the time the frames or answers were booked
    hour = models.DateTimeField()
    frames = models.PositiveIntegerField(default=0)
    first_by_stream = models.PositiveIntegerField(default=0)
    first_by_rest = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    reorderings = models.PositiveIntegerField(default=0)
    gaps = models.PositiveIntegerField(default=0)
    #: from the exchange's event time to our receipt: metric only, never an order of events
    lag_count = models.PositiveIntegerField(default=0)
    lag_total_ms = models.BigIntegerField(default=0)
    lag_max_ms = models.BigIntegerField(default=0)
    #: how many lags fell into each bucket of `services.stream_quality.BOUNDS`
    lag_buckets = ArrayField(models.PositiveIntegerField(), default=list)
    #: the newest event time seen; an older one coming after it is a reordering
    newest_event_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "stream quality"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "hour"], name="stream_quality_once_an_hour")
        ]

    def __str__(self) -> str:
        """Name the account and the hour."""
        return f"account {self.account_id} at {self.hour:%Y-%m-%d %H}h"
