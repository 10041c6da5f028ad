"""
What was traded and what is owned.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from django.contrib import admin

from tracking.admin.base import FactAdmin
from tracking.admin.orders import OWNER
from tracking.models import Posting, StrategyPosition, Trade, TradeExecution


@admin.register(Trade)
class TradeAdmin(FactAdmin[Trade]):
    """Orders that filled."""

    accounts = ("account__", "strategy_account__account__")
    list_display = (
        "symbol",
        "account",
        "strategy_account",
        "side",
        "filled_quantity",
        "realized_pnl",
        "execution_count",
        "exchange_order_id",
        "last_executed_at",
    )
    list_select_related = OWNER
    list_filter = ("side", "market_type")
    search_fields = ("=exchange_order_id", "=client_order_id", "=symbol", "account__name")
    date_hierarchy = "last_executed_at"
    ordering = ("-last_executed_at",)


@admin.register(TradeExecution)
class ExecutionAdmin(FactAdmin[TradeExecution]):
    """Fills."""

    accounts = ("account__", "strategy_account__account__")
    list_display = (
        "symbol",
        "account",
        "side",
        "execution_price",
        "execution_quantity",
        "commission",
        "commission_asset",
        "source",
        "verified",
        "verified_at",
        "exchange_trade_id",
        "executed_at",
        "created_at",
    )
    list_select_related = OWNER
    list_filter = ("verified", "source", "kind", "side", "market_type")
    search_fields = ("=exchange_trade_id", "=exchange_order_id", "=symbol", "account__name")
    date_hierarchy = "executed_at"
    ordering = ("-executed_at",)


@admin.register(Posting)
class PostingAdmin(FactAdmin[Posting]):
    """Movements that are no fills."""

    accounts = ("account__", "strategy_account__account__")
    list_display = (
        "kind",
        "account",
        "strategy_account",
        "symbol",
        "position_side",
        "quantity",
        "asset",
        "amount",
        "posted_at",
    )
    list_select_related = OWNER
    list_filter = ("kind", "market_type")
    search_fields = ("key", "=symbol", "=asset", "account__name")
    date_hierarchy = "posted_at"
    ordering = ("-posted_at",)


@admin.register(StrategyPosition)
class PositionAdmin(FactAdmin[StrategyPosition]):
    """Holdings."""

    accounts = ("account__", "strategy_account__account__")
    list_display = (
        "symbol",
        "account",
        "strategy_account",
        "position_side",
        "quantity",
        "average_price",
        "realized_pnl",
        "fees",
        "funding",
        "net_pnl",
        "execution_count",
        "updated_at",
    )
    list_select_related = OWNER
    list_filter = ("position_side", "market_type")
    search_fields = ("=symbol", "account__name", "strategy_account__token")
    date_hierarchy = "updated_at"
    ordering = ("-updated_at",)
