"""The log: one line an event, in a file that many processes share."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from ordertrack.logs import FILE_NAME, SharedRotatingFileHandler, configure

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"

APPENDER = """
import logging, sys
from pathlib import Path
from ordertrack.logs import SharedRotatingFileHandler
handler = SharedRotatingFileHandler(Path(sys.argv[1]), size=6_000, count=200)
logger = logging.getLogger()
logger.addHandler(handler)
print("ready", flush=True)
sys.stdin.readline()
for number in range(2000):
    logger.warning("%s %d %s", sys.argv[2], number, "x" * 100)
"""


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """Configure the logs into `tmp_path`, and put everything back afterwards."""
    from django.conf import settings  # noqa: PLC0415  (not before pytest-django is ready)

    configure({"level": "DEBUG", "directory": str(tmp_path), "console": "json"})
    yield tmp_path / FILE_NAME
    configure(settings.LOGGING)  # type: ignore[arg-type]  # a dict to Django


def together(writers: list[subprocess.Popen[bytes]]) -> list[bytes]:
    """Let all begin at once; return what each said on stderr."""
    for writer in writers:
        assert writer.stdin
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    return [writer.communicate(timeout=30)[1] for writer in writers]


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_event_is_one_json_line_with_its_fields(log_file: Path) -> None:
    structlog.get_logger("a.module").info("order.synced", client_order_id="x1", fills=2)

    (event,) = events(log_file)
    assert event["event"] == "order.synced"
    assert event["client_order_id"] == "x1"
    assert (event["level"], event["logger"]) == ("info", "a.module")
    assert event["timestamp"].endswith("Z")


@pytest.mark.parametrize("words", ["Listen Key", "OrderFillMonitor", "WebSocket", "체결 처리"])
def test_a_note_can_be_found_by_its_words(log_file: Path, words: str) -> None:
    structlog.get_logger("m").info("fill.processed", note=f"{words}: 0.5")

    assert words in log_file.read_text()


def test_records_of_the_standard_library_come_out_alike(log_file: Path) -> None:
    logging.getLogger("some.library").warning("token=%s", SECRET)

    (event,) = events(log_file)
    assert event["event"] == "token=***"
    assert event["logger"] == "some.library"


def test_a_traceback_carries_no_secret(log_file: Path) -> None:
    try:
        raise ValueError(f"GET /fapi/v1/order?signature={SECRET}")  # noqa: EM102
    except ValueError:
        structlog.get_logger("m").exception("stream.failed", url=f"wss://x/ws/{SECRET}")

    assert SECRET not in log_file.read_text()
    assert "ValueError" in events(log_file)[0]["exception"]


def test_the_requests_of_http_libraries_are_not_told(log_file: Path) -> None:
    logging.getLogger("urllib3.connectionpool").debug("GET /fapi/v1/order")

    assert not log_file.exists()


def test_context_is_bound_once(log_file: Path) -> None:
    with structlog.contextvars.bound_contextvars(account=7):
        structlog.get_logger("m").info("stream.connected")

    assert events(log_file)[0]["account"] == 7


def test_a_full_file_makes_room(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    handler = SharedRotatingFileHandler(path, size=100, count=2)
    record = logging.LogRecord("n", logging.INFO, "p", 1, "x" * 99, (), None)

    for _ in range(5):
        handler.emit(record)
    handler.close()

    assert sorted(file.name for file in tmp_path.glob("app.log*")) == [
        "app.log",
        "app.log.1",
        "app.log.2",
        "app.log.lock",
    ]


def test_processes_that_rotate_one_file_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    command = [sys.executable, "-c", APPENDER, str(path)]
    root = Path(__file__).parents[3]

    writers = [
        subprocess.Popen([*command, name], cwd=root, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        for name in "abc"
    ]
    for writer in writers:
        assert writer.stdout
        writer.stdout.readline()
    complaints = together(writers)

    lines = [line for file in tmp_path.glob("app.log*") for line in file.read_text().splitlines()]
    rotated = list(tmp_path.glob("app.log.[0-9]*"))
    assert complaints == [b""] * 3
    assert len(lines) == len(set(lines)) == 6000
    assert len(rotated) > 10
    assert min(file.stat().st_size for file in rotated) >= 6_000
