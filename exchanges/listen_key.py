"""
Binance's credential for a private stream: a key that lives an hour unless it is extended.

USD-M and COIN-M have such a key each, and each a host and a form of URL of its own.

Policy: every connection asks for the key anew (the exchange answers with the living one and
extends it), so that no stale key is ever dialled. It is never deleted: it is one key for the
account, and deleting it would end every other stream of the account. USD-M's URL names the events
twice over, because production delivers nothing without `events=` and sources differ about the
spelling of the algo event; COIN-M's names the key alone.

Sources: USD-M and COIN-M "User Data Streams", "Important WebSocket Change Notice" (2026).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import structlog

from exchanges.binance_frames import IGNORED
from exchanges.binance_websocket import parse
from exchanges.errors import ExchangeError, MalformedMessage
from exchanges.messages import CredentialExpired, MarketType
from exchanges.stream_credential import Door

if TYPE_CHECKING:
    from datetime import timedelta

    from exchanges.connection import Connection
    from exchanges.rest import KeyedRestClient

log = structlog.get_logger(__name__)

PRODUCTION_URLS: Final = {
    MarketType.FUTURES: "wss://fstream.binance.com",
    MarketType.COIN_FUTURES: "wss://dstream.binance.com",
}
EVENTS: Final = (
    "ORDER_TRADE_UPDATE",
    "ACCOUNT_UPDATE",
    "TRADE_LITE",
    "ALGO_UPDATE",
    "ALGO_ORDER_UPDATE",
    "listenKeyExpired",
    *sorted(IGNORED),
)
_EXPIRED: Final = b"listenKeyExpired"


class ListenKey:
    """Obtains and extends the key. Implements `stream_credential.StreamCredential`."""

    def __init__(
        self,
        client: KeyedRestClient,
        *,
        refresh_after: timedelta | None,
        base_url: str | None = None,
        market_type: MarketType = MarketType.FUTURES,
    ) -> None:
        """`base_url` None means the exchange itself."""
        self.refresh_after = refresh_after.total_seconds() if refresh_after else None
        self._client, self._market_type = client, market_type
        self._base_url = (base_url or PRODUCTION_URLS[market_type]).rstrip("/")
        self._key = ""

    def door(self) -> Door:
        """Obtain the key and say where to connect. Raises what the REST client raises."""
        self._key = self._client.create_listen_key()
        log.info("listen_key.obtained", note="Listen Key obtained")
        key = quote(self._key, safe="")
        if self._market_type is MarketType.COIN_FUTURES:
            return Door(url=f"{self._base_url}/ws/{key}")
        return Door(url=f"{self._base_url}/private/ws?listenKey={key}&events={'/'.join(EVENTS)}")

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
        try:
            key = self._client.extend_listen_key()
        except ExchangeError as error:
            log.warning(
                "listen_key.refresh_failed", note="Listen Key not refreshed", reason=str(error)
            )
            raise
        log.info("listen_key.refreshed", note="Listen Key refreshed")
        return key in ("", self._key)

    def has_expired(self, raw: bytes) -> bool:
        """Tell whether this frame is the end of the key. Cheap for every other frame."""
        if _EXPIRED not in raw:
            return False
        try:
            messages = parse(self._market_type, raw)
        except MalformedMessage:
            return False
        return any(isinstance(message, CredentialExpired) for message in messages)

    def is_ending(self, raw: bytes) -> bool:
        """Never: this stream does not announce its end."""
        del raw
        return False
