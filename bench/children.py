"""The processes that are measured: started together, their output kept, their CPU time read."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ordertrack.children import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from ordertrack.supervisor import Program

STOP_TIMEOUT = 10.0
TAIL = 3000
_TICKS = os.sysconf("SC_CLK_TCK")


class ChildDiedError(RuntimeError):
    """A process that is measured has ended; the message holds the end of its output."""


class Children:
    """Programs running side by side. Use it from the main thread."""

    def __init__(
        self, programs: Iterable[Program], output: Path, environment: Mapping[str, str]
    ) -> None:
        """`output` takes what they say, one file a program."""
        self._programs, self._output = list(programs), output
        self._environment = environment
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        """Start."""
        for program in self._programs:
            with self._log(program.name).open("wb") as log:
                self._running[program.name] = subprocess.Popen(
                    program.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **program.environment, **self._environment},
                    start_new_session=True,
                    # safe here: what it calls was loaded before the fork, and takes no lock
                    preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509
                )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop: ask all, wait, kill who has not ended."""
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def check(self) -> None:
        """Raise ChildDiedError if one has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                tail = self._log(name).read_text(errors="replace")[-TAIL:]
                message = f"{name} ended with {process.returncode}: {tail}"
                raise ChildDiedError(message)

    def pids(self) -> dict[str, int]:
        """Return the process ids by name."""
        return {name: process.pid for name, process in self._running.items()}

    def _log(self, name: str) -> Path:
        return self._output / f"{name}.output"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stat:
    parent: int
    seconds: float


def cpu_seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """Read the processor time that each process and all its children, past ones too, have used."""
    table = _processes()
    children: dict[int, list[int]] = {}
    for pid, stat in table.items():
        children.setdefault(stat.parent, []).append(pid)
    return {name: _of_tree(pid, table, children) for name, pid in roots.items()}


def _of_tree(pid: int, table: Mapping[int, _Stat], children: Mapping[int, list[int]]) -> float:
    own = table[pid].seconds if pid in table else 0.0
    return own + sum(_of_tree(child, table, children) for child in children.get(pid, ()))


def _processes() -> dict[int, _Stat]:
    return {
        int(folder.name): stat
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and (stat := _stat(folder))
    }


def _stat(folder: Path) -> _Stat | None:
    """Read /proc/N/stat: utime, stime, and those of children that were waited for (proc(5))."""
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        # it ended while we looked
        return None
    return _Stat(parent=int(fields[1]), seconds=sum(map(int, fields[11:15])) / _TICKS)
