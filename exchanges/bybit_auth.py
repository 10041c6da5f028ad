"""
Bybit's way in: a signed message on the fresh connection, good for as long as it lasts.

Policy: there is no listen key and nothing to extend; what proves the session alive is Bybit's
answer to a text ping, which it wants every 20 seconds. The message names a time after which it is
not to be believed: ten seconds from now by Bybit's clock, because one second, as in its examples,
is refused as soon as a network is slow. Subscriptions name their category, since a stream serves
one market type, and the two forms of topics must not be mixed. Nothing of positions and the wallet
is subscribed: holdings are asked for, and Bybit repeats positions at every order.

Sources: v5 "Connect", "Order", "Execution" (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from exchanges.bybit_vocabulary import CATEGORIES
from exchanges.connection import Heard
from exchanges.errors import AuthenticationError, MalformedMessage, TransientError
from exchanges.rest import ClockedRestClient
from exchanges.stream_credential import Door
from exchanges.understanding import shown
from exchanges.wire import an_object, decode, milliseconds, optional_text

if TYPE_CHECKING:
    from exchanges.connection import Connection
    from exchanges.credentials import Credentials
    from exchanges.messages import MarketType
    from exchanges.rest import RestClient
    from exchanges.wire import Fields

log = structlog.get_logger(__name__)

PRODUCTION_URL: Final = "wss://stream.bybit.com"
_PATH: Final = "/v5/private"
_VALID_MS: Final = 10_000
_CLOCK_TIMEOUT: Final = 3.0
_AUTH, _SUBSCRIBE, _PING = "auth", "subscribe", "ping"
TOPICS: Final = ("order", "execution")
#: what is said of a time that has passed or of a message that is none; any other is about the key
_NOT_THE_KEY: Final = ("params error", "expire", "timestamp")
_SUCCESS: Final = b'"success"'
_PONG: Final = b'"pong"'


class AuthMessage:
    """Says who we are on every connection. Implements `StreamCredential`, `TextHeartbeat`."""

    refresh_after: float | None = None

    def __init__(
        self,
        credentials: Credentials,
        client: RestClient,
        *,
        market_type: MarketType,
        base_url: str = PRODUCTION_URL,
    ) -> None:
        self._credentials, self._client = credentials, client
        self._market_type = market_type
        self._url = base_url.rstrip("/") + _PATH

    def door(self) -> Door:
        """Say where to connect, and see what time it is there."""
        try:
            self._client.fetch_server_time(timeout=_CLOCK_TIMEOUT)
        except TransientError as error:
            log.warning("stream.clock_not_measured", note="WebSocket auth", reason=str(error))
        return Door(url=self._url)

    def greet(self, connection: Connection, timeout: float) -> tuple[bytes, ...]:
        """Say who we are, then subscribe; each once the one before was answered."""
        deadline = time.monotonic() + timeout
        connection.send(_request(_AUTH, *self._proof()))
        heard = _answered(connection, _AUTH, deadline)
        category = CATEGORIES[self._market_type]
        connection.send(_request(_SUBSCRIBE, *(f"{topic}.{category}" for topic in TOPICS)))
        return heard + _answered(connection, _SUBSCRIBE, deadline)

    def _proof(self) -> tuple[str, int, str]:
        client = self._client
        offset = client.clock_offset_ms if isinstance(client, ClockedRestClient) else 0
        expires = milliseconds(datetime.now(UTC)) - offset + _VALID_MS
        credentials = self._credentials
        return credentials.api_key, expires, signature(credentials.api_secret, expires)

    def heartbeat(self) -> str | None:
        """Give the ping Bybit counts: a text message."""
        return _request(_PING)

    def is_pong(self, raw: bytes) -> bool:
        """Tell whether this frame answers our ping."""
        frame = _protocol(raw) if _PONG in raw else None
        return frame is not None and frame.get("op") == "pong"

    def refresh(self) -> bool:
        """Say that nothing has to be prolonged."""
        return True

    def has_expired(self, raw: bytes) -> bool:
        """Tell whether this frame refuses what we said: then nothing more will come."""
        if _SUCCESS not in raw:
            return False
        frame = _protocol(raw)
        return frame is not None and frame.get("success") is False

    def is_ending(self, raw: bytes) -> bool:
        """Never: this stream does not announce its end."""
        del raw
        return False


def signature(secret: str, expires: int) -> str:
    """Sign the time until which we are to be believed; with RSA if the secret is such a key.

    Raises AuthenticationError for a secret that is a key of another kind.
    """
    said = f"GET/realtime{expires}".encode()
    if "PRIVATE KEY" not in secret:
        return hmac.new(secret.encode(), said, hashlib.sha256).hexdigest()
    try:
        key = load_pem_private_key(secret.encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        msg = "the secret is no RSA key"
        raise AuthenticationError(msg)
    signed = key.sign(said, padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(signed).decode()


def _request(operation: str, *arguments: object) -> str:
    said: dict[str, object] = {"req_id": operation, "op": operation}
    return json.dumps(said | ({"args": arguments} if arguments else {}))


def _answered(connection: Connection, operation: str, deadline: float) -> tuple[bytes, ...]:
    """Wait for the answer to an operation; returns the data that came before it."""
    heard: list[bytes] = []
    while time.monotonic() < deadline:
        came = connection.receive()
        if came is None or came[0] is Heard.CONTROL:
            continue
        answer = _protocol(came[1])
        if answer is None:
            heard.append(came[1])
        elif answer.get("op") == operation or answer.get("success") is False:
            _require(answer, operation)
            return tuple(heard)
    msg = f"no answer to {operation}"
    raise TransientError(msg)


def _protocol(raw: bytes) -> Fields | None:
    """Read a frame if it is no data."""
    try:
        frame = an_object(decode(raw))
    except MalformedMessage:
        return None
    return None if "topic" in frame else frame


def _require(answer: Fields, operation: str) -> None:
    if answer.get("success") is True:
        return
    try:
        reason = shown(optional_text(answer, "ret_msg"))
    except MalformedMessage:
        reason = ""
    is_key = operation == _AUTH and not any(hint in reason.lower() for hint in _NOT_THE_KEY)
    msg = f"{operation} was refused: {reason or 'no reason given'}"
    raise (AuthenticationError if is_key else TransientError)(msg)
