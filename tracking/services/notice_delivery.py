"""
Sending to one channel, with an end: the messenger's process is killed when its time is up.

The process costs about half a second of a core, once for all messages of a channel's round.

@FEAT:order-tracking @COMP:service @TYPE:integration
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings

from tracking.services import notice_messenger

if TYPE_CHECKING:
    from collections.abc import Sequence

#: schemes of apprise that show, write or print here instead of sending, whatever the setting says
LOCAL: Final = frozenset(
    {"blink1", "dbus", "glib", "gnome", "kde", "macosx", "qt", "rsyslog", "syslog", "windows"}
)
#: seconds after which no further message is begun, and after which the process is killed
BEGIN_UNTIL: Final = 8.0
KILL_AFTER: Final = 14.0
#: what a message in its turn may wait for a connection, and for an answer
ANSWER_WITHIN: Final = 4.0
#: of our environment: what a client needs to reach the Internet from here, and nothing secret
PASSED_ON: Final = frozenset(
    {
        "PATH",
        "SYSTEMROOT",
        "TZ",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
    }
)
NO_ANSWER: Final = f"no answer within {KILL_AFTER:.0f} s"
BROKE_OFF: Final = "the messenger broke off: the service's plugin may not work with this address"

NOT_STARTED: Final = "the messenger could not be started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The first `sent` messages went; `error` is why the next did not, "" if it was not begun."""

    sent: int
    error: str = ""


def deliver(url: str, messages: Sequence[Message]) -> Delivery:
    """Send messages one after the other, and end at the first that fails. Never raises."""
    told = _talk(url, [{"title": m.title, "text": m.text} for m in messages])
    return Delivery(
        sent=sum("sent" in line for line in told),
        error=next((str(line["error"]) for line in told if "error" in line), ""),
    )


def why_not_understood(url: str) -> str:
    """Say why nothing could be sent to an address; "" if it can. Sends nothing."""
    return deliver(url, ()).error


def schemes() -> list[str]:
    """Give the schemes an address may have."""
    names = (name.strip().lower() for name in settings.NOTICE_SCHEMES)
    return [name for name in names if name not in LOCAL]


def _talk(url: str, messages: list[dict[str, str]]) -> list[dict[str, object]]:
    job = {
        "url": url,
        "messages": messages,
        "schemes": schemes(),
        "allow_private": settings.NOTICE_ALLOW_PRIVATE,
        "seconds": BEGIN_UNTIL,
        "timeout": ANSWER_WITHIN,
    }
    # isolated: neither our folder nor PYTHON… variables decide what it imports
    command = [sys.executable, "-I", notice_messenger.__file__]
    try:
        # the address goes by its input: a command line is for everybody to read
        done = subprocess.run(
            command,
            input=json.dumps(job).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=KILL_AFTER,
            check=False,
            env={name: value for name, value in os.environ.items() if name.upper() in PASSED_ON},
        )
    except subprocess.TimeoutExpired as error:
        return [*_lines(error.stdout), {"error": NO_ANSWER}]
    except OSError:
        return [{"error": NOT_STARTED}]
    told = _lines(done.stdout)
    return [*told, {"error": BROKE_OFF}] if done.returncode else told


def _lines(output: bytes | None) -> list[dict[str, object]]:
    """Read what the messenger said; a plugin may print, too, and be killed while it does."""
    return [told for line in (output or b"").splitlines() if isinstance(told := _json(line), dict)]


def _json(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None
