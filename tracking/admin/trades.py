"""
What was traded and what is owned.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages

from tracking import selectors
from tracking.admin.base import FactAdmin
from tracking.admin.orders import OWNER, shown_order
from tracking.admin.repairs import (
    OwnerForm,
    Question,
    ReasonForm,
    Shown,
    actor_of,
    ask,
    is_answered,
    may_repair,
)
from tracking.models import Posting, StrategyPosition, Trade, TradeExecution
from tracking.services import repairs
from tracking.services.payloads import execution_payload

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse


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
    actions = ("reassign", "void")

    @admin.action(description="Reassign with its order…", permissions=["repair"])
    def reassign(self, request: HttpRequest, rows: QuerySet[TradeExecution]) -> HttpResponse | None:
        """Show everything that moves along, ask to whom and why, and hand the order over."""
        trades = list(Trade.objects.filter(executions__in=rows).distinct())
        if len(trades) != 1:
            message = "executions of one order at a time: they move with their order"
            self.message_user(request, message, messages.ERROR)
            return None
        live = sorted(row.exchange_trade_id for row in selectors.executions_of_order(trades[0]))
        answer = request.POST if is_answered(request) else None
        confirmed = request.POST.getlist("confirmed")
        question = Question(
            title="Reassign executions with their order",
            action="reassign",
            rows=list(rows)[:1],
            shown=[shown_order(trades[0])],
            form=OwnerForm(answer, account_id=trades[0].account_id),
            warning=f"The whole order moves, with all its executions: {', '.join(live)}.",
            hidden=[("confirmed", trade_id) for trade_id in live],
        )
        return ask(
            self,
            request,
            question,
            lambda row, told: repairs.reassign_execution(
                row,
                told["strategy_account"],
                confirmed=confirmed,
                actor=actor_of(request),
                reason=told["reason"],
            ),
        )

    @admin.action(description="Void…", permissions=["repair"])
    def void(self, request: HttpRequest, rows: QuerySet[TradeExecution]) -> HttpResponse | None:
        """Ask why, and void what only we had believed in."""
        chosen = list(rows)
        question = Question(
            title="Void executions",
            action="void",
            rows=chosen,
            shown=[
                Shown(title=str(row), facts=list(execution_payload(row).items())) for row in chosen
            ],
            form=ReasonForm(request.POST if is_answered(request) else None),
            warning="Only inferred executions and those made by hand can be voided; for good.",
        )
        return ask(
            self,
            request,
            question,
            lambda row, told: repairs.void_execution(
                row, actor=actor_of(request), reason=told["reason"]
            ),
        )

    def has_repair_permission(self, request: HttpRequest) -> bool:
        """Offer the actions to those who may use them."""
        return may_repair(request)


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
