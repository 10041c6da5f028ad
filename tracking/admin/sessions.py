"""
Streams: how each is doing, and a sync by hand.

@FEAT:order-tracking @COMP:admin @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils import timezone

from tracking import selectors
from tracking.admin.base import FactAdmin, may_sync, sync_now
from tracking.models import OrderTrackingSession, SymbolSubscription

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


@admin.register(OrderTrackingSession)
class SessionAdmin(FactAdmin[OrderTrackingSession]):
    """Lives of the private streams, newest first."""

    list_display = (
        "account",
        "market_type",
        "status",
        "health",
        "last_ping",
        "last_event_at",
        "reconnect_count",
        "frame_count",
        "owner",
        "started_at",
        "ended_at",
    )
    list_filter = ("status", "market_type")
    search_fields = ("session_id", "owner", "account__name", "end_reason")
    date_hierarchy = "started_at"
    ordering = ("-started_at",)
    actions = ("sync_this_account_now",)

    @admin.display(description="health")
    def health(self, session: OrderTrackingSession) -> str:
        """Say how much of it can be believed right now."""
        badge = selectors.badge_of(session, timezone.now())
        return badge.state if badge.state == "live" else f"{badge.state} {badge.silent_for or 0} s"

    @admin.action(description="Sync this account now", permissions=["sync"])
    def sync_this_account_now(
        self, request: HttpRequest, sessions: QuerySet[OrderTrackingSession]
    ) -> None:
        """Compare with the exchange."""
        sync_now(self, request, sessions.order_by().values_list("account", flat=True).distinct())

    def has_sync_permission(self, request: HttpRequest) -> bool:
        """Offer the action to those who may use it."""
        return may_sync(request)


@admin.register(SymbolSubscription)
class SubscriptionAdmin(FactAdmin[SymbolSubscription]):
    """How many live interests an account has in a symbol."""

    list_display = ("account", "market_type", "symbol", "live_count", "trade_cursor", "verified_at")
    list_filter = ("market_type",)
    search_fields = ("symbol", "account__name")
    ordering = ("account", "symbol")
