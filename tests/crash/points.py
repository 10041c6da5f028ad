"""
One failure at one point.

Whatever a scenario does to the world is a point: an SQL statement (COPY included), a commit, an
HTTP call. They are counted in the thread that armed them, beneath Django and beneath our own
session, so that no path is missed; the N-th one fails in one of the modes:

* BEFORE: an error instead of it. The connection lives on; an HTTP call left and never arrived.
* CUT: the connection is gone before it. An HTTP call was refused: nothing left.
* AFTER: it is done, and then the connection is gone; the answer of an HTTP call is lost.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import psycopg2
import psycopg2.extensions
import requests
from django.db import connection, connections
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result = TypeVar("Result")


class Kind(StrEnum):
    """What a point is."""

    SQL = "sql"
    COMMIT = "commit"
    HTTP = "http"


class Mode(StrEnum):
    """How a point fails."""

    BEFORE = "before"
    CUT = "cut"
    AFTER = "after"
    KILL_BEFORE = "kill-before"
    KILL_AFTER = "kill-after"


KILLED = (Mode.KILL_BEFORE, Mode.KILL_AFTER)


class Point(NamedTuple):
    """One thing done to the world."""

    kind: Kind
    what: str


@dataclass(slots=True)
class Points:
    """Counts points, and lets one fail."""

    at: int = 0
    mode: Mode = Mode.BEFORE
    seen: list[Point] = field(default_factory=list)
    _thread: int | None = None

    @contextmanager
    def armed(self, at: int, mode: Mode) -> Iterator[None]:
        """Count in this thread from one on; fail at `at`, or nowhere if it is 0."""
        self.at, self.mode, self.seen = at, mode, []
        self._thread = threading.get_ident()
        try:
            yield
        finally:
            self._thread = None

    @property
    def struck(self) -> Point | None:
        """The point that failed; None if the scenario ended before it."""
        return self.seen[self.at - 1] if 0 < self.at <= len(self.seen) else None

    def hit(
        self,
        kind: Kind,
        what: str,
        act: Callable[[], Result],
        failure: Callable[[Mode], Exception],
    ) -> Result:
        """Do it, unless this is where it fails."""
        if self._thread != threading.get_ident():
            return act()
        self.seen.append(Point(kind, what))
        if len(self.seen) != self.at:
            return act()
        if self.mode in {Mode.AFTER, Mode.KILL_AFTER}:
            act()
        if self.mode in KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        raise failure(self.mode)


#: the process's points
POINTS = Points()


class CountedCursor(psycopg2.extensions.cursor):
    """Each statement is a point."""

    def execute(self, query: Any, values: Any = None) -> None:
        """Run a statement, or fail."""
        run = super().execute
        self._hit(str(query), lambda: run(query, values))

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        """Copy, or fail."""
        run = super().copy_expert
        self._hit(str(sql), lambda: run(sql, file, size))

    def _hit(self, statement: str, act: Callable[[], None]) -> None:
        what = " ".join(statement.split())[:120]
        POINTS.hit(Kind.SQL, what, act, lambda mode: _failure(self.connection, mode))


class CountedConnection(psycopg2.extensions.connection):
    """Each commit is a point."""

    def commit(self) -> None:
        """Commit, or fail."""
        POINTS.hit(Kind.COMMIT, "COMMIT", super().commit, lambda mode: _failure(self, mode))


def _failure(link: psycopg2.extensions.connection, mode: Mode) -> Exception:
    if mode is not Mode.BEFORE:
        link.close()
    failure: Exception = psycopg2.OperationalError(f"injected: {mode.value}")
    return failure


def _no_answer(mode: Mode) -> Exception:
    if mode is Mode.CUT:
        refused = NewConnectionError(None, "injected: refused")  # type: ignore[arg-type]
        return requests.ConnectionError(MaxRetryError(None, "/", refused))  # type: ignore[arg-type]
    return requests.ReadTimeout(f"injected: {mode.value}")


@contextmanager
def counted() -> Iterator[Points]:
    """Let this process's statements, commits and HTTP calls be points."""
    options = connections.settings["default"]["OPTIONS"]
    send = HTTPAdapter.send
    connection.close()
    options |= {"connection_factory": CountedConnection, "cursor_factory": CountedCursor}
    HTTPAdapter.send = _counted(send)  # type: ignore[method-assign]
    try:
        yield POINTS
    finally:
        HTTPAdapter.send = send  # type: ignore[method-assign]
        del options["connection_factory"], options["cursor_factory"]
        connection.close()


def _counted(send: Callable[..., Any]) -> Callable[..., Any]:
    def counted_send(adapter: HTTPAdapter, request: Any, **options: Any) -> Any:
        what = f"{request.method} {request.url.split('?')[0].rpartition('/')[2]}"
        return POINTS.hit(Kind.HTTP, what, lambda: send(adapter, request, **options), _no_answer)

    return counted_send
