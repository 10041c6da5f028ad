"""The embedded servers: begun, joined, stopped, and never left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg2
import pytest
import redis

from ordertrack import binaries
from ordertrack.binaries import NoServerBinaryError, pgbench_path
from ordertrack.embedded import NOBODY, EmbeddedServers, Identity, Postgres, Valkey, join_running
from ordertrack.server_process import EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
URLS = ("DATABASE_URL", "REDIS_URL")

#: starts a pair, tells where it is, and waits to be killed
OWNER = """
import os, sys
from pathlib import Path
from ordertrack.embedded import EmbeddedServers
with EmbeddedServers(Path(sys.argv[1])):
    print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def unset_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the servers of this test run, as far as the environment goes."""
    for name in URLS:
        monkeypatch.delenv(name)


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """Name a folder with a space and a quote in its name, not yet made."""
    return tmp_path / 'John\'s "books" über alles' / "var"


@contextlib.contextmanager
def owner(var: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Run a pair in another process, which is then killed if it still lives."""
    environment = {name: value for name, value in os.environ.items() if name not in URLS}
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(var)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    with process:
        try:
            assert process.stdout
            database_url, redis_url = process.stdout.readline().split()
            yield process, database_url, redis_url
        finally:
            process.kill()


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        connection.commit()
        return list(cursor.fetchall()) if cursor.description else []


def is_gone(url: str) -> bool:
    """Whether nobody listens where `url` points."""
    address = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", address.port or 0)) != 0


def eventually(condition: Callable[[], bool], timeout: float = 10) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.02)
    return True


@pytest.mark.usefixtures("unset_urls")
def test_a_restart_keeps_the_data_of_both(var: Path) -> None:
    with EmbeddedServers(var):
        execute(os.environ["DATABASE_URL"], "create table kept as select 0.1::numeric as amount")
        redis.Redis.from_url(os.environ["REDIS_URL"]).set("kept", "yes")

    with EmbeddedServers(var):
        rows = execute(os.environ["DATABASE_URL"], "select amount::text from kept")
        kept = redis.Redis.from_url(os.environ["REDIS_URL"]).get("kept")

    assert rows == [("0.1",)]
    assert kept == b"yes"


@pytest.mark.usefixtures("unset_urls")
def test_the_environment_is_as_before_when_they_stop(var: Path) -> None:
    with EmbeddedServers(var):
        urls = [os.environ[name] for name in URLS]

    assert not any(name in os.environ for name in URLS)
    assert all(is_gone(url) for url in urls)


def test_servers_that_are_configured_are_left_alone(var: Path) -> None:
    before = {name: os.environ[name] for name in URLS}

    with EmbeddedServers(var):
        assert {name: os.environ[name] for name in URLS} == before

    assert not var.exists()


@pytest.mark.usefixtures("unset_urls")
def test_nobody_gets_in_without_the_password(var: Path) -> None:
    with EmbeddedServers(var):
        address = urlsplit(os.environ["DATABASE_URL"])
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(host="127.0.0.1", port=address.port, user="postgres", password="no")
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=urlsplit(os.environ["REDIS_URL"]).port or 0).ping()


@pytest.mark.usefixtures("unset_urls")
def test_commits_are_durable(var: Path) -> None:
    with EmbeddedServers(var):
        url = os.environ["DATABASE_URL"]
        for name in ("fsync", "synchronous_commit"):
            assert execute(url, f"show {name}") == [("on",)]


@pytest.mark.usefixtures("unset_urls")
def test_a_second_process_joins_the_running_pair(var: Path) -> None:
    with owner(var) as (_, database_url, redis_url):
        with EmbeddedServers(var):
            assert [os.environ[name] for name in URLS] == [database_url, redis_url]

        assert not is_gone(database_url), "who joined must not stop it"


@pytest.mark.usefixtures("unset_urls")
def test_who_starts_nothing_can_still_join(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAR_DIR", str(var))
    join_running()
    assert not any(name in os.environ for name in URLS)

    with owner(var) as (_, database_url, redis_url):
        join_running()

        assert [os.environ.pop(name) for name in URLS] == [database_url, redis_url]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
@pytest.mark.usefixtures("unset_urls")
def test_killing_the_owner_ends_its_servers_and_frees_their_data(var: Path) -> None:
    with owner(var) as (process, database_url, redis_url):
        execute(database_url, "create table kept as select 1 as one")
        process.send_signal(signal.SIGKILL)
        process.wait()

        with EmbeddedServers(var):
            assert execute(os.environ["DATABASE_URL"], "select one from kept") == [(1,)]

        assert eventually(lambda: is_gone(database_url) and is_gone(redis_url))


@pytest.mark.usefixtures("unset_urls")
def test_a_pid_file_that_a_crash_left_is_no_obstacle(var: Path) -> None:
    with EmbeddedServers(var):
        pass
    # the number now belongs to a living process that is no PostgreSQL
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        pid_file = var / "postgres" / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{var / 'postgres'}\n")

        with EmbeddedServers(var):
            assert execute(os.environ["DATABASE_URL"], "select 1") == [(1,)]

        stranger.communicate(b"\n")


@pytest.mark.usefixtures("unset_urls")
def test_an_interrupted_first_start_leaves_no_half_cluster(var: Path) -> None:
    half = var / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    with EmbeddedServers(var):
        assert execute(os.environ["DATABASE_URL"], "select 1") == [(1,)]


def test_data_of_another_major_version_is_refused_in_words(var: Path) -> None:
    server = Postgres(var)
    server.data.mkdir(parents=True)
    (server.data / "PG_VERSION").write_text("9.6\n")

    with pytest.raises(EmbeddedServerError, match=r"made by PostgreSQL 9\.6(.|\n)*"):
        server.start_or_join()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_root_may_run_postgresql_as_nobody() -> None:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    server = Postgres(folder / "var", Identity(user=NOBODY))
    try:
        url = server.start_or_join()
        assert execute(url, "select 1") == [(1,)]
        assert server.data.stat().st_uid == NOBODY
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("server", "variable"),
    [pytest.param(Postgres, "DATABASE_URL"), pytest.param(Valkey, "REDIS_URL")],
)
def test_without_a_program_the_error_names_the_variable_to_set(
    server: type[Postgres | Valkey],
    variable: str,
    var: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(binaries, "package_dir", lambda _name: None)
    monkeypatch.setattr(binaries, "DEBIAN_FOLDERS", var)
    monkeypatch.setenv("PATH", "")

    with pytest.raises(NoServerBinaryError, match=variable):
        server(var).start_or_join()


def test_a_start_that_failed_can_be_repeated(var: Path) -> None:
    server = Valkey(var)
    server.data.parent.mkdir(parents=True)
    server.data.write_text("a file where the folder should be")

    with pytest.raises(FileExistsError):
        server.start_or_join()

    server.data.unlink()
    try:
        server.start_or_join()
    finally:
        server.stop()


def test_only_the_main_thread_may_start_servers(var: Path) -> None:
    raised: list[Exception] = []

    def start() -> None:
        try:
            Valkey(var).start_or_join()
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    assert "main thread" in str(raised)


def test_pgbench_is_found_where_there_is_one() -> None:
    path = pgbench_path()

    assert path is None or path.is_file()
