"""Django's name for this application."""

from django.apps import AppConfig


class TrackingConfig(AppConfig):
    """Everything the project keeps in its database."""

    name = "tracking"
    verbose_name = "Order tracking"
