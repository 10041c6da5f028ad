"""The options of the command lines that run the exchange, read and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from exchanges.simulator.errors import ControlError
from exchanges.simulator.fault_board import FaultBoard
from exchanges.simulator.fronts import FRONTS, every_house, front_of
from exchanges.simulator.server import USUAL

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from exchanges.simulator.fronts import House

DEFAULT_PORT: Final = 5100


def add_options(parser: ArgumentParser) -> None:
    """Let a parser take where to serve, which course of prices, and what goes wrong."""
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0: any free port")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same prices")
    parser.add_argument(
        "--faults", default="none", metavar="PROFILE|JSON", help="none, demo, storm or switches"
    )
    parser.add_argument(
        "--exchanges",
        default=",".join(map(":".join, USUAL)),
        metavar="NAME[:MARKET_TYPE],...|all",
        help="what to serve, e.g. BINANCE:FUTURES,BYBIT:SPOT; control end points without a name "
        "are those of the first",
    )


def read_houses(text: str) -> tuple[House, ...]:
    """The houses that are named; an exchange alone stands for all of its houses.

    Raises `ControlError`.
    """
    if text == "all":
        return every_house()
    found: list[House] = []
    for name in text.split(","):
        exchange, _, market_type = name.strip().upper().partition(":")
        found += [(exchange, market_type)] if market_type else houses_of(exchange)
    for house in found:
        front_of(house)
    return tuple(dict.fromkeys(found))


def houses_of(exchange: str) -> list[House]:
    """All houses of one exchange. Raises `ControlError` if it is not simulated."""
    if exchange not in FRONTS:
        message = f"no such exchange: {exchange} (known: {', '.join(FRONTS)})"
        raise ControlError(message)
    return [(exchange, market_type) for market_type in FRONTS[exchange].market_types]


def read_faults(text: str) -> dict[str, object]:
    """The switches that a profile's name, or JSON, stands for. Raises `ControlError`."""
    try:
        switches = orjson.loads(text) if text.startswith("{") else {"profile": text}
    except orjson.JSONDecodeError as error:
        message = f"neither a profile nor JSON: {error}"
        raise ControlError(message) from error
    FaultBoard(switches)
    return dict(switches)
