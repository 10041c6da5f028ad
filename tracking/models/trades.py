"""
What was traded: executions, and their sums by order.

Executions are facts; trades are projections of them, recomputed and never incremented. Only
`services.event_emitter` and what it calls write these tables.

@FEAT:order-tracking @COMP:model @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import F, Func, Q, Value

from exchanges.messages import (
    ExecutionKind,
    IdSpace,
    MarketType,
    PositionSide,
    Side,
    Source,
)
from tracking.models.accounts import ExchangeAccount
from tracking.models.fields import amount_field, any_of, choices, quote_field
from tracking.models.orders import ORDER_IDENTITY
from tracking.models.strategies import StrategyAccount

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable


def _part(of: Combinable, separator: str, number: int) -> Func:
    return Func(of, Value(separator), Value(number), function="split_part")


_SETTLE = _part(_part(F("symbol"), ":", 2), "-", 1)
_SPOT_ASSETS = (_part(F("symbol"), "/", 1), _part(F("symbol"), "/", 2))
#: Live fills that moved a position and paid in an asset whose worth there nobody has told yet: not
#: in what the market settles in, nor on spot in what it trades. See `services.commission_rates`.
WAITS_FOR_RATE = (
    Q(commission_rate__isnull=True, voided_at__isnull=True, is_history=False)
    & Q(commission__isnull=False, commission_asset__isnull=False)
    & ~Q(commission_asset=_SETTLE)
    & ~Q(market_type=MarketType.SPOT.value, commission_asset__in=_SPOT_ASSETS)
)


class Trade(models.Model):
    """One order that filled at least in part: the aggregate of its live executions."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="trades")
    strategy_account = models.ForeignKey(
        StrategyAccount, on_delete=models.SET_NULL, null=True, blank=True, related_name="trades"
    )
    market_type = models.CharField(max_length=16, choices=choices(MarketType))
    symbol = models.CharField(max_length=64)
    id_space = models.CharField(max_length=8, choices=choices(IdSpace), default=IdSpace.ORDER.value)
    exchange_order_id = models.CharField(max_length=64)
    client_order_id = models.CharField(max_length=64, null=True, blank=True)
    side = models.CharField(max_length=4, choices=choices(Side))
    position_side = models.CharField(
        max_length=5, choices=choices(PositionSide), default=PositionSide.NET.value
    )
    filled_quantity = amount_field()
    filled_quote = quote_field()
    #: gross, in the settlement asset, as the exchange states it; NULL while any part is unknown
    realized_pnl = amount_field(null=True, blank=True)
    #: {asset: "amount"}; a cost is positive
    commissions = models.JSONField(default=dict)
    execution_count = models.PositiveIntegerField()
    first_executed_at = models.DateTimeField()
    last_executed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=ORDER_IDENTITY, name="trade_identity"),
            models.CheckConstraint(
                condition=Q(filled_quantity__gte=0, filled_quote__gte=0),
                name="trade_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(first_executed_at__lte=F("last_executed_at")), name="trade_times"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "-last_executed_at"], name="trade_newest_first"),
        ]

    def __str__(self) -> str:
        """Name the order and what it filled."""
        return f"{self.symbol} {self.side} {self.filled_quantity:f} #{self.exchange_order_id}"


class TradeExecution(models.Model):
    """One fill."""

    trade = models.ForeignKey(Trade, on_delete=models.CASCADE, related_name="executions")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="+")
    strategy_account = models.ForeignKey(
        StrategyAccount, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    market_type = models.CharField(max_length=16, choices=choices(MarketType))
    symbol = models.CharField(max_length=64)
    id_space = models.CharField(max_length=8, choices=choices(IdSpace), default=IdSpace.ORDER.value)
    exchange_order_id = models.CharField(max_length=64)
    exchange_trade_id = models.CharField(max_length=64)
    side = models.CharField(max_length=4, choices=choices(Side))
    #: 0, unless the exchange used one trade id for different fills
    sequence = models.PositiveSmallIntegerField(default=0)
    position_side = models.CharField(
        max_length=5, choices=choices(PositionSide), default=PositionSide.NET.value
    )
    execution_price = amount_field()
    execution_quantity = amount_field()
    is_maker = models.BooleanField(null=True, blank=True)
    #: positive is a cost; NULL is "not told yet", never zero
    commission = amount_field(null=True, blank=True)
    commission_asset = models.CharField(max_length=16, null=True, blank=True)
    #: what one unit of the commission asset was worth in the settlement asset; NULL: not known
    commission_rate = amount_field(null=True, blank=True)
    realized_pnl = amount_field(null=True, blank=True)
    #: gross, what this fill realised in its position by our own fold; NULL: it moved none
    closed_pnl = amount_field(null=True, blank=True)
    executed_at = models.DateTimeField()
    kind = models.CharField(
        max_length=16, choices=choices(ExecutionKind), default=ExecutionKind.TRADE.value
    )
    source = models.CharField(max_length=16, choices=choices(Source))
    verified = models.BooleanField(default=False)
    verified_at = models.DateTimeField(null=True, blank=True)
    next_verify_at = models.DateTimeField(null=True, blank=True)
    verify_attempts = models.PositiveSmallIntegerField(default=0)
    #: when it was found that the exchange cannot confirm it any more; REST is not asked again
    unverifiable_at = models.DateTimeField(null=True, blank=True)
    #: happened before the account's baseline: counts for its order, moves no position
    is_history = models.BooleanField(default=False)
    #: replaced by real executions (inferred) or by staff; the row stays as a mark
    voided_at = models.DateTimeField(null=True, blank=True)
    #: staff said this fill did not happen: no repeat and no guess brings it back
    disclaimed = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=[*ORDER_IDENTITY, "exchange_trade_id", "side", "sequence"],
                name="execution_identity",
            ),
            # at most one live inferred execution an order: it stands for everything not yet seen
            models.UniqueConstraint(
                fields=ORDER_IDENTITY,
                condition=Q(source=Source.INFERRED.value, voided_at__isnull=True),
                name="execution_one_inferred",
            ),
            models.CheckConstraint(
                condition=Q(execution_quantity__gt=0, execution_price__gte=0),
                name="execution_amounts",
            ),
            models.CheckConstraint(condition=any_of("side", Side), name="execution_side"),
            models.CheckConstraint(condition=any_of("source", Source), name="execution_source"),
            models.CheckConstraint(condition=any_of("kind", ExecutionKind), name="execution_kind"),
            models.CheckConstraint(
                condition=Q(commission__isnull=True) | Q(commission_asset__isnull=False),
                name="execution_commission_has_asset",
            ),
            models.CheckConstraint(
                condition=Q(disclaimed=False) | Q(voided_at__isnull=False),
                name="execution_disclaimed_is_voided",
            ),
        ]
        indexes: ClassVar = [
            # refolding a position, and the list of last executions
            models.Index(
                fields=["account", "market_type", "symbol", "executed_at"],
                name="execution_by_market",
            ),
            # the verification queue: nearly always empty, read every two seconds
            models.Index(
                fields=["account", "next_verify_at"],
                condition=Q(verified=False, voided_at__isnull=True),
                name="execution_to_verify",
            ),
            # commissions without a worth: nearly always empty, looked at every minute
            models.Index(
                fields=["account", "executed_at"],
                condition=WAITS_FOR_RATE,
                name="execution_to_value",
            ),
        ]

    def __str__(self) -> str:
        """Name the fill."""
        return (
            f"{self.symbol} {self.side} {self.execution_quantity:f} @ {self.execution_price:f} "
            f"#{self.exchange_trade_id}"
        )
