"""
All routes. Those of `tracking` come first: some of them begin with `admin/`, and the admin site
would take them for pages of its own.
"""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("tracking.urls")),
    path("admin/", admin.site.urls),
]
