"""
What is owned: postings, and the positions that executions and postings make.

Postings are facts; positions are projections, recomputed and never incremented. Only
`services.event_emitter` and what it calls write these tables; `services.baseline` opens them.

@FEAT:order-tracking @COMP:model @TYPE:core
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import Q

from exchanges.messages import MarketType, PositionSide
from tracking.domain.positions import net_pnl
from tracking.models.accounts import ExchangeAccount
from tracking.models.fields import amount_field, any_of, choices, quote_field
from tracking.models.strategies import StrategyAccount


class PostingKind(StrEnum):
    """Why something moved without a fill."""

    OPENING = "OPENING"
    FUNDING = "FUNDING"
    TRANSFER = "TRANSFER"
    DUST = "DUST"
    CORRECTION = "CORRECTION"
    SETTLEMENT = "SETTLEMENT"


class Posting(models.Model):
    """A movement that is no fill."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="postings")
    #: whose position it moves; NULL is the residual
    strategy_account = models.ForeignKey(
        StrategyAccount, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    #: natural key of the movement, so that seeing it again books nothing
    key = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=choices(PostingKind))
    market_type = models.CharField(max_length=16, choices=choices(MarketType))
    #: on spot, of what is no fill, the asset itself: `BTC` is held, and no market concerned
    symbol = models.CharField(max_length=64, blank=True)
    position_side = models.CharField(
        max_length=5, choices=choices(PositionSide), default=PositionSide.NET.value
    )
    #: signed change of what is held in the market, or 0
    quantity = amount_field(default=Decimal(0))
    price = amount_field(null=True, blank=True)
    #: signed change of an asset's balance, or 0
    asset = models.CharField(max_length=16, blank=True)
    amount = amount_field(default=Decimal(0))
    posted_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "key"], name="posting_once"),
            models.CheckConstraint(condition=any_of("kind", PostingKind), name="posting_kind"),
        ]
        indexes: ClassVar = [
            # refolding a position
            models.Index(
                fields=["account", "market_type", "symbol", "posted_at"], name="posting_by_market"
            ),
        ]

    def __str__(self) -> str:
        """Name the movement."""
        return f"{self.kind} {self.symbol or self.asset} {self.quantity or self.amount:f}"


class StrategyPosition(models.Model):
    """
    Net holding of a strategy account in one market; `strategy_account` NULL is the residual.

    On spot a fill moves its market (`BTC/USDT`), anything else the asset itself (`BTC`), which is
    the residual's; `domain.balances` adds them up to what is held of each asset.

    `folded_key` names the last execution folded in. `checkpoint` is the fold at an earlier
    execution, from where a late one makes us fold again; see `domain.positions`.
    """

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="positions")
    strategy_account = models.ForeignKey(
        StrategyAccount, on_delete=models.PROTECT, null=True, blank=True, related_name="positions"
    )
    market_type = models.CharField(max_length=16, choices=choices(MarketType))
    symbol = models.CharField(max_length=64)
    position_side = models.CharField(
        max_length=5, choices=choices(PositionSide), default=PositionSide.NET.value
    )
    #: signed in NET; negative for SHORT, positive for LONG
    quantity = amount_field(default=Decimal(0))
    average_price = amount_field(default=Decimal(0))
    #: gross, from our own fold, in the quote (settlement) asset
    realized_pnl = amount_field(default=Decimal(0))
    commissions = models.JSONField(default=dict)
    #: commissions as far as they could be valued in the settlement asset; a cost is positive
    fees = amount_field(default=Decimal(0))
    #: {asset: "amount"} of commissions whose worth is not known
    unvalued_commissions = models.JSONField(default=dict)
    #: received (positive) or paid for holding, in the settlement asset
    funding = amount_field(default=Decimal(0))
    #: signed change of the quote asset by its fills, exact, commissions apart; on spot only
    quote_change = quote_field(default=Decimal(0), db_default=Decimal(0))
    execution_count = models.PositiveIntegerField(default=0)
    folded_key = models.CharField(max_length=200, blank=True)
    checkpoint = models.JSONField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "strategy_account", "market_type", "symbol", "position_side"],
                nulls_distinct=False,
                name="position_identity",
            ),
            models.CheckConstraint(
                condition=Q(average_price__gte=0), name="position_average_price"
            ),
        ]

    def __str__(self) -> str:
        """Name the market and the holding."""
        return f"{self.symbol} {self.position_side} {self.quantity:f}"

    @property
    def net_pnl(self) -> Decimal | None:
        """Realised profit after fees and funding; None while a commission's worth is not known."""
        unvalued = bool(self.unvalued_commissions)
        return net_pnl(self.realized_pnl, self.fees, self.funding, unvalued=unvalued)
