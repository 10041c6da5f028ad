"""
Where the demo lives: a home of its own under VAR_DIR, and a database that is new at every start.

The simulated exchange numbers its orders from the same start each time, so rows of an earlier demo
would be taken for rows of this one. And a demo beside a running installation must neither see its
rows nor take its messages: it has its own PostgreSQL and Valkey in `VAR_DIR/demo`. Where URLs name
servers, it makes a database of its own in that PostgreSQL, and shares that Redis.

Everything is decided before Django's settings load, and told by the environment, so that the demo
and all its processes read the same. While it runs `VAR_DIR/demo/env` tells it to whoever wants to
join: `ENV_FILE=var/demo/env python manage.py check_books`; and `VAR_DIR/demo/login` how to log in.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from contextlib import closing
from typing import IO, TYPE_CHECKING, Self
from urllib.parse import urlsplit

import psycopg2
import redis

from ordertrack.embedded import EmbeddedServers
from ordertrack.environment import env, is_set, var_dir
from ordertrack.server_process import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

DATABASE = "order_track_demo"
WEB_PORT, FLOWER_PORT = 5001, 5555
PORTS_TRIED = 50
#: the demo is for one person on one machine: secrets of its own, no TLS in front of it, and two
#: accounts, which one child of each worker serves
DEFAULTS = {
    "GENERATE_SECRETS": "on",
    "HTTPS": "off",
    "LOG_CONSOLE_LEVEL": "WARNING",
    "WORKER_CONCURRENCY": "1",
}


#: what another process has to know to work on the demo's stores
TOLD = (
    "VAR_DIR",
    "DATABASE_URL",
    "REDIS_URL",
    "SIMULATOR_URL",
    "PORT",
    "GENERATE_SECRETS",
    "HTTPS",
    "LOG_CONSOLE_LEVEL",
)


class DemoHomeError(RuntimeError):
    """The demo cannot begin here."""


class DemoHome:
    """An empty home for one run of the demo; leaving it stops the servers it started."""

    def __init__(self) -> None:
        """Nothing is touched yet."""
        self._lock: IO[str] | None = None
        self._servers: EmbeddedServers | None = None

    def __enter__(self) -> Self:
        """Take the home, start the servers, and set the environment.

        Raises `DemoHomeError`, `EmbeddedServerError` or `NoServerBinaryError`.
        """
        home = var_dir() / "demo"
        home.mkdir(parents=True, exist_ok=True)
        os.environ["VAR_DIR"] = str(home)
        self._lock = (home / "demo.lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"a demo is running already: {home / 'demo.lock'} is held"
            raise DemoHomeError(message) from error
        has_own_redis = not is_set("REDIS_URL")
        # another installation's broker is never ours
        os.environ["CELERY_BROKER_URL"] = ""
        self._servers = EmbeddedServers(home)
        self._servers.start()
        try:
            prepare(has_own_redis=has_own_redis)
            write_env(env_file())
        except BaseException:
            self._servers.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the servers; what they hold stays until the next demo."""
        env_file().unlink(missing_ok=True)
        login_file().unlink(missing_ok=True)
        if self._servers:
            self._servers.stop()
        if self._lock:
            self._lock.close()


def prepare(*, has_own_redis: bool) -> None:
    """Empty the stores, choose ports, and say so in the environment. Raises `DemoHomeError`."""
    os.environ["DATABASE_URL"] = new_database(env.str("DATABASE_URL"), DATABASE)
    if has_own_redis:
        # what an earlier demo left in its queues
        redis.Redis.from_url(os.environ["REDIS_URL"]).flushall()
    os.environ |= {name: value for name, value in DEFAULTS.items() if not is_set(name)}
    os.environ["PORT"] = str(next_free_port(env.int("PORT", default=WEB_PORT)))
    os.environ["SIMULATOR_URL"] = f"http://127.0.0.1:{free_port()}"
    if not is_set("FLOWER_BASIC_AUTH"):
        os.environ["FLOWER_BASIC_AUTH"] = f"demo:{secrets.token_urlsafe(9)}"
    # Flower reads its options from such names itself
    os.environ["FLOWER_PORT"] = str(next_free_port(env.int("FLOWER_PORT", default=FLOWER_PORT)))


def env_file() -> Path:
    """Where the running demo says how to join it: VAR_DIR is its home by then."""
    return var_dir() / "env"


def login_file() -> Path:
    """Where the running demo writes how to log in, for a shell to read: `. var/demo/login`."""
    return var_dir() / "login"


def write_env(path: Path) -> None:
    """Write down what this process knows: there is a password in it."""
    write_down(path, {name: os.environ[name] for name in TOLD if os.environ.get(name)})


def write_down(path: Path, values: Mapping[str, str]) -> None:
    """Write variables down for nobody else's eyes."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def new_database(server: str, name: str) -> str:
    """Make an empty database on this server, in place of one of that name; return its URL."""
    try:
        with closing(psycopg2.connect(server, connect_timeout=5)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                cursor.execute(f"CREATE DATABASE {name}")
    except psycopg2.Error as error:
        message = f"cannot make the database {name}: {str(error).strip()}"
        raise DemoHomeError(message) from error
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def next_free_port(first: int) -> int:
    """Return the first loopback port from here on that nobody listens on."""
    for port in range(first, first + PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    message = f"no port from {first} to {first + PORTS_TRIED - 1} is free"
    raise DemoHomeError(message)
