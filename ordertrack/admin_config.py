"""Django's admin, with our site in its place."""

from django.contrib.admin.apps import AdminConfig


class OrderTrackAdminConfig(AdminConfig):
    """Names the site; it stands outside `tracking.admin`, which registers with it when imported."""

    default_site = "ordertrack.admin_site.OrderTrackAdminSite"
