"""
Orders: the living (`OpenOrder`) and the remembered (`ClosedOrder`).

`OpenOrder` and `ClosedOrder` share their columns, because closing an order is moving its row. Only
`services.event_emitter` writes them.

@FEAT:order-tracking @COMP:model @TYPE:core
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Q

from exchanges.messages import (
    IdSpace,
    MarketType,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)
from tracking.models.accounts import ExchangeAccount
from tracking.models.fields import amount_field, any_of, choices, quote_field
from tracking.models.strategies import StrategyAccount

ORDER_IDENTITY = ("account", "market_type", "symbol", "id_space", "exchange_order_id")


class OrderColumns(models.Model):
    """What is known of one order; identity is `ORDER_IDENTITY`."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="+")
    strategy_account = models.ForeignKey(
        StrategyAccount, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    market_type = models.CharField(max_length=16, choices=choices(MarketType))
    symbol = models.CharField(max_length=64)
    id_space = models.CharField(max_length=8, choices=choices(IdSpace), default=IdSpace.ORDER.value)
    #: NULL until the exchange has told it; empty strings are never stored
    exchange_order_id = models.CharField(max_length=64, null=True, blank=True)
    client_order_id = models.CharField(max_length=64, null=True, blank=True)
    #: the algo order whose trigger made this one
    parent_exchange_order_id = models.CharField(max_length=64, null=True, blank=True)
    placed_by_us = models.BooleanField(default=False)
    side = models.CharField(max_length=4, choices=choices(Side))
    position_side = models.CharField(
        max_length=5, choices=choices(PositionSide), default=PositionSide.NET.value
    )
    order_type = models.CharField(max_length=24, choices=choices(OrderType))
    time_in_force = models.CharField(
        max_length=8, choices=choices(TimeInForce), default=TimeInForce.GTC.value
    )
    price = amount_field(null=True, blank=True)
    stop_price = amount_field(null=True, blank=True)
    quantity = amount_field()
    filled_quantity = amount_field(default=Decimal(0))
    #: exact sum of price times quantity over what was filled; of inverse contracts the sum of
    #: quantity / price, see Note [Inverse sums] in `domain.executions`
    filled_quote = quote_field(default=Decimal(0))
    status = models.CharField(max_length=16, choices=choices(OrderStatus))
    reason = models.CharField(max_length=200, blank=True)
    reduce_only = models.BooleanField(default=False)
    post_only = models.BooleanField(default=False)
    exchange_updated_at = models.DateTimeField(null=True, blank=True)
    #: grows by one with every change told to the user
    version = models.PositiveIntegerField(default=0)
    #: REST has agreed with this state
    verified = models.BooleanField(default=False)
    #: ended because nobody could find it, not because the exchange said so: any word reverses it
    resolved_by_absence = models.BooleanField(default=False)
    #: ... and the exchange has forgotten it: nobody can verify any more how it ended
    unverifiable = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        """Name the order as a trader would."""
        identity = self.exchange_order_id or self.client_order_id
        return f"{self.symbol} {self.side} {self.quantity:f} #{identity} {self.status}"


def _order_checks(prefix: str) -> list[models.BaseConstraint]:
    return [
        models.CheckConstraint(condition=any_of("status", OrderStatus), name=f"{prefix}_status"),
        models.CheckConstraint(condition=any_of("side", Side), name=f"{prefix}_side"),
        models.CheckConstraint(
            condition=any_of("market_type", MarketType), name=f"{prefix}_market_type"
        ),
        models.CheckConstraint(
            condition=Q(quantity__gte=0, filled_quantity__gte=0, filled_quote__gte=0),
            name=f"{prefix}_not_negative",
        ),
        models.CheckConstraint(
            condition=~Q(exchange_order_id="") & ~Q(client_order_id=""),
            name=f"{prefix}_ids_null_not_empty",
        ),
    ]


WORKING = (
    OrderStatus.PENDING.value,
    OrderStatus.UNKNOWN.value,
    OrderStatus.NEW.value,
    OrderStatus.PARTIALLY_FILLED.value,
)


class OpenOrder(OrderColumns):
    """An order that is alive, or not yet proven dead. Deleted when terminal."""

    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    #: an end the exchange told while fills were unexplained; see `domain.orders`
    withheld_status = models.CharField(
        max_length=16, choices=choices(OrderStatus), null=True, blank=True
    )
    #: when REST is asked again although nothing happened; NULL: the regular sync is enough
    next_verify_at = models.DateTimeField(null=True, blank=True)
    verify_attempts = models.PositiveSmallIntegerField(default=0)
    #: how often, and since when, the exchange said it does not know this order
    not_found_count = models.PositiveSmallIntegerField(default=0)
    not_found_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=ORDER_IDENTITY, name="open_order_identity"),
            models.UniqueConstraint(
                fields=["account", "market_type", "client_order_id"],
                # only our own ids are promised to be unique; hand-made ones may come back
                condition=Q(placed_by_us=True),
                name="open_order_client_order_id",
            ),
            models.CheckConstraint(
                condition=Q(status__in=WORKING), name="open_order_is_not_terminal"
            ),
            models.CheckConstraint(
                condition=Q(exchange_order_id__isnull=False) | Q(client_order_id__isnull=False),
                name="open_order_can_be_found",
            ),
            *_order_checks("open_order"),
        ]
        indexes: ClassVar = [
            # evidence that carries only a client order id: answers to our own orders
            models.Index(fields=["account", "client_order_id"], name="open_order_by_client_id"),
            # the verification queue: nearly always empty, read every two seconds
            models.Index(
                fields=["account", "next_verify_at"],
                condition=Q(next_verify_at__isnull=False),
                name="open_order_to_verify",
            ),
        ]


class ClosedOrder(OrderColumns):
    """What a deleted order was: keeps terminal states sticky and late evidence at home."""

    closed_at = models.DateTimeField()
    #: filled or placed by us: kept for ever, the rest is pruned
    keep = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=ORDER_IDENTITY, name="closed_order_identity"),
            models.CheckConstraint(
                condition=~Q(status__in=WORKING), name="closed_order_is_terminal"
            ),
            *_order_checks("closed_order"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "client_order_id"], name="closed_order_by_client_id"),
            # pruning looks for the few that may go
            models.Index(
                fields=["closed_at"], condition=Q(keep=False), name="closed_order_prunable"
            ),
        ]
