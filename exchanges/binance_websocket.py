"""
Binance's private frames: which event of which stream, read in our vocabulary. Pure.

Policy: every event is read or ignored by name, one Binance adds later too, so that it never hides
the events beside it. Frames come bare, wrapped in {"stream", "data"} (futures, by the form of URL
that was dialled) or in {"subscriptionId", "event"} (spot); answers to our own requests come
between them.
Sources: "User Data Streams" of USD-M, COIN-M and spot (2026), and their official SDKs.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson
import structlog

from exchanges import binance_frames as futures
from exchanges import binance_spot_frames as spot
from exchanges.errors import MalformedMessage
from exchanges.messages import (
    CredentialExpired,
    IgnoredMessage,
    MarketType,
    Message,
    MovementReport,
    OrderReport,
)
from exchanges.wire import Fields, an_object, decode, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = structlog.get_logger(__name__)

#: Events that say nothing about orders, fills or holdings.
IGNORED_EVENTS: Final = futures.IGNORED | spot.IGNORED
_ABOUT_ORDERS: Final = futures.ABOUT_ORDERS | spot.ABOUT_ORDERS
#: Read, but not for what becomes of orders.
_NOT_ABOUT_ORDERS: Final = (
    IGNORED_EVENTS | futures.READERS.keys() | spot.READERS.keys()
) - _ABOUT_ORDERS
#: The name given to answers to our own requests, e.g. {"result": null, "id": 1}.
ANSWER: Final = "answer"
#: What a frame is wrapped in, by the form of the stream.
_WRAPPERS: Final = ("data", "event")
_ANSWERS: Final = ("result", "error")
_UNAUTHORISED: Final = 401


class BinanceWebSocket:
    """The receiving side of one Binance private stream."""

    def __init__(self, market_type: MarketType) -> None:
        """`market_type` is what the stream's host serves; frames themselves do not say it."""
        self.market_type = market_type
        self._unknown: set[str] = set()

    def on_message(self, raw: bytes | str) -> list[Message]:
        """Read one frame; an event with an unknown name is logged the first time it is seen."""
        messages = parse(self.market_type, raw)
        for message in messages:
            if isinstance(message, IgnoredMessage):
                self._note(message.event)
        return messages

    def _note(self, event: str) -> None:
        if event not in IGNORED_EVENTS and event not in self._unknown and event != ANSWER:
            self._unknown.add(event)
            log.warning("stream.unknown_event_ignored", event_name=event, note="WebSocket event")


def parse(market_type: MarketType, raw: bytes | str) -> list[Message]:
    """Read one frame. Raises MalformedMessage, which keeps `raw`, and nothing else."""
    try:
        return [_read(market_type, an_object(decode(raw)))]
    except MalformedMessage as error:
        raise MalformedMessage(str(error), raw=raw) from None


def concerns_orders(market_type: MarketType, raw: bytes | str) -> bool:
    """Tell whether a frame is about orders or movements, or unreadable.

    Looks at the event's name alone. So a frame about something else may be wrong in its fields;
    nobody will read them.
    """
    event = _event_at_a_glance(raw)
    if event in _NOT_ABOUT_ORDERS:
        return False
    if event in _ABOUT_ORDERS:
        return True
    try:
        messages = parse(market_type, raw)
    except MalformedMessage:
        return True
    return any(isinstance(message, OrderReport | MovementReport) for message in messages)


def _event_at_a_glance(raw: bytes | str) -> object:
    """Take the name of a frame's event; None if it is not where it should be."""
    try:
        frame = orjson.loads(raw)
        name = frame.get("e") or (frame.get("event") or frame["data"]).get("e")
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


def _read(market_type: MarketType, frame: Fields) -> Message:
    if "e" not in frame:
        if "id" in frame and any(key in frame for key in _ANSWERS):
            return _answer(frame)
        wrapper = next((key for key in _WRAPPERS if key in frame), None)
        if wrapper is not None:
            frame = an_object(frame[wrapper])
    event = text(frame, "e")
    readers = _READERS[market_type]
    reader = readers.get(event)
    return reader(market_type, frame) if reader else IgnoredMessage(event=event)


def _answer(frame: Fields) -> Message:
    """Read an answer: one to nobody that refuses the key says that the key is good no more."""
    if frame["id"] is None and frame.get("status") == _UNAUTHORISED:
        return CredentialExpired(event="unauthorised")
    return IgnoredMessage(event=ANSWER)


_READERS: Final[Mapping[MarketType, Mapping[str, Callable[[MarketType, Fields], Message]]]] = {
    MarketType.SPOT: spot.READERS,
    MarketType.FUTURES: futures.READERS,
    MarketType.COIN_FUTURES: futures.READERS,
}
