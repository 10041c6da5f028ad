"""
How a private stream proves whose it is: the part of a stream that is each exchange's own.

Four ways are in use (`adapter.SessionCredential`). `PrivateStream` knows none of them: it opens
the door it is shown, lets the credential greet, and asks about frames what only the exchange's
protocol tells.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exchanges.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where to connect, and what to show there. Neither is ever printed: both hold secrets."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class StreamCredential(Protocol):
    """One account's way in. Methods raise the errors of `exchanges.errors`."""

    @property
    def refresh_after(self) -> float | None:
        """Seconds after which `refresh` is due, again and again; None for never."""

    def door(self) -> Door:
        """Obtain what is needed and say where to connect; asked anew for every connection."""

    def greet(self, connection: Connection, timeout: float) -> tuple[bytes, ...]:
        """Say on a fresh connection who we are and what we want to hear, and await the answers.

        Returns the frames that came in between and were none of the answers. Raises
        AuthenticationError if we are refused, TransientError if the answers do not come within
        `timeout` seconds, ConnectionEndedError. Where the door says it all: returns ().
        """

    def heartbeat(self) -> str | None:
        """Give the text that keeps the connection alive; None: a ping frame does."""

    def refresh(self) -> bool:
        """Prolong it; False if what we are connected with is no longer it."""

    def has_expired(self, raw: bytes) -> bool:
        """Tell whether this frame says that no more will come. Cheap for every other frame."""

    def is_ending(self, raw: bytes) -> bool:
        """Tell whether this frame announces the connection's end: a second one is made now."""


@runtime_checkable
class TextHeartbeat(Protocol):
    """A credential whose heartbeat is answered with a text."""

    def is_pong(self, raw: bytes) -> bool:
        """Tell whether this frame is such an answer. Cheap for every other frame."""


def pong_test(credential: StreamCredential) -> Callable[[bytes], bool]:
    """Return what tells the answers to our heartbeat: signs of life, but of no event.

    A stream that only answers pings must not pass for one that tells of the account.
    """
    if isinstance(credential, TextHeartbeat):
        return credential.is_pong
    return lambda _raw: False
