"""
All routes of the application.

The project includes them before its admin site: some of them begin with `admin/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.views import LogoutView
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from tracking import views
from tracking.api.operations import Metrics, SyncOrders
from tracking.sse.view import events

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

SYNC_ORDERS = "admin/system/order-tracking/sync-orders"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.live, name="live"),
    path("login/", views.Login.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    # browsers ask for it on pages that name no icon, such as a JSON answer
    path("favicon.ico", RedirectView.as_view(url=static("tracking/icon.svg"))),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("api/sse/events", events, name="sse-events"),
    path("api/", include("tracking.api.urls")),
    path(SYNC_ORDERS, SyncOrders.as_view(), name="sync-orders"),
    path("admin/api/metrics", Metrics.as_view(), name="metrics"),
]
