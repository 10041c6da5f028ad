"""
Orders: those that are alive, and those that ended.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin, messages
from django.urls import path

from tracking import selectors
from tracking.admin.base import FactAdmin
from tracking.admin.cancels import CANCEL_ALL, cancel_all, cancel_chosen
from tracking.admin.ordering import PLACE_ORDER, may_order, place_order
from tracking.admin.repairs import (
    OwnerForm,
    Question,
    Shown,
    actor_of,
    ask,
    is_answered,
    may_repair,
)
from tracking.models import ClosedOrder, OpenOrder
from tracking.services import repairs

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from tracking.models import Trade

Order = TypeVar("Order", OpenOrder, ClosedOrder)

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


def shown_order(order: OpenOrder | ClosedOrder | Trade) -> Shown:
    """Show an order with who owns it and what it filled."""
    executions = selectors.executions_of_order(order)
    return Shown(
        title=str(order),
        facts=[
            ("belongs to", order.strategy_account or "no strategy: the residual"),
            ("filled", f"{order.filled_quantity:f}"),
            *(("execution", execution) for execution in executions),
        ],
    )


class _OrderAdmin(FactAdmin[Order]):
    accounts = ("account__", "strategy_account__account__")
    list_select_related = OWNER
    list_filter = ("status", "side", "order_type", "market_type", "placed_by_us")
    search_fields = (*IDS, "=symbol", "account__name")
    actions: tuple[str, ...] = ("adopt",)

    @admin.action(description="Adopt into a strategy…", permissions=["repair"])
    def adopt(self, request: HttpRequest, rows: QuerySet[Order]) -> HttpResponse | None:
        """Ask to which strategy and why, and hand the orders over with all they filled."""
        chosen = list(rows)
        accounts = {row.account_id for row in chosen}
        if len(accounts) != 1:
            # an open order may have ended since the list was drawn
            message = (
                "orders of one account at a time: a strategy uses one account"
                if accounts
                else "the orders are not here any more: look for them among the closed ones"
            )
            self.message_user(request, message, messages.ERROR)
            return None
        answer = request.POST if is_answered(request) else None
        question = Question(
            title="Adopt orders into a strategy",
            action="adopt",
            rows=chosen,
            shown=[shown_order(row) for row in chosen],
            form=OwnerForm(answer, account_id=accounts.pop()),
        )
        return ask(
            self,
            request,
            question,
            lambda row, told: repairs.adopt_order(
                row, told["strategy_account"], actor=actor_of(request), reason=told["reason"]
            ),
        )

    def has_repair_permission(self, request: HttpRequest) -> bool:
        """Offer the action to those who may use it."""
        return may_repair(request)


@admin.register(OpenOrder)
class OpenOrderAdmin(_OrderAdmin[OpenOrder]):
    """Orders that are alive, or not yet proven dead; from here they are cancelled and placed."""

    change_list_template = "tracking/open_orders.html"
    list_display = (*ORDER_COLUMNS, "cancel_requested_at", "created_at")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions = ("adopt", "cancel")

    @admin.action(description="Cancel…", permissions=["order"])
    def cancel(self, request: HttpRequest, rows: QuerySet[OpenOrder]) -> HttpResponse | None:
        """Show what would be cancelled, ask for the number, and cancel it."""
        return cancel_chosen(self, request, rows)

    def has_order_permission(self, request: HttpRequest) -> bool:
        """Offer the action to those who may use it."""
        return may_order(request)

    def get_urls(self) -> list[Any]:
        """Add the pages that cancel many, and that place one."""
        draw = self.admin_site.admin_view
        return [
            path("cancel-all/", draw(partial(cancel_all, self)), name=CANCEL_ALL),
            path("place/", draw(partial(place_order, self)), name=PLACE_ORDER),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say whether to offer those pages."""
        may = {"may_order": may_order(request)}
        return super().changelist_view(request, (extra_context or {}) | may)


@admin.register(ClosedOrder)
class ClosedOrderAdmin(_OrderAdmin[ClosedOrder]):
    """What orders were when they ended."""

    list_display = (*ORDER_COLUMNS, "closed_at")
    date_hierarchy = "closed_at"
    ordering = ("-closed_at",)
