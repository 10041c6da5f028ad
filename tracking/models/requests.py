"""
What was asked for (`OrderRequest`), what was refused (`FailedOrder`), and when nothing may be sent
(`Halt`).

A request is committed before anything else happens to it. It is no order: only the write path makes
and changes orders.

@FEAT:order-tracking @COMP:model @TYPE:core
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from exchanges.messages import MarketType
from exchanges.refusals import RefusalKind
from tracking.models.accounts import ExchangeAccount
from tracking.models.fields import amount_field, any_of, choices
from tracking.models.strategies import StrategyAccount, WebhookDelivery


class RequestAction(StrEnum):
    """What a request asks for."""

    PLACE = "PLACE"
    CANCEL = "CANCEL"
    AMEND = "AMEND"


class RequestSource(StrEnum):
    """Who asked."""

    API = "API"
    WEBHOOK = "WEBHOOK"
    ADMIN = "ADMIN"
    RETRY = "RETRY"
    TRADER = "TRADER"


class RequestOutcome(StrEnum):
    """What is known of a request. UNKNOWN is asked about, never sent again.

    WAITING: for room under the exchange's limit of open orders. NEEDS_REVIEW: asking could not
    settle it; a person has to look, while asking goes on.
    """

    PENDING = "PENDING"
    WAITING = "WAITING"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    NEEDS_REVIEW = "NEEDS_REVIEW"
    NOT_ACCEPTED = "NOT_ACCEPTED"
    FAILED = "FAILED"


UNRESOLVED = (
    RequestOutcome.PENDING.value,
    RequestOutcome.WAITING.value,
    RequestOutcome.UNKNOWN.value,
    RequestOutcome.NEEDS_REVIEW.value,
)
#: ... of them those that may have been sent, and await an answer that counts
UNANSWERED = (
    RequestOutcome.PENDING.value,
    RequestOutcome.UNKNOWN.value,
    RequestOutcome.NEEDS_REVIEW.value,
)


class OrderRequest(models.Model):
    """One intent to place, cancel or amend, committed before anything is sent."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="order_requests"
    )
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="+")
    strategy_account = models.ForeignKey(
        StrategyAccount, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    idempotency_key = models.CharField(max_length=100)
    action = models.CharField(max_length=8, choices=choices(RequestAction))
    source = models.CharField(
        max_length=8, choices=choices(RequestSource), default=RequestSource.API.value
    )
    #: what was asked, amounts as strings; the same key with another body is refused
    body = models.JSONField()
    market_type = models.CharField(max_length=16, choices=choices(MarketType))
    symbol = models.CharField(max_length=64)
    client_order_id = models.CharField(max_length=64, null=True, blank=True)
    exchange_order_id = models.CharField(max_length=64, null=True, blank=True)
    #: the refused request this one tries again
    retry_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="retries"
    )
    #: the webhook call it came by, whose webhook limits what it may be worth
    delivery = models.ForeignKey(
        WebhookDelivery,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="order_requests",
    )
    #: the dearest first, among those that wait for room
    priority = models.SmallIntegerField(default=0)
    #: what is sent: the body after the market's steps, amounts as strings; `changes` says in words
    #: what that changed
    terms = models.JSONField(default=dict, blank=True)
    #: what the order was worth when it was prepared, in `notional_asset`; NULL: nobody knew
    notional = amount_field(null=True, blank=True)
    notional_asset = models.CharField(max_length=16, blank=True)
    outcome = models.CharField(
        max_length=16, choices=choices(RequestOutcome), default=RequestOutcome.PENDING.value
    )
    detail = models.CharField(max_length=300, blank=True)
    #: what asking about an UNKNOWN submit has told so far, oldest first
    evidence = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField()
    #: when its order was made, PENDING, after all checks
    attempted_at = models.DateTimeField(null=True, blank=True)
    #: NULL to now in a commit of its own before the one send
    sent_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "idempotency_key"], name="order_request_once_per_key"
            ),
            models.CheckConstraint(
                condition=any_of("outcome", RequestOutcome), name="order_request_outcome"
            ),
            models.CheckConstraint(
                condition=any_of("action", RequestAction), name="order_request_action"
            ),
            models.CheckConstraint(
                condition=any_of("source", RequestSource), name="order_request_source"
            ),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True) | Q(answered_at__gte=F("created_at")),
                name="order_request_answered_after_made",
            ),
        ]
        indexes: ClassVar = [
            # the resolver and the sweep read the few that have no answer yet
            models.Index(
                fields=["account", "created_at"],
                condition=Q(outcome__in=UNRESOLVED),
                name="order_request_unresolved",
            ),
            models.Index(fields=["account", "client_order_id"], name="order_request_by_client_id"),
            # what a strategy has sent in the last minute, and in the last day
            models.Index(
                fields=["strategy_account", "attempted_at"],
                condition=Q(attempted_at__isnull=False),
                name="order_request_attempts",
            ),
        ]

    def __str__(self) -> str:
        """Name the intent and what became of it."""
        return f"{self.action} {self.symbol} {self.client_order_id}: {self.outcome}"


class RequestInReview(OrderRequest):
    """A request as the page for those that need a person shows it."""

    class Meta:
        proxy = True
        verbose_name = "request that needs review"
        verbose_name_plural = "needs review"


class FailedOrder(models.Model):
    """An order the exchange or our own checks refused, until someone retries or dismisses it."""

    request = models.OneToOneField(OrderRequest, on_delete=models.CASCADE, related_name="failure")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(
        max_length=24, choices=choices(RefusalKind), default=RefusalKind.OTHER.value
    )
    reason = models.CharField(max_length=300)
    #: the exchange's own code
    code = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField()
    retried_at = models.DateTimeField(null=True, blank=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=any_of("kind", RefusalKind), name="failed_order_kind"),
        ]
        indexes: ClassVar = [
            # the page of failures shows only those nobody has dealt with
            models.Index(
                fields=["account", "-created_at"],
                condition=Q(retried_at__isnull=True, dismissed_at__isnull=True),
                name="failed_order_open",
            ),
        ]

    def __str__(self) -> str:
        """Name the request and why it failed."""
        return f"{self.request}: {self.reason}"


class Halt(models.Model):
    """While it is not lifted nothing new is sent: on one account, or on all.

    Set and lifted under the lock of every account it stops, and looked at under that lock in the
    transaction that makes an order: after its commit nothing new leaves. Cancels still do.
    """

    #: NULL: all accounts
    account = models.ForeignKey(
        ExchangeAccount, on_delete=models.CASCADE, null=True, blank=True, related_name="halts"
    )
    reason = models.CharField(max_length=200)
    set_by = models.CharField(max_length=150)
    set_at = models.DateTimeField()
    lifted_by = models.CharField(max_length=150, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(lifted_at__isnull=True),
                nulls_distinct=False,
                name="halt_once",
            ),
        ]

    def __str__(self) -> str:
        """Name what is halted."""
        where = f"account {self.account_id}" if self.account_id else "everything"
        return f"{where} halted: {self.reason}"
