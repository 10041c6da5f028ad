"""The second of the two files `docs/adding-an-exchange.md` asks for: OKX's private stream."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Final

from exchanges.connection import Heard
from exchanges.errors import AuthenticationError, MalformedMessage, TransientError
from exchanges.messages import (
    ExecutionReport,
    IgnoredMessage,
    MarketType,
    OrderReport,
    OrderStatus,
    OrderType,
    Side,
    Source,
)
from exchanges.stream_credential import Door
from exchanges.wire import a_list, amount, an_object, decode, moment, optional_text, signed, text

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.adapter import StreamTerms
    from exchanges.connection import Connection
    from exchanges.messages import Message
    from exchanges.wire import Fields

PRODUCTION_URL: Final = "wss://ws.okx.com:8443"
_KINDS: Final = {
    MarketType.SPOT: ("SPOT", "MARGIN"),
    MarketType.FUTURES: ("SWAP", "FUTURES"),
    MarketType.COIN_FUTURES: ("SWAP", "FUTURES"),
}
_STATUSES: Final = {
    "live": OrderStatus.NEW,
    "partially_filled": OrderStatus.PARTIALLY_FILLED,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELLED,
    "mmp_canceled": OrderStatus.CANCELLED,
}


class Login:
    """A signed message at the beginning, then the orders channel."""

    refresh_after = None

    def __init__(self, terms: StreamTerms) -> None:
        self._keys, self._url = terms.credentials, terms.base_url or PRODUCTION_URL

    def door(self) -> Door:
        return Door(url=self._url + "/ws/v5/private")

    def greet(self, connection: Connection, timeout: float) -> tuple[bytes, ...]:
        now = str(int(time.time()))
        signature = hmac.new(
            self._keys.api_secret.encode(), f"{now}GET/users/self/verify".encode(), hashlib.sha256
        )
        arg = {"apiKey": self._keys.api_key, "passphrase": self._keys.api_password}
        arg |= {"timestamp": now, "sign": base64.b64encode(signature.digest()).decode()}
        deadline = time.monotonic() + timeout
        connection.send(json.dumps({"op": "login", "args": [arg]}))
        self._await(connection, "login", deadline)
        channel = {"channel": "orders", "instType": "ANY"}
        connection.send(json.dumps({"op": "subscribe", "args": [channel]}))
        self._await(connection, "subscribe", deadline)
        return ()

    def _await(self, connection: Connection, event: str, deadline: float) -> None:
        while time.monotonic() < deadline:
            heard = connection.receive()
            told = an_object(decode(heard[1])) if heard and heard[0] is Heard.DATA else {}
            if told.get("event") == event:
                return
            if told.get("event") == "error":
                raise AuthenticationError(code=text(told, "code"))
        msg = f"no answer to {event}"
        raise TransientError(msg)

    def heartbeat(self) -> str | None:
        return "ping"

    def refresh(self) -> bool:
        return True

    def has_expired(self, raw: bytes) -> bool:
        del raw
        return False

    def is_ending(self, raw: bytes) -> bool:
        return b'"event": "notice"' in raw


def concerns_orders(market_type: MarketType, raw: bytes | str) -> bool:
    del market_type
    return raw not in (b"pong", "pong")


def parse(market_type: MarketType, raw: bytes | str) -> list[Message]:
    if raw in (b"pong", "pong"):
        return [IgnoredMessage(event="pong")]
    try:
        frame = an_object(decode(raw))
        if "event" in frame:
            return [IgnoredMessage(event=text(frame, "event"))]
        rows = [an_object(row) for row in a_list(frame.get("data"))]
        return [_order(market_type, r) for r in rows if r.get("instType") in _KINDS[market_type]]
    except MalformedMessage as error:
        raise MalformedMessage(str(error), raw=raw) from None


def _order(market_type: MarketType, row: Fields) -> OrderReport:
    at = _moment(row, "uTime")
    return OrderReport(
        market_type=market_type,
        symbol_id=text(row, "instId"),
        exchange_order_id=text(row, "ordId"),
        client_order_id=optional_text(row, "clOrdId") or None,
        status=_STATUSES.get(text(row, "state")),
        exchange_status=text(row, "state"),
        side=Side(text(row, "side").upper()),
        order_type=OrderType.MARKET if row.get("ordType") == "market" else OrderType.LIMIT,
        quantity=amount(row, "sz"),
        price=amount(row, "px") if row.get("px") else None,
        filled_quantity=amount(row, "accFillSz"),
        average_price=(amount(row, "avgPx") or None) if row.get("avgPx") else None,
        exchange_updated_at=at,
        event_at=at,
        execution=_fill(market_type, row) if row.get("tradeId") else None,
    )


def _fill(market_type: MarketType, row: Fields) -> ExecutionReport:
    return ExecutionReport(
        market_type=market_type,
        symbol_id=text(row, "instId"),
        exchange_order_id=text(row, "ordId"),
        exchange_trade_id=text(row, "tradeId"),
        side=Side(text(row, "side").upper()),
        execution_price=amount(row, "fillPx"),
        execution_quantity=amount(row, "fillSz"),
        executed_at=_moment(row, "fillTime"),
        source=Source.WS,
        commission=-signed(row, "fillFee"),
        commission_asset=text(row, "fillFeeCcy"),
    )


def _moment(row: Fields, key: str) -> datetime:
    told = text(row, key)
    return moment({key: int(told) if told.isdigit() else told}, key)
