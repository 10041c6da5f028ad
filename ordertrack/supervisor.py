"""
Runs several programs as children: their lines to one stream, the dead started again, all stopped.

Restarting is part of the system, not of an operator's day: a Celery worker may exit when its broker
is killed under it. A program that keeps dying is tried less and less often, but never given up.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Self

import structlog
from honcho.colour import get_colours
from honcho.printer import Message, Printer

from ordertrack.children import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import FrameType, TracebackType

log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
#: who lived this long had started well: its next pause is the first again
HEALTHY_AFTER = 30.0
STOP_TIMEOUT = 8.0
POLL_INTERVAL = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run under which name."""

    name: str
    argv: tuple[str, ...]
    #: added to our own environment
    environment: Mapping[str, str] = field(default_factory=dict)


class Child:
    """One program, and the process that runs it now."""

    def __init__(self, program: Program) -> None:
        """Nothing runs yet."""
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.started_at = 0.0
        #: when to start again; None while it runs
        self.restart_at: float | None = None
        self.pause = FIRST_PAUSE

    def start(self) -> IO[bytes]:
        """Start it in a session of its own; return its output, stdout and stderr together."""
        self.process = subprocess.Popen(
            self.program.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.program.environment},
            start_new_session=True,
            # safe here: what it calls was loaded before the fork, and takes no lock
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509
        )
        self.started_at, self.restart_at = time.monotonic(), None
        if self.process.stdout is None:
            message = "a pipe was asked for"
            raise RuntimeError(message)
        return self.process.stdout

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self.process is not None and self.process.poll() is None
        return self.process.pid if running and self.process else None

    def plan_restart(self) -> None:
        """Choose when to start again: soon at first, later each time it dies young."""
        now = time.monotonic()
        if now - self.started_at > HEALTHY_AFTER:
            self.pause = FIRST_PAUSE
        self.restart_at, self.pause = now + self.pause, min(self.pause * 2, LONGEST_PAUSE)
        self.restarts += 1

    def send(self, number: signal.Signals) -> None:
        """Signal the process and what it started, if it runs."""
        if self.pid:
            os.killpg(self.pid, number)


class Supervisor:
    """Starts, watches and stops programs. Use it from the main thread only.

    `run()` does everything; a command that has work of its own calls `start()`, then `poll()` now
    and then, then `stop()`, and may be used as a context manager for the first and the last.
    """

    def __init__(self, programs: Iterable[Program]) -> None:
        """Lines go to stderr, behind the time and the program's name."""
        self.children = {program.name: Child(program) for program in programs}
        self.stop_requested = False
        self._printer = Printer(sys.stderr, width=max(map(len, self.children), default=0))
        self._print_lock = threading.Lock()
        self._colours = dict(zip(self.children, get_colours(), strict=False))
        self._readers: list[threading.Thread] = []
        self._handlers_before: dict[signal.Signals, object] = {}

    def start(self) -> None:
        """Start all; from now on SIGTERM and SIGINT set `stop_requested`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._handlers_before[number] = signal.signal(number, self._request_stop)
        for child in self.children.values():
            self._start(child)

    def poll(self) -> None:
        """Look after the children once: note who died, start again whose pause is over."""
        for child in self.children.values():
            if child.restart_at is None and child.pid is None:
                self._bury(child)
            elif child.restart_at is not None and time.monotonic() >= child.restart_at:
                self._start(child)

    def run(self, seconds: float | None = None) -> None:
        """Run until a signal asks to stop, or for `seconds`; then stop all."""
        end = None if seconds is None else time.monotonic() + seconds
        with self:
            while not self.stop_requested and (end is None or time.monotonic() < end):
                self.poll()
                time.sleep(POLL_INTERVAL)

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Ask all to end, wait, and kill who has not ended within `timeout`."""
        for child in self.children.values():
            if child.pid and child.process:
                # the program alone: it knows best how to stop what it started
                child.process.terminate()
        deadline = time.monotonic() + timeout
        for child in self.children.values():
            self._wait(child, deadline)
        for reader in self._readers:
            reader.join(timeout=1)
        for number, handler in self._handlers_before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() gave us
        self._handlers_before.clear()

    def pids(self) -> dict[str, int]:
        """Return the process ids of all that run, by name."""
        return {name: child.pid for name, child in self.children.items() if child.pid}

    def restarts(self) -> int:
        """Return how often a program had to be started again."""
        return sum(child.restarts for child in self.children.values())

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_requested = True

    def _start(self, child: Child) -> None:
        output = child.start()
        reader = threading.Thread(target=self._relay, args=(child, output), daemon=True)
        reader.start()
        self._readers = [old for old in self._readers if old.is_alive()] + [reader]
        log.info("process.started", process=child.program.name, pid=child.pid)

    def _bury(self, child: Child) -> None:
        code = child.process.returncode if child.process else None
        child.plan_restart()
        log.warning(
            "process.exited",
            process=child.program.name,
            code=code,
            restarts=child.restarts,
            note="it is started again",
        )

    def _wait(self, child: Child, deadline: float) -> None:
        if child.process is None:
            return
        try:
            child.process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            log.warning("process.killed", process=child.program.name)
            child.send(signal.SIGKILL)
            child.process.wait()

    def _relay(self, child: Child, output: IO[bytes]) -> None:
        name = child.program.name
        with output:
            for line in output:
                message = Message("line", line, datetime.now(UTC), name, self._colours.get(name))
                with self._print_lock:
                    self._printer.write(message)
