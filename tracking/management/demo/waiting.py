"""Waiting for something that other processes do, and how long at most."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tracking.domain.submit_rounds import ENOUGH
from tracking.services.unknown_submits import LATER, SCHEDULE

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL = 0.1
#: For frames, syncs and verifications still on their way when trading ends.
IN_FLIGHT: Final = 20.0
#: A submit nobody knows of is asked about so long; each round may have to be asked again.
UNKNOWN_SUBMIT: Final = float(SCHEDULE[-1] + ENOUGH * LATER)
#: What settling may take at most, seconds: what the slowest rule needs, and what is in flight.
SETTLING: Final = IN_FLIGHT + UNKNOWN_SUBMIT


def wait_until(
    condition: Callable[[], object],
    *,
    timeout: float,
    tend: Callable[[], object],
    interval: float = INTERVAL,
) -> bool:
    """Look every `interval` seconds until it holds; False if it does not within `timeout`.

    `tend` is called in between: somebody has to look after the child processes meanwhile.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return False
        tend()
        time.sleep(interval)
    return True
