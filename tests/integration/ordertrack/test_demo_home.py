"""Where the demo lives: alone, on an empty database, on ports that are free."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from ordertrack.demo_home import DemoHomeError, new_database, next_free_port, write_env

ROOT = Path(__file__).parents[3]
NAME = "a_demo_of_the_tests"


def rows_in(url: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        found: list[tuple[object, ...]] = cursor.fetchall()
        return found


def test_a_new_database_takes_the_place_of_the_last_even_while_somebody_uses_it() -> None:
    url = new_database(os.environ["DATABASE_URL"], NAME)
    with closing(psycopg2.connect(url)) as left_over:
        left_over.autocommit = True
        left_over.cursor().execute("CREATE TABLE earlier (id int)")

        again = new_database(os.environ["DATABASE_URL"], NAME)

    assert again == url
    assert rows_in(url, "SELECT to_regclass('earlier')") == [(None,)]


def test_a_server_that_does_not_answer_is_said_so() -> None:
    with pytest.raises(DemoHomeError, match="cannot make the database"):
        new_database("postgresql://nobody@127.0.0.1:1/postgres", NAME)


def test_a_taken_port_is_passed_over() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]

        assert next_free_port(port) > port


def test_who_knows_the_demo_s_variables_works_on_its_database(tmp_path: Path) -> None:
    told = tmp_path / "env"
    write_env(told)
    asked = [sys.executable, "manage.py", "check_books", "--json"]
    done = subprocess.run(
        asked,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "GENERATE_SECRETS": "on", "ENV_FILE": str(told)},
        capture_output=True,
        text=True,
        check=False,
    )

    # the database of this run's server has no tables: reached, or another error would be told
    assert "tracking_exchangeaccount" in done.stderr
    assert told.stat().st_mode & 0o077 == 0


def test_a_second_demo_of_the_same_installation_does_not_begin(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    home.mkdir()
    with (home / "demo.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = subprocess.run(
            [sys.executable, "manage.py", "demo", "--seconds", "1"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "ENV_FILE": os.devnull},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 3
    assert "a demo is running already" in done.stderr
    assert done.stdout == ""
    assert not (home / "postgres").exists()


def test_wrong_options_have_the_status_of_a_demo_that_could_not_run() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--seconds", "soon", "--help"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "VAR_DIR": os.environ["VAR_DIR"],
            "ENV_FILE": os.devnull,
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 3
    assert "--seconds" in done.stderr
