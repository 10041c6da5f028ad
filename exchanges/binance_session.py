"""
Binance spot's credential for a private stream: a signed subscription on the WebSocket API.

Policy: spot has no listen key (since 2026-02-20). Each connection is told once whose events it is
to carry, by a message good for any kind of key, and carries them as long as it lasts; there is
nothing to prolong. The exchange ends it after 24 hours, or earlier with a word (`serverShutdown`);
a second connection is made before. A refused time means that our clock is off: it is measured and
the next attempt is right.

Sources: Spot "WebSocket API: User Data Stream requests", "User Data Streams" (2026).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import structlog

from exchanges.binance_errors import Failure, classify
from exchanges.binance_signatures import payload, signature
from exchanges.binance_spot_frames import SHUTDOWN, TERMINATED
from exchanges.binance_websocket import parse
from exchanges.connection import Heard
from exchanges.errors import ClockSkewed, MalformedMessage, TransientError
from exchanges.messages import CredentialExpired, IgnoredMessage, MarketType
from exchanges.rest import ClockedRestClient
from exchanges.stream_credential import Door
from exchanges.wire import an_object, decode

if TYPE_CHECKING:
    from exchanges.connection import Connection
    from exchanges.credentials import Credentials
    from exchanges.messages import Message
    from exchanges.rest import RestClient
    from exchanges.wire import Fields

log = structlog.get_logger(__name__)

PRODUCTION_URL: Final = "wss://ws-api.binance.com:443"
METHOD: Final = "userDataStream.subscribe.signature"
#: How long after its timestamp the request may still be executed.
RECEIVE_WINDOW_MS: Final = 5000
_OK: Final = 200
_ENDINGS: Final = (TERMINATED.encode(), b'"status"')


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What came for our request."""

    status: int
    error: Fields


class SignedSubscription:
    """Subscribes on every connection. Implements `stream_credential.StreamCredential`."""

    refresh_after = None

    def __init__(
        self, client: RestClient, credentials: Credentials, *, base_url: str | None = None
    ) -> None:
        """`client` knows the exchange's clock. `base_url` None means the exchange itself."""
        self._client, self._credentials = client, credentials
        self._base_url = (base_url or PRODUCTION_URL).rstrip("/")

    def door(self) -> Door:
        """Say where to connect; what proves who we are is said there."""
        return Door(url=f"{self._base_url}/ws-api/v3?returnRateLimits=false")

    def greet(self, connection: Connection, timeout: float) -> tuple[bytes, ...]:
        """Subscribe and await the answer; returns what came before it.

        Raises what `binance_errors` makes of a refusal, TransientError if no answer comes.
        """
        number = uuid4().hex
        connection.send(json.dumps(self._request(number)))
        heard: list[bytes] = []
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            answer = _await(connection, number, heard)
            if answer is not None:
                self._check(answer)
                log.info("stream.subscribed", note="WebSocket subscribed")
                return tuple(heard)
        msg = "the subscription was not answered"
        raise TransientError(msg)

    def heartbeat(self) -> str | None:
        """Let ping frames do."""
        return None

    def refresh(self) -> bool:
        """Know nothing to prolong."""
        return True

    def has_expired(self, raw: bytes) -> bool:
        """Tell whether this frame ends the subscription, or says that the key is good no more."""
        return any(mark in raw for mark in _ENDINGS) and isinstance(_told(raw), CredentialExpired)

    def is_ending(self, raw: bytes) -> bool:
        """Tell whether this frame announces that the server goes away."""
        if SHUTDOWN.encode() not in raw:
            return False
        told = _told(raw)
        return isinstance(told, IgnoredMessage) and told.event == SHUTDOWN

    def _request(self, number: str) -> dict[str, object]:
        client = self._client
        offset = client.clock_offset_ms if isinstance(client, ClockedRestClient) else 0
        parameters: dict[str, object] = {
            "apiKey": self._credentials.api_key,
            "recvWindow": RECEIVE_WINDOW_MS,
            "timestamp": time.time_ns() // 1_000_000 - offset,
        }
        signed = signature(self._credentials.api_secret, payload(parameters))
        return {"id": number, "method": METHOD, "params": parameters | {"signature": signed}}

    def _check(self, answer: _Answer) -> None:
        if answer.status == _OK:
            return
        error = classify(failure_of(answer.status, answer.error))
        if isinstance(error, ClockSkewed):
            self._client.fetch_server_time()
        raise error


def failure_of(status: int, error: Fields) -> Failure:
    """Read the error of an answer on the socket; when to come back is told as a time."""
    code, text, data = error.get("code"), error.get("msg"), error.get("data")
    retry_at = data.get("retryAfter") if isinstance(data, dict) else None
    return Failure(
        status=status,
        code=str(code) if type(code) is int else "",
        text=text if isinstance(text, str) else "",
        retry_after=max(0.0, retry_at / 1000 - time.time()) if type(retry_at) is int else None,
        changes_orders=False,
    )


def _await(connection: Connection, number: str, heard: list[bytes]) -> _Answer | None:
    """Take the next frame: the answer, or something to keep for later."""
    received = connection.receive()
    if received is None or received[0] is not Heard.DATA:
        return None
    answer = _answer_to(number, received[1])
    if answer is None:
        heard.append(received[1])
    return answer


def _answer_to(number: str, raw: bytes) -> _Answer | None:
    try:
        frame = an_object(decode(raw))
    except MalformedMessage:
        return None
    status, error = frame.get("status"), frame.get("error", {})
    # a refusal to nobody is ours, too: nothing else was asked
    if frame.get("id", "") not in (number, None) or type(status) is not int:
        return None
    return _Answer(status=status, error=error if isinstance(error, dict) else {})


def _told(raw: bytes) -> Message | None:
    try:
        return parse(MarketType.SPOT, raw)[0]
    except MalformedMessage:
        return None
