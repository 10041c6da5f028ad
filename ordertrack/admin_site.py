"""The admin's front page: our application first, and in it what is looked at first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

if TYPE_CHECKING:
    from django.http import HttpRequest

FIRST = (
    "OrderTrackingSession",
    "ExchangeAccount",
    "OpenOrder",
    "Trade",
    "TradeExecution",
    "StrategyPosition",
    "Anomaly",
    "FailedOrder",
)


class OrderTrackAdminSite(admin.AdminSite):
    """Django's admin in our order."""

    site_header = site_title = "Order Track"
    index_title = "Tracking"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Sort `tracking` before the rest and its models by FIRST, then by name."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=_place)
        return sorted(apps, key=lambda app: app["app_label"] != "tracking")


def _place(model: Any) -> tuple[int, str]:
    name = model["object_name"]
    return (FIRST.index(name) if name in FIRST else len(FIRST), model["name"])
