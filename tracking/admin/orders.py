"""
Orders: alive, ended, asked for, refused.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from django.contrib import admin

from tracking.admin.base import FactAdmin
from tracking.models import ClosedOrder, FailedOrder, OpenOrder, OrderRequest
from tracking.models.orders import OrderColumns

IDS = ("=exchange_order_id", "=client_order_id")
ORDER_COLUMNS = (
    "symbol",
    "account",
    "strategy_account",
    "side",
    "order_type",
    "price",
    "quantity",
    "filled_quantity",
    "status",
    "verified",
    "exchange_order_id",
)
OWNER = ("account", "strategy_account__strategy", "strategy_account__account")


class _OrderAdmin(FactAdmin[OrderColumns]):
    accounts = ("account__", "strategy_account__account__")
    list_select_related = OWNER
    list_filter = ("status", "side", "order_type", "market_type", "placed_by_us")
    search_fields = (*IDS, "=symbol", "account__name")


@admin.register(OpenOrder)
class OpenOrderAdmin(_OrderAdmin):
    """Orders that are alive, or not yet proven dead."""

    list_display = (*ORDER_COLUMNS, "created_at")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)


@admin.register(ClosedOrder)
class ClosedOrderAdmin(_OrderAdmin):
    """What orders were when they ended."""

    list_display = (*ORDER_COLUMNS, "closed_at")
    date_hierarchy = "closed_at"
    ordering = ("-closed_at",)


@admin.register(OrderRequest)
class OrderRequestAdmin(FactAdmin[OrderRequest]):
    """What was asked for, and what became of it."""

    list_display = (
        "action",
        "symbol",
        "account",
        "user",
        "outcome",
        "client_order_id",
        "created_at",
        "sent_at",
        "answered_at",
    )
    list_select_related = ("account", "user")
    list_filter = ("outcome", "action", "market_type")
    search_fields = ("=idempotency_key", *IDS, "=symbol")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)


@admin.register(FailedOrder)
class FailedOrderAdmin(FactAdmin[FailedOrder]):
    """What was refused."""

    list_display = ("request", "account", "reason", "code", "created_at", "dismissed_at")
    list_select_related = ("account", "request")
    search_fields = ("=request__client_order_id", "=code", "reason")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
