"""
The process that talks to one channel: reads a job from its input, says line by line what was sent.

A process of its own, because nothing else can be stopped for certain: a receiver may answer a byte
a second for ever. It is started without our environment, so it has no secret but the one address,
which comes by its input and never by its command line. What goes wrong is said in our own few
words: a library's may hold the address, and with it a token or a password.

Every connection is looked at as it is made, after names were resolved and redirects followed:
nothing on this machine or in its networks is reached, unless the job allows it.

Imports nothing of the application, and is run as a file.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import sys
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from apprise.plugins.base import NotifyBase

NOT_UNDERSTOOD: Final = "the address is not understood: see the services of apprise"
NOT_ALLOWED: Final = "the address has a part that is not allowed"
IS_PRIVATE: Final = "the address leads into a private network, which is not allowed"
UNREACHABLE: Final = "the receiver could not be reached, or did not answer in time"

#: what makes apprise read a file, or an address of its own, and send what it finds
READS_FILES: Final = frozenset({"template", "pgp", "pgppub", "pgpkey", "keyfile", "subfile"})
#: 64:ff9b::/96 holds an IPv4 address in its last four bytes
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_STATUS: Final = re.compile(r"error=(\d{3})\b")


class RefusedError(OSError):
    """A connection that is not allowed. An OSError, which every client takes as one that failed."""


class Guard:
    """Looks at each connection of this process before it is made."""

    def __init__(self) -> None:
        """Nothing was refused yet."""
        self.refused = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Refuse what is not on the public Internet. Raises RefusedError."""
        if event in {"socket.connect", "socket.sendto"} and not is_public(arguments[1]):
            self.refused = True
            raise RefusedError


def is_public(address: object) -> bool:
    """Whether a socket's address is one of the public Internet; a name or a path is not."""
    if not isinstance(address, tuple):
        return False
    try:
        found = ipaddress.ip_address(str(address[0]).partition("%")[0])
    except ValueError:
        return False
    inner = _inside(found) if isinstance(found, ipaddress.IPv6Address) else None
    return all(one.is_global and not one.is_multicast for one in (found, inner) if one is not None)


def _inside(found: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Give the IPv4 address that an IPv6 address stands for."""
    if found in _NAT64:
        return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found.ipv4_mapped or found.sixtofour


class Words(logging.Handler):
    """Keeps the one thing of apprise's log that may be told: the status of an answer."""

    def __init__(self) -> None:
        """Nothing was heard yet."""
        super().__init__(logging.WARNING)
        self.status = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Look for the status."""
        if found := _STATUS.search(record.getMessage()):
            self.status = found[1]


def receiver(job: dict[str, Any]) -> NotifyBase | str:
    """Give what sends to the job's address, or why there is nothing."""
    import apprise  # noqa: PLC0415 - takes a quarter of a second, here only
    from apprise import plugins  # noqa: PLC0415

    understand: Callable[[str], dict[str, Any] | None] = plugins.url_to_dict
    parts = understand(job["url"])
    if not parts:
        return NOT_UNDERSTOOD
    asked = {name.lower() for name in parts.get("qsd", {})}
    if parts["schema"] not in job["schemes"] or not asked.isdisjoint(READS_FILES):
        return NOT_ALLOWED
    terms = {"rto": job["timeout"], "cto": job["timeout"], "redirect": "no", "retry": "0"}
    asset = apprise.AppriseAsset(app_id="Order Track", async_mode=False)
    # a text that is too long for a service goes in pieces
    found = apprise.Apprise.instantiate({**parts, **terms, "overflow": "split"}, asset=asset)
    return found or NOT_UNDERSTOOD


def main() -> None:
    """Do the job. Each line out is `sent`, or why that message was not; then nothing follows."""
    job = json.load(sys.stdin)
    until = time.monotonic() + job["seconds"]
    words, guard = Words(), Guard()
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.addHandler(words)
    if not job["allow_private"]:
        sys.addaudithook(guard)
    found = receiver(job)
    if isinstance(found, str):
        say(error=found)
        return
    say(understood=True)
    for place, message in enumerate(job["messages"]):
        # apprise waits so long between two messages to some services
        pause = found.request_rate_per_sec if place else 0
        if time.monotonic() + pause > until:
            return
        words.status = ""
        if not found.notify(title=message["title"], body=message["text"]):
            say(error=what_failed(guard, words))
            return
        say(sent=True)


def what_failed(guard: Guard, words: Words) -> str:
    """Say why a message did not go, in words of ours."""
    if guard.refused:
        return IS_PRIVATE
    return f"the receiver answered {words.status}" if words.status else UNREACHABLE


def say(**told: object) -> None:
    """Tell whoever started this."""
    print(json.dumps(told), flush=True)  # noqa: T201 - a line of the protocol


if __name__ == "__main__":
    main()
