"""
Upbit's way in: a token in the handshake, good for the connection, then one subscription.

Policy: there is no key to extend and nothing that expires while the connection lasts. Upbit does
not acknowledge a subscription, it only objects to a bad one; so we ask on the same connection for
the list of subscriptions, whose answer can only come after an objection would have. Should a
server not answer that, a pong and a moment without an objection will do. Upbit ends a connection
on which nothing is said for 120 seconds; the stream's own pings come much more often.

Sources: docs.upbit.com, "WebSocket guide", "Authentication", "List subscriptions" (2026).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Final

from exchanges.connection import Heard
from exchanges.errors import AuthenticationError, MalformedMessage, PermanentError, TransientError
from exchanges.messages import CredentialExpired, MarketType
from exchanges.stream_credential import Door
from exchanges.upbit_token import token
from exchanges.upbit_websocket import ASSET, ERROR, ORDER, REFUSALS, parse
from exchanges.wire import an_object, decode, text

if TYPE_CHECKING:
    from exchanges.connection import Connection
    from exchanges.credentials import Credentials

PRODUCTION_URL: Final = "wss://api.upbit.com"
_PATH: Final = "/websocket/v1/private"
_FORMAT: Final = {"format": "DEFAULT"}
#: how long after a pong an objection may still come
_GRACE: Final = 1.0
_ERROR: Final = b'"error"'
_ANSWER: Final = b'"method"'


class HandshakeToken:
    """Shows a fresh token at the door. Implements `stream_credential.StreamCredential`."""

    refresh_after: float | None = None

    def __init__(self, credentials: Credentials, *, base_url: str = PRODUCTION_URL) -> None:
        self._credentials = credentials
        self._url = base_url.rstrip("/") + _PATH

    def door(self) -> Door:
        """Say where to connect, with a token made for this connection."""
        headers = {"Authorization": f"Bearer {token(self._credentials)}"}
        return Door(url=self._url, headers=headers)

    def greet(self, connection: Connection, timeout: float) -> tuple[bytes, ...]:
        """Subscribe to orders and balances, and see that nobody objects."""
        connection.send(_request({"type": ORDER}, {"type": ASSET}))
        connection.send(_request({"method": "LIST_SUBSCRIPTIONS"}))
        connection.ping()
        heard: list[bytes] = []
        is_alive, deadline = False, time.monotonic() + timeout
        while time.monotonic() < deadline:
            frame = connection.receive()
            if frame is None:
                continue
            if frame[0] is Heard.CONTROL:
                is_alive, deadline = True, min(deadline, time.monotonic() + _GRACE)
            elif _is_answer(frame[1]):
                return tuple(heard)
            else:
                heard.append(frame[1])
        if is_alive:
            return tuple(heard)
        msg = "no answer to the subscription"
        raise TransientError(msg)

    def heartbeat(self) -> str | None:
        """Let ping frames do."""
        return None

    def refresh(self) -> bool:
        """Say that nothing has to be prolonged."""
        return True

    def has_expired(self, raw: bytes) -> bool:
        """Tell whether this frame says that we are not believed any more."""
        if _ERROR not in raw:
            return False
        try:
            messages = parse(MarketType.SPOT, raw)
        except MalformedMessage:
            return False
        return any(isinstance(message, CredentialExpired) for message in messages)

    def is_ending(self, raw: bytes) -> bool:
        """Never: this stream does not announce its end."""
        del raw
        return False


def _request(*parts: dict[str, str]) -> str:
    return json.dumps([{"ticket": str(uuid.uuid4())}, *parts, _FORMAT])


def _is_answer(raw: bytes) -> bool:
    """Tell whether this frame answers us; raises if it does so by refusing."""
    if _ERROR not in raw and _ANSWER not in raw:
        return False
    try:
        frame = an_object(decode(raw))
        if ERROR not in frame:
            return "method" in frame
        name = text(an_object(frame[ERROR]), "name")
    except MalformedMessage:
        return False
    kind = AuthenticationError if name in REFUSALS else PermanentError
    msg = f"the subscription was refused: {name}"
    raise kind(msg, code=name)
