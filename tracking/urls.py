"""
All routes of the application.

The project includes them before its admin site: some of them begin with `admin/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import include, path

from tracking.api.operations import Metrics, SyncOrders
from tracking.sse.view import events

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/sse/events", events, name="sse-events"),
    path("api/", include("tracking.api.urls")),
    path("admin/system/order-tracking/sync-orders", SyncOrders.as_view(), name="sync-orders"),
    path("admin/api/metrics", Metrics.as_view(), name="metrics"),
]
