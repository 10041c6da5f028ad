"""The supervisor: the dead start again, all stop, nobody is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ordertrack.processes import programs
from ordertrack.supervisor import Child, Program, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]

#: says nothing, or a closed pipe would end it where its parent's death is to
WAITS = "import signal; signal.pause()"
IGNORES = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\nwhile True: signal.pause()"
)
#: a supervisor in a process of its own, told to run one child for ever
OWNER = f"""
import signal, sys
from ordertrack.logs import configure
from ordertrack.supervisor import Program, Supervisor
configure({{"level": "INFO", "directory": "", "console": "json"}})
supervisor = Supervisor([Program(name="child", argv=(sys.executable, "-c", {WAITS!r}))])
supervisor.start()
print(supervisor.pids()["child"], flush=True)
while not supervisor.stop_requested:
    signal.pause()
supervisor.stop()
"""


@contextlib.contextmanager
def owner() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a supervisor in another process; give it and the process id of its child."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    with process:
        try:
            assert process.stdout
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def a_program(code: str, name: str = "child") -> Program:
    return Program(name=name, argv=(sys.executable, "-c", code))


def eventually(condition: Callable[[], object], timeout: float = 10) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.02)
    return True


def lives(pid: int) -> bool:
    """Whether the process runs, zombies not counted."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_lines_come_out_behind_the_name_of_their_program(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with Supervisor([a_program("print('hello')", "talker")]) as supervisor:
        assert eventually(lambda: not supervisor.pids())

    captured = capfd.readouterr()
    assert "talker" in captured.err
    assert "| hello" in captured.err
    assert captured.out == ""


def test_a_program_that_dies_is_started_again() -> None:
    with Supervisor([a_program(WAITS)]) as supervisor:
        first = supervisor.pids()["child"]
        os.kill(first, signal.SIGKILL)

        def is_back() -> bool:
            supervisor.poll()
            return supervisor.pids().get("child", first) != first

        assert eventually(is_back)
        assert supervisor.restarts() == 1


def test_who_keeps_dying_is_tried_less_and_less_often() -> None:
    child = Child(a_program(WAITS))
    child.started_at = time.monotonic()
    pauses = []

    for _ in range(7):
        child.plan_restart()
        pauses.append(round((child.restart_at or 0) - time.monotonic(), 1))

    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_who_lived_long_starts_again_soon() -> None:
    child = Child(a_program(WAITS))
    child.pause, child.started_at = 10.0, time.monotonic() - 60

    child.plan_restart()

    assert (child.restart_at or 0) - time.monotonic() < 1


def test_who_ignores_the_request_to_stop_is_killed(capfd: pytest.CaptureFixture[str]) -> None:
    supervisor = Supervisor([a_program(IGNORES)])
    supervisor.start()
    pid = supervisor.pids()["child"]
    assert eventually(lambda: "ready" in capfd.readouterr().err)

    supervisor.stop(timeout=0.2)

    assert not lives(pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_all(number: signal.Signals) -> None:
    with owner() as (process, pid):
        process.send_signal(number)

        assert process.wait(10) == 0
        assert not lives(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
def test_killing_the_supervisor_ends_its_children() -> None:
    with owner() as (process, pid):
        process.kill()

        assert eventually(lambda: not lives(pid))


def test_flower_runs_only_behind_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWER_BASIC_AUTH", raising=False)
    without = [program.name for program in programs()]
    monkeypatch.setenv("FLOWER_BASIC_AUTH", "user:secret")
    with_password = programs()

    assert without == ["web", "worker", "orders", "sync", "beat", "streams"]
    assert with_password[-1].name == "flower"
    assert "secret" not in " ".join(with_password[-1].argv)
