"""
Runs the simulated exchange in a process of its own: no keys, no money, no database.

Point a bot, or an account marked as simulated (SIMULATOR_URL), at the URL it prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from exchanges.simulator.errors import ControlError
from exchanges.simulator.options import add_options, read_faults, read_houses
from exchanges.simulator.server import run

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """`manage.py simulate_exchange`."""

    help = "Serve exchanges, simulated, until SIGTERM or Ctrl-C; Binance USD-M unless told."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the simulator's own options."""
        add_options(parser)

    def handle(self, *, port: int, seed: int, faults: str, exchanges: str, **_options: Any) -> None:
        """Serve.

        Raises CommandError for exchanges or faults that do not exist, or a port that is taken.
        """
        try:
            run(port, seed, read_faults(faults), self._tell, read_houses(exchanges))
        except (ControlError, OSError) as error:
            raise CommandError(str(error)) from error

    def _tell(self, url: str) -> None:
        self.stderr.write(f"The simulated exchange serves on {url}")
