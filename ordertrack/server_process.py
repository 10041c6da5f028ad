"""
One embedded server as a child process: started, joined, stopped.

Note [The lock is the life]
~~~~~~~~~~~~~~~~~~~~~~~~~~~
Each server has a file `var/<name>.lock`: locked, it says that the server lives; its content says
where. The *server process itself* holds the lock, through a descriptor it inherits, and we close
ours. So the kernel answers the questions that pid files answer wrongly: a second starter joins; a
file left by a crash cannot be mistaken for a running server; and after `kill -9` of the parent the
next starter waits until the old server has really left its data.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ordertrack.children import die_with_parent
from ordertrack.environment import stored_secret

if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence
    from pathlib import Path

START_TIMEOUT = 30.0
STOP_TIMEOUT = 8.0
POLL_INTERVAL = 0.02
LOG_LIMIT = 5_000_000


class EmbeddedServerError(RuntimeError):
    """An embedded server did not start, or could not be joined."""


class ServerProcess(ABC):
    """A server that keeps its data in `var/<name>`; ours to stop only if we started it."""

    name: ClassVar[str]
    #: the environment variable that names a server to use instead
    variable: ClassVar[str]
    #: asks the server to end quickly but cleanly
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, var: Path) -> None:
        """`var` may contain spaces and need not exist yet."""
        self.data = var / self.name
        self.lock_path = var / f"{self.name}.lock"
        self.log_path = var / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def url(self, port: int, password: str) -> str:
        """Where the server will be."""

    @abstractmethod
    def launch(self, port: int, password: str, lock: int) -> subprocess.Popen[bytes]:
        """Start the process, handing it the descriptor `lock` to hold."""

    @abstractmethod
    def probe(self, url: str) -> None:
        """Return if the server answers, raise OSError if it does not (yet)."""

    def start_or_join(self, timeout: float = START_TIMEOUT) -> str:
        """Return the URL of the running server. See Note [The lock is the life].

        Raises `EmbeddedServerError` if it can neither be started nor joined.
        """
        self.lock_path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + timeout
        while (url := self._start_if_free() or self.running_url()) is None:
            if time.monotonic() > deadline:
                message = f"the server that holds {self.lock_path} does not answer"
                raise EmbeddedServerError(message)
            time.sleep(POLL_INTERVAL)
        return url

    def running_url(self) -> str | None:
        """Return the URL of the server if one is alive, here or in another process."""
        try:
            with self.lock_path.open() as lock_file:
                if _try_lock(lock_file.fileno()):
                    return None
                url: str = json.load(lock_file)["url"]
            self.probe(url)
        except (OSError, ValueError):
            return None
        return url

    def request_stop(self) -> None:
        """Ask the server to end, if it is ours; `stop` waits for it."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """End the server if it is ours; data stays. One that hangs is killed: it can recover."""
        if self.process is None:
            return
        self.request_stop()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def spawn(
        self,
        argv: Sequence[str | Path],
        lock: int,
        *,
        stdin: str = "",
        user: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a child in a session of its own, so that Ctrl-C reaches only the supervisor."""
        with self.log_path.open("wb" if self._log_is_long() else "ab") as log:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
                pass_fds=[lock],
                # safe here: what it calls was loaded before the fork, and takes no lock
                preexec_fn=die_with_parent(self.stop_signal),  # noqa: PLW1509
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
        if process.stdin:
            process.stdin.write(stdin.encode())
            process.stdin.close()
        return process

    def _log_is_long(self) -> bool:
        return self.log_path.exists() and self.log_path.stat().st_size > LOG_LIMIT

    def _start_if_free(self) -> str | None:
        lock = os.open(self.lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _try_lock(lock):
                return None
            os.ftruncate(lock, 0)
            url = self._start(lock)
            os.pwrite(lock, json.dumps({"url": url}).encode(), 0)
            return url
        finally:
            os.close(lock)

    def _start(self, lock: int) -> str:
        port, password = free_port(), stored_secret(f"{self.name}-password", self.data.parent)
        url = self.url(port, password)
        self.process = self.launch(port, password, lock)
        try:
            self._wait_until_it_answers(self.process, url)
        except BaseException:
            self.stop()
            raise
        return url

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes], url: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while process.poll() is None and time.monotonic() < deadline:
            try:
                self.probe(url)
            except OSError:
                time.sleep(POLL_INTERVAL)
            else:
                return
        raise self.failed_to_start(self.log_path.read_text(errors="replace")[-800:])

    def failed_to_start(self, why: str) -> EmbeddedServerError:
        """Say what went wrong, and which variable avoids the embedded server."""
        return EmbeddedServerError(
            f"the embedded {self.name} did not start (set {self.variable} to use a running one):\n"
            f"{why.strip()}",
        )


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
