"""
Runs the simulated exchange in a process of its own: no keys, no money, no database.

Point a bot, or an account marked as simulated (SIMULATOR_URL), at the URL it prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from django.core.management.base import BaseCommand, CommandError

from exchanges.simulator.errors import ControlError
from exchanges.simulator.fault_board import FaultBoard
from exchanges.simulator.server import run

if TYPE_CHECKING:
    from argparse import ArgumentParser

DEFAULT_PORT = 5100


class Command(BaseCommand):
    """`manage.py simulate_exchange`."""

    help = "Serve Binance USD-M futures, simulated, until SIGTERM or Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say where, which course of prices, and what goes wrong."""
        parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0: any free port")
        parser.add_argument("--seed", type=int, default=1, help="same seed, same prices")
        parser.add_argument(
            "--faults", default="none", metavar="PROFILE|JSON", help="none, demo, storm or switches"
        )

    def handle(self, *, port: int, seed: int, faults: str, **_options: Any) -> None:
        """Serve."""
        try:
            run(port=port, seed=seed, faults=read_faults(faults), ready=self._tell)
        except OSError as error:
            message = f"cannot listen on port {port}: {error.strerror or error}"
            raise CommandError(message) from error

    def _tell(self, url: str) -> None:
        self.stderr.write(f"The simulated exchange serves on {url}")


def read_faults(text: str) -> dict[str, object]:
    """Return the switches a profile's name, or JSON, stands for. Raises CommandError."""
    if not text.startswith("{"):
        return _checked({"profile": text})
    try:
        switches = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        message = f"--faults is neither a profile nor JSON: {error}"
        raise CommandError(message) from error
    return _checked(switches)


def _checked(switches: dict[str, object]) -> dict[str, object]:
    try:
        FaultBoard(switches)
    except ControlError as error:
        message = f"--faults: {error}"
        raise CommandError(message) from error
    return switches
