"""
Strategies, their use of accounts with its limits, and the webhooks that may order for them.

@FEAT:order-tracking @COMP:model @TYPE:core
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from tracking.models.accounts import ExchangeAccount
from tracking.models.fields import EncryptedTextField, amount_field, any_of, choices


class Strategy(models.Model):
    """A trader's strategy; webhooks and positions are kept by it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="strategies"
    )
    name = models.CharField(max_length=64)
    slug = models.SlugField(max_length=64, unique=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "strategies"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "name"], name="strategy_name_per_user"),
        ]

    def __str__(self) -> str:
        """Name the strategy."""
        return self.name


class StrategyAccount(models.Model):
    """A strategy's use of one account."""

    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="uses")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="uses")
    #: five of [a-z0-9] that open our client order ids, so that a fill finds its owner
    token = models.CharField(max_length=5, unique=True)
    is_active = models.BooleanField(default=True)
    #: limits that stop a runaway; NULL: none. Notionals are in the quote asset of each market.
    max_orders_per_minute = models.PositiveIntegerField(null=True, blank=True, default=120)
    max_order_notional = amount_field(null=True, blank=True)
    max_daily_notional = amount_field(null=True, blank=True)
    #: unified symbols; empty: all
    allowed_symbols = models.JSONField(default=list, blank=True)
    #: seconds after which a request that has not been sent is not sent any more
    max_request_age = models.PositiveIntegerField(default=30, db_default=30)
    #: orders above the account's `max_open_orders` wait, instead of being refused
    queue_when_full = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["strategy", "account"], name="strategy_uses_account_once"
            ),
            models.CheckConstraint(
                condition=Q(token__regex="^[a-z0-9]{5}$"),  # noqa: S106 - no secret: a name tag
                name="strategy_account_token",
            ),
        ]

    def __str__(self) -> str:
        """Name both ends."""
        return f"{self.strategy} on {self.account}"


class WebhookKind(StrEnum):
    """How a caller proves itself: by signing each body, or (TradingView) by a token."""

    HMAC = "HMAC"
    TOKEN = "TOKEN"  # noqa: S105 - the name of a kind


class Webhook(models.Model):
    """One way to order for a strategy from outside. Several may be live, to rotate them."""

    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="webhooks")
    name = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=choices(WebhookKind))
    #: of HMAC: what both sides sign with
    secret = EncryptedTextField(blank=True, default="")
    #: of TOKEN: SHA-256 in hex of a token of at least 128 bits
    token_hash = models.CharField(max_length=64, null=True, blank=True, unique=True)
    #: what it authorises, and nothing else: uses, symbols and sides (empty: all of the
    #: strategy's), worth of one order, orders in a minute (NULL: any; a TOKEN always has a number)
    uses = models.ManyToManyField(StrategyAccount, blank=True, related_name="+")
    allowed_symbols = models.JSONField(default=list, blank=True)
    allowed_sides = models.JSONField(default=list, blank=True)
    max_order_notional = amount_field(null=True, blank=True)
    max_orders_per_minute = models.PositiveIntegerField(null=True, blank=True, default=60)
    #: addresses or networks; empty: any
    allowed_ips = models.JSONField(default=list, blank=True)
    #: wants the client certificate's name (TradingView's), as a trusted proxy tells it
    client_certificate = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=any_of("kind", WebhookKind), name="webhook_kind"),
            models.CheckConstraint(
                condition=Q(kind=WebhookKind.HMAC.value, token_hash__isnull=True)
                | Q(kind=WebhookKind.TOKEN.value, token_hash__isnull=False),
                name="webhook_has_its_proof",
            ),
            models.CheckConstraint(
                condition=Q(kind=WebhookKind.HMAC.value) | Q(max_orders_per_minute__isnull=False),
                name="webhook_token_has_a_rate",
            ),
        ]

    def __str__(self) -> str:
        """Name it without any secret."""
        return f"{self.name} ({self.kind}) of {self.strategy}"


class WebhookDelivery(models.Model):
    """One accepted call: what makes a nonce count once, and a repeated call get the same answer."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    #: what makes it one call: the caller's idempotency key, or what stands for it
    key = models.CharField(max_length=100)
    #: of HMAC; NULL: TOKEN
    nonce = models.CharField(max_length=100, null=True, blank=True)
    body_sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField()
    answer = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["webhook", "key"], name="webhook_delivery_once"),
            models.UniqueConstraint(fields=["webhook", "nonce"], name="webhook_nonce_once"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["webhook", "body_sha256", "received_at"], name="webhook_delivery_by_body"
            ),
            models.Index(fields=["received_at"], name="webhook_delivery_by_time"),
        ]

    def __str__(self) -> str:
        """Name the call."""
        return f"{self.key} at {self.received_at:%F %T}"
