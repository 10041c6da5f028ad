"""
Upbit's private frames: what each says, in our vocabulary. Pure.

Policy: a frame is read by the name in `type`; what Upbit adds later is ignored by name. Numbers are
JSON doubles and are read exactly.

Note [Terms of a fill]
~~~~~~~~~~~~~~~~~~~~~~
While `state` is `trade` or `prevented`, `price` and `volume` describe the fill, and the order's own
price is told nowhere in the frame. So the terms of such a report are the poorest there are, and
must not replace better ones: it is dated at the second in which the order was made, which is how
REST dates an order that nothing has filled. Any other frame and any answer of REST is as new, or
newer. On Upbit the terms of an order never change, so nothing is lost by that; what the report
tells of progress counts whatever its date is.

Source: docs.upbit.com, "My Order", "My Asset", "WebSocket guide" (2026).

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypedDict

import orjson
import structlog

from exchanges import upbit_vocabulary as words
from exchanges.errors import MalformedMessage
from exchanges.messages import (
    CredentialExpired,
    ExecutionReport,
    HoldingReport,
    HoldingsChanged,
    IgnoredMessage,
    MarketType,
    Message,
    OrderReport,
    Side,
    Source,
    TimeInForce,
)
from exchanges.upbit_vocabulary import amount, more_than_zero, number, optional_amount
from exchanges.wire import (
    ZERO,
    Fields,
    a_list,
    an_object,
    decode,
    flag,
    moment,
    optional_text,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from decimal import Decimal

log = structlog.get_logger(__name__)

ORDER: Final = "myOrder"
ASSET: Final = "myAsset"
#: what an answer to a question of ours is called, and the sign of life that follows a PING
ANSWER: Final = "answer"
STATUS: Final = "status"
ERROR: Final = "error"
IGNORED_EVENTS: Final = frozenset({ANSWER, STATUS, "announcement"})
#: errors after which nothing more comes on a connection
REFUSALS: Final = frozenset({"INVALID_AUTH"})
_NOT_ABOUT_ORDERS: Final = frozenset({ASSET, "announcement"})
_OF_A_FILL: Final = frozenset({"trade", "prevented"})


class UpbitWebSocket:
    """The receiving side of one Upbit private stream."""

    def __init__(self, market_type: MarketType) -> None:
        """Upbit has one kind of market; frames do not name it."""
        self.market_type = market_type
        self._unknown: set[str] = set()

    def on_message(self, raw: bytes | str) -> list[Message]:
        """Read one frame; a type with an unknown name is logged the first time it is seen."""
        messages = parse(self.market_type, raw)
        for message in messages:
            if isinstance(message, IgnoredMessage):
                self._note(message.event)
        return messages

    def _note(self, event: str) -> None:
        if event not in IGNORED_EVENTS and event not in self._unknown:
            self._unknown.add(event)
            log.warning("stream.unknown_event_ignored", event_name=event, note="WebSocket event")


def parse(market_type: MarketType, raw: bytes | str) -> list[Message]:
    """Read one frame. Raises MalformedMessage, which keeps `raw`, and nothing else."""
    try:
        return [_read(market_type, an_object(decode(raw)))]
    except MalformedMessage as error:
        raise MalformedMessage(str(error), raw=raw) from None


def concerns_orders(market_type: MarketType, raw: bytes | str) -> bool:
    """Tell whether a frame is about orders or unreadable. Looks at the type's name alone.

    So a frame about something else may be wrong in its fields; nobody will read them.
    """
    name = _type_at_a_glance(raw)
    if name == ORDER:
        return True
    if name in _NOT_ABOUT_ORDERS:
        return False
    try:
        parse(market_type, raw)
    except MalformedMessage:
        return True
    return False


def _type_at_a_glance(raw: bytes | str) -> object:
    try:
        return orjson.loads(raw)["type"]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        return None


def _read(market_type: MarketType, frame: Fields) -> Message:
    if "type" not in frame:
        return _aside(frame)
    name = text(frame, "type")
    reader = _READERS.get(name)
    return reader(market_type, frame) if reader else IgnoredMessage(event=name)


def _aside(frame: Fields) -> Message:
    """Read a frame about the connection: an answer, an error, {"status": "UP"}."""
    if ERROR in frame:
        name = text(an_object(frame[ERROR]), "name")
        return CredentialExpired(event=name) if name in REFUSALS else IgnoredMessage(event=ERROR)
    if "method" in frame:
        return IgnoredMessage(event=ANSWER)
    if STATUS in frame:
        return IgnoredMessage(event=STATUS)
    msg = "type: expected text, got nothing"
    raise MalformedMessage(msg)


class _Identity(TypedDict):
    """What an order and its fill share."""

    market_type: MarketType
    symbol_id: str
    exchange_order_id: str
    side: Side


class _Terms(TypedDict):
    """What an order is to do, and since when that is so."""

    quantity: Decimal
    price: Decimal | None
    exchange_updated_at: datetime


def _my_order(market_type: MarketType, frame: Fields) -> OrderReport:
    identity: _Identity = {
        "market_type": market_type,
        "symbol_id": text(frame, "code"),
        "exchange_order_id": text(frame, "uuid"),
        "side": words.side(frame, "ask_bid"),
    }
    state, type_name, event_at = (
        text(frame, "state"), text(frame, "order_type"), moment(frame, "timestamp")
    )  # fmt: skip
    terms = _terms(frame, state, type_name, identity["side"], event_at)
    filled = optional_amount(frame, "executed_volume") or ZERO
    time_in_force = words.time_in_force(frame, "time_in_force")
    return OrderReport(
        **identity,
        **terms,
        client_order_id=optional_text(frame, "identifier") or None,
        status=words.status(state, filled=filled, quantity=terms["quantity"]),
        exchange_status=state,
        order_type=words.order_type(type_name),
        time_in_force=time_in_force,
        post_only=time_in_force is TimeInForce.GTX,
        filled_quantity=filled,
        filled_quote=optional_amount(frame, "executed_funds") if filled else None,
        average_price=optional_amount(frame, "avg_price") if filled else None,
        event_at=event_at,
        execution=_execution(frame, identity) if state == "trade" else None,
    )


def _terms(frame: Fields, state: str, type_name: str, side: Side, event_at: datetime) -> _Terms:
    """Read an order's terms. See Note [Terms of a fill]."""
    has_quantity = not words.is_of_funds(type_name, side)
    if state not in _OF_A_FILL:
        return {
            "quantity": (optional_amount(frame, "volume") or ZERO) if has_quantity else ZERO,
            "price": optional_amount(frame, "price") if type_name == "limit" else None,
            "exchange_updated_at": event_at,
        }
    parts = ("executed_volume", "remaining_volume", "prevented_volume")
    quantity = sum((optional_amount(frame, part) or ZERO for part in parts), ZERO)
    made_at = moment(frame, "order_timestamp")
    return {
        "quantity": quantity if has_quantity else ZERO,
        "price": None,
        "exchange_updated_at": made_at - timedelta(microseconds=made_at.microsecond),
    }


def _execution(frame: Fields, identity: _Identity) -> ExecutionReport | None:
    """Take the fill out of a frame; a fill without an id is left to REST."""
    trade_id = optional_text(frame, "trade_uuid")
    if not trade_id:
        return None
    fee = frame.get("trade_fee")
    return ExecutionReport(
        **identity,
        exchange_trade_id=trade_id,
        execution_price=more_than_zero(frame, "price"),
        execution_quantity=more_than_zero(frame, "volume"),
        executed_at=moment(frame, "trade_timestamp"),
        source=Source.WS,
        is_maker=flag(frame, "is_maker") if frame.get("is_maker") is not None else None,
        commission=None if fee is None else number(frame, "trade_fee"),
        commission_asset=None if fee is None else words.quote_of(identity["symbol_id"]),
    )


def _my_asset(market_type: MarketType, frame: Fields) -> HoldingsChanged:
    """Read which assets changed, and how much there is of each, what orders lock included."""
    changed_at = moment(frame, "asset_timestamp")
    return HoldingsChanged(
        reason=ASSET,
        event_at=moment(frame, "timestamp"),
        holdings=tuple(
            HoldingReport(
                market_type=market_type,
                symbol_id="",
                asset=text(asset, "currency"),
                quantity=amount(asset, "balance") + amount(asset, "locked"),
                updated_at=changed_at,
            )
            for asset in map(an_object, a_list(frame.get("assets")))
        ),
    )


_READERS: Final[dict[str, Callable[[MarketType, Fields], Message]]] = {
    ORDER: _my_order,
    ASSET: _my_asset,
}
