"""
All routes of the application.

The project includes them before its admin site: two of them begin with `admin/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from tracking.sse.view import events

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/sse/events", events, name="sse-events"),
]
