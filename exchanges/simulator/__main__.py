"""
`python -m exchanges.simulator`: the exchange without Django, in half the memory.

`manage.py simulate_exchange` is the same with the project's settings and logs.
"""

from __future__ import annotations

import logging
import sys
from argparse import ArgumentParser

import structlog

from exchanges.simulator.errors import ControlError
from exchanges.simulator.options import add_options, read_faults, read_houses
from exchanges.simulator.server import run

COULD_NOT_RUN = 1


def main() -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    parser = ArgumentParser(prog="python -m exchanges.simulator", description=__doc__)
    add_options(parser)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        houses = read_houses(options.exchanges)
        run(options.port, options.seed, read_faults(options.faults), tell, houses)
    except (ControlError, OSError) as error:
        sys.stderr.write(f"The simulated exchange could not run: {error}\n")
        return COULD_NOT_RUN
    return 0


def tell(url: str) -> None:
    """Say where it serves."""
    sys.stderr.write(f"The simulated exchange serves on {url}\n")


if __name__ == "__main__":
    sys.exit(main())
