"""Loads what a victim needs, in the process it is forked from."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordertrack.settings")
django.setup()

from exchanges import binance_connection  # noqa: E402
from tests.crash import acting  # noqa: E402

__all__ = ["acting", "binance_connection"]
