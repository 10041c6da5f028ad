"""Waiting for something that other processes do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL = 0.1


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
