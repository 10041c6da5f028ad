"""
Binance's credential for a private stream: a key that lives an hour unless it is extended.

Policy: every connection asks for the key anew (the exchange answers with the living one and
extends it), so that no stale key is ever dialled. It is never deleted: it is one key for the
account, and deleting it would end every other stream of the account. The URL names the events
twice over, because production delivers nothing without `events=` and sources differ about the
spelling of the algo event.

Sources: USD-M "User Data Streams", "Important WebSocket Change Notice" (2026).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import structlog

from exchanges.binance_websocket import IGNORED_EVENTS, parse
from exchanges.errors import MalformedMessage
from exchanges.messages import CredentialExpired, MarketType
from exchanges.stream_credential import Door

if TYPE_CHECKING:
    from datetime import timedelta

    from exchanges.connection import Connection
    from exchanges.rest import RestClient

log = structlog.get_logger(__name__)

PRODUCTION_URL: Final = "wss://fstream.binance.com"
EVENTS: Final = (
    "ORDER_TRADE_UPDATE",
    "ACCOUNT_UPDATE",
    "TRADE_LITE",
    "ALGO_UPDATE",
    "ALGO_ORDER_UPDATE",
    "listenKeyExpired",
    *sorted(IGNORED_EVENTS),
)
_EXPIRED: Final = b"listenKeyExpired"


class ListenKey:
    """Obtains and extends the key. Implements `stream_credential.StreamCredential`."""

    def __init__(
        self,
        client: RestClient,
        *,
        refresh_after: timedelta | None,
        base_url: str = PRODUCTION_URL,
    ) -> None:
        self.refresh_after = refresh_after.total_seconds() if refresh_after else None
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._key = ""

    def door(self) -> Door:
        """Obtain the key and say where to connect. Raises what the REST client raises."""
        self._key = self._client.create_listen_key()
        log.info("listen_key.obtained", note="Listen Key obtained")
        return Door(
            url=f"{self._base_url}/private/ws?listenKey={quote(self._key, safe='')}"
            f"&events={'/'.join(EVENTS)}"
        )

    def greet(self, connection: Connection, timeout: float) -> tuple[bytes, ...]:
        """Say nothing: the door says it all."""
        del connection, timeout
        return ()

    def heartbeat(self) -> str | None:
        """Let ping frames do."""
        return None

    def refresh(self) -> bool:
        """Extend the key; tell whether it is still the one we are connected with.

        Raises ListenKeyGone when there is none any more, or that it could not be asked.
        """
        key = self._client.extend_listen_key()
        log.info("listen_key.refreshed", note="Listen Key refreshed")
        return key in ("", self._key)

    def has_expired(self, raw: bytes) -> bool:
        """Tell whether this frame is the end of the key. Cheap for every other frame."""
        if _EXPIRED not in raw:
            return False
        try:
            messages = parse(MarketType.FUTURES, raw)
        except MalformedMessage:
            return False
        return any(isinstance(message, CredentialExpired) for message in messages)

    def is_ending(self, raw: bytes) -> bool:
        """Never: this stream does not announce its end."""
        del raw
        return False
