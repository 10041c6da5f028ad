"""
What came in, what was told, what a person should see.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from tracking.admin.base import FactAdmin
from tracking.admin.evidence import pretty
from tracking.admin.repairs import (
    Question,
    ReasonForm,
    Shown,
    actor_of,
    ask,
    is_answered,
    may_repair,
)
from tracking.models import Anomaly, EventCounter, OrderEvent, StreamEvent
from tracking.services import repairs

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString


def _facts(row: Anomaly) -> list[tuple[str, object]]:
    detail = row.detail.get("text") or row.detail
    return [
        ("account", row.account),
        ("what", detail),
        ("seen", f"{row.seen_count} times"),
        ("opened", row.opened_at),
        ("last seen", row.last_seen_at),
    ]


@admin.register(Anomaly)
class AnomalyAdmin(FactAdmin[Anomaly]):
    """What a person should see."""

    list_display = (
        "kind",
        "key",
        "account",
        "seen_count",
        "opened_at",
        "last_seen_at",
        "closed_at",
    )
    list_filter = ("kind", ("closed_at", admin.EmptyFieldListFilter))
    search_fields = ("key", "account__name")
    date_hierarchy = "opened_at"
    ordering = ("-opened_at",)
    actions = ("close",)

    @admin.action(description="Close…", permissions=["repair"])
    def close(self, request: HttpRequest, rows: QuerySet[Anomaly]) -> HttpResponse | None:
        """Ask why, and close; one that is still true opens again by itself."""
        chosen = list(rows)
        question = Question(
            title="Close anomalies",
            action="close",
            rows=chosen,
            shown=[Shown(title=str(row), facts=_facts(row)) for row in chosen],
            form=ReasonForm(request.POST if is_answered(request) else None),
        )
        return ask(
            self,
            request,
            question,
            lambda row, told: repairs.close_anomaly(
                row, actor=actor_of(request), reason=told["reason"]
            ),
        )

    def has_repair_permission(self, request: HttpRequest) -> bool:
        """Offer the action to those who may use it."""
        return may_repair(request)


@admin.register(OrderEvent)
class OrderEventAdmin(FactAdmin[OrderEvent]):
    """The journal."""

    list_display = ("seq", "user", "kind", "account", "symbol", "exchange_order_id", "created_at")
    list_select_related = ("user", "account")
    list_filter = ("kind",)
    search_fields = ("=exchange_order_id", "=client_order_id", "=symbol", "=seq")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-seq")


@admin.register(StreamEvent)
class StreamEventAdmin(FactAdmin[StreamEvent]):
    """The inbox."""

    list_display = ("id", "account", "received_at", "processed_at", "attempts", "quarantined_at")
    list_filter = (("quarantined_at", admin.EmptyFieldListFilter),)
    search_fields = ("=session_id", "=id")
    date_hierarchy = "received_at"
    ordering = ("-id",)
    readonly_fields = ("frame",)

    @admin.display(description="frame")
    def frame(self, event: StreamEvent) -> SafeString:
        """Show the frame, its secrets struck out."""
        return pretty(event.raw)


@admin.register(EventCounter)
class EventCounterAdmin(FactAdmin[EventCounter]):
    """The last journal number of each user."""

    accounts = ()
    list_display = ("user", "seq")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    ordering = ("user",)
