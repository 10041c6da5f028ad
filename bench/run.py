"""Runs the parts one after the other on one pair of servers, and reports."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import django
import psycopg2

from ordertrack.binaries import NoServerBinaryError
from ordertrack.embedded import EmbeddedServerError, EmbeddedServers
from ordertrack.server_process import free_port

if TYPE_CHECKING:
    from pathlib import Path

BOOKS_DIFFER = 1


class CouldNotRunError(RuntimeError):
    """A part could not be measured."""


def run(folder: Path, parts: set[str], seconds: float, *, as_json: bool) -> int:
    """Measure, print, and return the exit code. Raises CouldNotRunError."""
    try:
        keep_commit_times(folder)
        with EmbeddedServers(folder) as servers:
            return _measure(folder, servers, parts, seconds, as_json=as_json)
    except (EmbeddedServerError, NoServerBinaryError) as error:
        raise CouldNotRunError(str(error)) from error


def keep_commit_times(folder: Path) -> None:
    """Have PostgreSQL note when each transaction was committed; it does from its next start on."""
    with EmbeddedServers(folder):
        link = psycopg2.connect(os.environ["DATABASE_URL"])
        link.autocommit = True
        with link.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET track_commit_timestamp = on")
        link.close()


def _measure(
    folder: Path, servers: EmbeddedServers, parts: set[str], seconds: float, *, as_json: bool
) -> int:
    # 5001 may be taken by the installation we run beside
    os.environ["PORT"] = str(free_port())
    django.setup()
    # models load only now
    from bench.children import ChildDiedError  # noqa: PLC0415
    from bench.parts import BooksDifferError  # noqa: PLC0415
    from bench.report import Figures  # noqa: PLC0415
    from bench.stage import StageError  # noqa: PLC0415
    from tracking.management.demo.exchange_control import ExchangeControlError  # noqa: PLC0415

    figures = Figures()
    try:
        figures.measure(folder, servers, parts, seconds)
    except BooksDifferError as error:
        print(f"The books differ: {error}", file=sys.stderr)
        return BOOKS_DIFFER
    except (ChildDiedError, StageError, ExchangeControlError, RuntimeError) as error:
        raise CouldNotRunError(str(error)) from error
    figures.show(as_json=as_json)
    return 0
