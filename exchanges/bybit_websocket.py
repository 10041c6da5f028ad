"""
Bybit v5 private frames: what each says, in our vocabulary. Pure.

Policy: whatever has `op` is protocol, whatever has `topic` is data, and one frame may hold rows of
several orders. `order` rows are statements and `execution` rows are fills beside them: neither is
derived from the other, and which comes first is not promised. Funding shares the topic of fills and
is none. A kind of execution that is not known is kept for a person: it may have moved a holding.
Sources: v5 "Connect", "Order", "Execution", "Position", "Wallet", "Enums Definitions" (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import structlog

from exchanges import bybit_holdings, bybit_orders
from exchanges import bybit_vocabulary as words
from exchanges.errors import MalformedMessage
from exchanges.messages import (
    FillReport,
    HoldingsChanged,
    IgnoredMessage,
    MarketType,
    Message,
    OrderReport,
    Source,
    UnclassifiedMessage,
)
from exchanges.wire import a_list, an_object, decode, optional_text, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from exchanges.wire import Fields

log = structlog.get_logger(__name__)

#: Topics that say nothing about orders, fills or holdings.
IGNORED_TOPICS = frozenset({"greeks", "dcp"})
#: The name given to protocol: pongs, and answers to our own requests.
ANSWER = "answer"
_ABOUT_ORDERS = frozenset({"order", "execution"})


class BybitWebSocket:
    """The receiving side of one Bybit private stream."""

    def __init__(self, market_type: MarketType) -> None:
        """`market_type` is the one whose topics were subscribed; rows of others are passed over."""
        self.market_type = market_type
        self._unknown: set[str] = set()

    def on_message(self, raw: bytes | str) -> list[Message]:
        """Read one frame; a topic or kind that is not known is logged the first time."""
        messages = parse(self.market_type, raw)
        for message in messages:
            if isinstance(message, IgnoredMessage | UnclassifiedMessage):
                self._note(message.event)
        return messages

    def _note(self, event: str) -> None:
        known = IGNORED_TOPICS | {ANSWER, words.FUNDING, *words.CATEGORIES.values()}
        if event not in known and event not in self._unknown:
            self._unknown.add(event)
            log.warning("stream.unknown_event_ignored", event_name=event, note="WebSocket event")


def parse(market_type: MarketType, raw: bytes | str) -> list[Message]:
    """Read one frame. Raises MalformedMessage, which keeps `raw`, and nothing else."""
    try:
        return _read(market_type, an_object(decode(raw)))
    except MalformedMessage as error:
        raise MalformedMessage(str(error), raw=raw) from None


def concerns_orders(market_type: MarketType, raw: bytes | str) -> bool:
    """Tell whether a frame is about orders or unreadable. Looks at its topic, and at no field.

    Only where executions are all of funding, which comes to every position at once, it looks on.
    """
    del market_type
    try:
        frame = orjson.loads(raw)
        if "topic" not in frame:
            return "op" not in frame and "success" not in frame
        topic = _base(frame["topic"])
        if topic == "execution":
            return any(row["execType"] != words.FUNDING for row in frame["data"])
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return True
    return topic in _ABOUT_ORDERS


def _base(topic: str) -> str:
    """Take the topic without its category: "order" of "order.linear"."""
    return topic.partition(".")[0]


def _read(market_type: MarketType, frame: Fields) -> list[Message]:
    if "topic" not in frame:
        if "op" in frame or "success" in frame:
            return [IgnoredMessage(event=ANSWER)]
        msg = "neither topic nor op"
        raise MalformedMessage(msg)
    topic = _base(text(frame, "topic"))
    reader = _READERS.get(topic)
    if reader is None:
        return [IgnoredMessage(event=topic)]
    rows = [an_object(row) for row in a_list(frame.get("data"))]
    return reader(market_type, rows, words.moment(frame, "creationTime"))


def _orders(market_type: MarketType, rows: list[Fields], at: datetime) -> list[Message]:
    return [_of_ours(market_type, row, at, _order) for row in rows]


def _executions(market_type: MarketType, rows: list[Fields], at: datetime) -> list[Message]:
    return [_of_ours(market_type, row, at, _execution) for row in rows]


def _of_ours(
    market_type: MarketType,
    row: Fields,
    at: datetime,
    reader: Callable[[MarketType, Fields, datetime], Message],
) -> Message:
    """Read a row; one of another category belongs to another account row's stream."""
    category = optional_text(row, "category")
    if category not in ("", words.CATEGORIES[market_type]):
        return IgnoredMessage(event=category)
    return reader(market_type, row, at)


def _order(market_type: MarketType, row: Fields, at: datetime) -> OrderReport:
    return OrderReport(**bybit_orders.terms(row, market_type), event_at=at)


def _execution(market_type: MarketType, row: Fields, at: datetime) -> Message:
    name, kind = text(row, "execType"), words.fill_kind(row)
    if name == words.FUNDING:
        return IgnoredMessage(event=name)
    if kind is None:
        return UnclassifiedMessage(event=name, symbol_id=optional_text(row, "symbol"))
    return FillReport(
        execution=bybit_orders.execution(row, market_type, kind, source=Source.WS),
        event_at=at,
        client_order_id=optional_text(row, "orderLinkId") or None,
    )


def _positions(market_type: MarketType, rows: list[Fields], at: datetime) -> list[Message]:
    ours = words.CATEGORIES[market_type]
    holdings = tuple(
        bybit_holdings.position(row, market_type)
        for row in rows
        if optional_text(row, "category") in ("", ours)
    )
    return [HoldingsChanged(reason="position", holdings=holdings, event_at=at)]


def _wallets(market_type: MarketType, rows: list[Fields], at: datetime) -> list[Message]:
    if market_type is not MarketType.SPOT:
        return [IgnoredMessage(event="wallet")]
    holdings = tuple(coin for row in rows for coin in bybit_holdings.coins(row))
    return [HoldingsChanged(reason="wallet", holdings=holdings, event_at=at)]


_READERS: dict[str, Callable[[MarketType, list[Fields], datetime], list[Message]]] = {
    "execution": _executions,
    "order": _orders,
    "position": _positions,
    "wallet": _wallets,
}
