"""The options of the command lines that run the exchange, read and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from exchanges.simulator.errors import ControlError
from exchanges.simulator.fault_board import FaultBoard

if TYPE_CHECKING:
    from argparse import ArgumentParser

DEFAULT_PORT: Final = 5100


def add_options(parser: ArgumentParser) -> None:
    """Let a parser take where to serve, which course of prices, and what goes wrong."""
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0: any free port")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same prices")
    parser.add_argument(
        "--faults", default="none", metavar="PROFILE|JSON", help="none, demo, storm or switches"
    )


def read_faults(text: str) -> dict[str, object]:
    """The switches that a profile's name, or JSON, stands for. Raises `ControlError`."""
    try:
        switches = orjson.loads(text) if text.startswith("{") else {"profile": text}
    except orjson.JSONDecodeError as error:
        message = f"neither a profile nor JSON: {error}"
        raise ControlError(message) from error
    FaultBoard(switches)
    return dict(switches)
