"""
The proof and its repairs: what a check of the books found, what staff changed, and market terms.

@FEAT:order-tracking @COMP:model @TYPE:core
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from exchanges.messages import MarketType
from tracking.models.accounts import ExchangeAccount
from tracking.models.fields import amount_field, any_of, choices


class MarketTerms(models.Model):
    """What positions need to know of a market: its assets, its contract, and how it settles."""

    exchange = models.CharField(max_length=32)
    market_type = models.CharField(max_length=16, choices=choices(MarketType))
    symbol = models.CharField(max_length=64)
    base = models.CharField(max_length=32)
    quote = models.CharField(max_length=32)
    #: "" on spot markets
    settle = models.CharField(max_length=32, blank=True)
    contract_size = amount_field(default=Decimal(1))

    class Meta:
        verbose_name_plural = "market terms"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["exchange", "market_type", "symbol"], name="market_terms_identity"
            ),
            models.CheckConstraint(
                condition=Q(contract_size__gt=0), name="market_terms_contract_size"
            ),
        ]

    def __str__(self) -> str:
        """Name the market."""
        return f"{self.exchange} {self.symbol}"


class CheckState(StrEnum):
    """How a check of the books stands."""

    RUNNING = "RUNNING"
    CLEAN = "CLEAN"
    VIOLATED = "VIOLATED"
    #: the exchange could not be read
    UNREADABLE = "UNREADABLE"


class BooksCheck(models.Model):
    """One check of one account's books; an unfinished one says where to go on."""

    account = models.ForeignKey(
        ExchangeAccount, on_delete=models.CASCADE, related_name="books_checks"
    )
    state = models.CharField(
        max_length=16, choices=choices(CheckState), default=CheckState.RUNNING.value
    )
    with_exchange = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    rows_checked = models.PositiveBigIntegerField(default=0)
    violations = models.PositiveIntegerField(default=0)
    #: one line an invariant: {invariant, rows_checked, violations: [...]}
    lines = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=any_of("state", CheckState), name="books_check_state")
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "-started_at"], name="books_check_newest_first")
        ]

    def __str__(self) -> str:
        """Name the account and the result."""
        return f"books of account {self.account_id}: {self.state}"


class RepairAction(StrEnum):
    """What staff may do to books by hand."""

    ADOPT_ORDER = "ADOPT_ORDER"
    REASSIGN_EXECUTION = "REASSIGN_EXECUTION"
    VOID_EXECUTION = "VOID_EXECUTION"
    CLOSE_ANOMALY = "CLOSE_ANOMALY"
    REBUILD_BOOKS = "REBUILD_BOOKS"
    BOOK_POSTING = "BOOK_POSTING"
    SETTLE_REQUEST = "SETTLE_REQUEST"


class Repair(models.Model):
    """One change by a person: who, why, and what was there before and after. Never changed."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="repairs")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    #: the name stays when the user goes; commands give the operating system's
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=24, choices=choices(RepairAction))
    #: what was repaired, e.g. the order's label or the anomaly's key
    subject = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)
    before = models.JSONField()
    after = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=any_of("action", RepairAction), name="repair_action"),
            models.CheckConstraint(condition=~Q(reason=""), name="repair_says_why"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "-created_at"], name="repair_newest_first")
        ]

    def __str__(self) -> str:
        """Name the deed and its object."""
        return f"{self.action} {self.subject} by {self.actor}"
