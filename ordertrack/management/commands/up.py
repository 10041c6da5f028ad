"""
Runs the whole system on this machine until it is told to stop: `make up`.

Migrates and seeds first, so that a new installation and an upgraded one start the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand

from ordertrack.environment import is_set
from ordertrack.processes import programs
from ordertrack.supervisor import Supervisor

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """`manage.py up`."""

    requires_system_checks: list[str] = []
    help = "Run all processes, restarting those that die, until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Let a check of the installation end by itself."""
        parser.add_argument("--seconds", type=float, help="stop after this long")

    def handle(self, *, seconds: float | None = None, **_options: Any) -> None:
        """Prepare the database, then supervise."""
        # the checks would load every page and all behind it into the process that only supervises
        call_command("migrate", verbosity=0, skip_checks=True)
        call_command("sync_schedules", stdout=self.stderr)
        self.stderr.write("\n".join(welcome()))
        Supervisor(programs()).run(seconds)


def welcome() -> list[str]:
    """Say where the pages are, and what a new installation still lacks."""
    scheme = "https" if settings.HTTPS else "http"
    lines = [f"Order Track will serve on {scheme}://{settings.HOST}:{settings.PORT}/"]
    if settings.HTTPS:
        lines.append(
            f"A proxy that ends TLS has to stand in front of {settings.HOST}:{settings.PORT}; "
            "HTTPS=off serves plain HTTP on this machine."
        )
    if not get_user_model().objects.filter(is_superuser=True).exists():
        lines.append("Nobody can log in yet: run `.venv/bin/python manage.py createsuperuser`.")
    if not is_set("FLOWER_BASIC_AUTH"):
        lines.append("Flower stays off until FLOWER_BASIC_AUTH is set.")
    return lines
