"""What every child process of ours has: it ends when its parent does, even by `kill -9`."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """Return the `preexec_fn` that has the kernel send `death_signal` when the parent ends.

    Only from the main thread, because the kernel watches the thread that forks, not the process.
    Linux only: elsewhere a killed parent leaves its children behind, and None is returned.
    """
    if threading.current_thread() is not threading.main_thread():
        message = "child processes must be started from the main thread"
        raise RuntimeError(message)
    if sys.platform != "linux":
        return None
    # loaded before the fork: between fork and exec nothing may wait for a lock
    libc, parent = ctypes.CDLL(None), os.getpid()

    def arrange() -> None:
        libc.prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died before we had asked
            os._exit(1)

    return arrange
