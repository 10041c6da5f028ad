"""
One log, twice: to stderr for people, and as JSON lines in a file that rotates.

An event has a constant name (`noun.past_participle`) and its circumstances as fields; words for
those who search the file go into `note`, never into the name:

    log.info("fill.processed", note="체결 처리: 0.5 BTC/USDT:USDT", client_order_id=...)

Nothing secret leaves here: keys, signatures and listen keys are struck out of names, values,
arguments and tracebacks, whoever wrote them.

Note [Many processes, one file]
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
All processes append to `app.log`. A line is one `write` to a descriptor opened with O_APPEND, which
the kernel does not interleave. Whoever finds the file full takes the lock of `app.log.lock`, looks
again, and renames; the others notice before their next line that the name means another file now
and open that one. (The standard rotating handlers rename under each other's feet.)
"""

from __future__ import annotations

import fcntl
import logging
import logging.handlers
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import structlog

from ordertrack.scrubbing import scrub

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

FILE_NAME = "app.log"
FILE_SIZE = 10_000_000
FILE_COUNT = 5
#: where a record keeps its rendered line
RENDERED = "_ordertrack_line"

#: who tells each request, address and all, or each task twice, below WARNING
CHATTY = (
    "aiohttp.access",
    "asyncio",
    "celery.app.trace",
    "celery.beat",
    "celery.worker.strategy",
    "requests",
    "urllib3",
    "uvicorn.access",
    "websocket",
)
#: who warns of what is usual: a browser that left its live page, a worker not yet there for Flower
ALARMIST = ("django_structlog.middlewares.request", "flower.inspector")
#: who brings handlers of its own
OWN_HANDLERS = ("django", "django.server", "uvicorn", "uvicorn.error")
#: what others attach to their records for their own formatters
FOREIGN_EXTRAS = ("asctime", "color", "color_message", "end_color", "message", RENDERED)


class LogSettings(TypedDict):
    """Django's LOGGING, as `configure` wants it."""

    level: str
    #: where the file goes; "" for no file
    directory: str
    #: pretty, json, or auto: pretty on a terminal
    console: str
    #: the least level the console shows; unset: as `level`
    console_level: NotRequired[str]


class SharedRotatingFileHandler(logging.handlers.WatchedFileHandler):
    """A file that many processes append to and any of them rotates.

    See Note [Many processes, one file].
    """

    def __init__(self, path: Path, *, size: int = FILE_SIZE, count: int = FILE_COUNT) -> None:
        """Keep `count` old files of about `size` bytes beside `path`."""
        super().__init__(path, encoding="utf-8", delay=True)
        self.path, self.size, self.count = path, size, count

    def emit(self, record: logging.LogRecord) -> None:
        """Append one line, to a fresh file if this one is full."""
        try:
            if self.is_full():
                self.rotate()
        except OSError:
            self.handleError(record)
        super().emit(record)

    def is_full(self) -> bool:
        """Whether the file has reached its size; no file, just moved away, has not."""
        try:
            return self.path.stat().st_size >= self.size
        except FileNotFoundError:
            return False

    def rotate(self) -> None:
        """Move each file one number up, unless another process just has."""
        with Path(f"{self.path}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.is_full():
                return
            for number in reversed(range(1, self.count)):
                older = Path(f"{self.path}.{number}")
                if older.exists():
                    older.rename(f"{self.path}.{number + 1}")
            self.path.rename(f"{self.path}.1")


class OnceFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders a record once, however many handlers write it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, kept on the record."""
        line: str | None = getattr(record, RENDERED, None)
        if line is None:
            line = super().format(record)
            setattr(record, RENDERED, line)
        return line


def configure(settings: LogSettings) -> None:
    """Send everything, structlog's and the standard library's, through the same processors."""
    as_json = OnceFormatter(**_formatting(_json()))
    console = _console(settings["console"], as_json)
    console.setLevel((settings.get("console_level") or settings["level"]).upper())
    handlers: list[logging.Handler] = [console]
    if settings["directory"]:
        handlers.append(_file(Path(settings["directory"]), as_json))
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(handler)
            handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(settings["level"].upper())
    logging.captureWarnings(capture=True)
    _tame_others()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_described(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _tame_others() -> None:
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ALARMIST:
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def _described() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _console(how: str, as_json: logging.Formatter) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    colours = sys.stderr.isatty()
    if how == "pretty" or (how == "auto" and colours):
        pretty = structlog.dev.ConsoleRenderer(colors=colours)
        handler.setFormatter(structlog.stdlib.ProcessorFormatter(**_formatting(pretty)))
    else:
        handler.setFormatter(as_json)
    return handler


def _file(directory: Path, as_json: logging.Formatter) -> logging.Handler:
    directory.mkdir(parents=True, exist_ok=True)
    handler = SharedRotatingFileHandler(directory / FILE_NAME)
    handler.setFormatter(as_json)
    return handler


def _json() -> Processor:
    return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)


def _formatting(renderer: Processor) -> dict[str, Any]:
    return {
        "foreign_pre_chain": [
            *_described(),
            structlog.stdlib.ExtraAdder(),
            _drop_foreign_extras,
        ],
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.UnicodeDecoder(),
            strike_out_secrets,
            renderer,
        ],
    }


def _drop_foreign_extras(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for name in FOREIGN_EXTRAS:
        event.pop(name, None)
    return event


def strike_out_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Scrub the whole event, its traceback (a string by now) included."""
    scrubbed: dict[str, Any] = scrub(event)
    return scrubbed
