"""
Bybit's REST answers, in our vocabulary. Pure.

Policy: read from the raw JSON, never through ccxt's unified structures, which name the wrong fee
coin and call what was cancelled half filled closed. Each function raises MalformedMessage only.
The answer to an order says only that it was taken, so what we sent is kept beside it: together
they say all that is known.

Sources: v5 "Get Open & Closed Orders", "Get Trade History", "Place Order", "Batch Place Order",
"Get Kline", "Get Tickers".

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges import bybit_orders
from exchanges import bybit_vocabulary as words
from exchanges.bybit_calls import result
from exchanges.bybit_errors import failure_of
from exchanges.errors import MalformedMessage, OutcomeUnknown
from exchanges.messages import OrderSnapshot, OrderStatus, Source, TimeInForce
from exchanges.understanding import OTHER_ORDER
from exchanges.wire import (
    ZERO,
    a_list,
    amount,
    an_object,
    flag,
    moment,
    optional_amount,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from exchanges.errors import ExchangeError
    from exchanges.messages import ExecutionReport, IdSpace, MarketType
    from exchanges.wire import Fields

#: our word for an order that was taken and not seen yet
ACCEPTED: Final = "Accepted"
#: how a candle's list begins
_CANDLE: Final = ("startTime", "open", "high", "low", "close")


def read_order(
    answer: object,
    *,
    market_type: MarketType,
    id_space: IdSpace,
    requested_at: datetime,
    source: Source,
) -> OrderSnapshot:
    """Read an order, as it came or as `raw` kept it."""
    del id_space  # conditional orders are numbered like all others
    row = an_object(answer)
    if "accepted" in row:
        return accepted(row, market_type=market_type, requested_at=requested_at)
    return OrderSnapshot(
        **bybit_orders.terms(row, market_type),
        fill_kind=words.made_by(row),
        requested_at=requested_at,
        source=source,
        raw=row,
    )


def taken(body: object, sent: dict[str, object]) -> Fields:
    """Put the answer to an order beside what was sent. Raises MalformedMessage for another's."""
    answer = result(body)
    if answer.get("orderLinkId") != sent["orderLinkId"]:
        raise MalformedMessage(OTHER_ORDER)
    return _beside(answer, sent, body)


def _beside(answer: Fields, sent: dict[str, object], body: object) -> Fields:
    return {"accepted": answer, "sent": sent, "time": an_object(body).get("time")}


def taken_together(body: object, sent: Sequence[dict[str, object]]) -> list[Fields | ExchangeError]:
    """Read what became of each order of one request, as `taken` or as the error it met.

    Bybit answers two lists as long as the one it was sent. Raises MalformedMessage for any other.
    """
    rows = a_list(result(body).get("list"))
    codes = a_list(an_object(an_object(body).get("retExtInfo")).get("list"))
    if not len(rows) == len(codes) == len(sent):
        msg = "list: expected as many answers as orders"
        raise MalformedMessage(msg)
    if _are_displaced(rows, sent):
        # a refusal may name nobody: whose it is only its place would tell
        msg = "list: answers in another order than the orders"
        raise MalformedMessage(msg)
    return [
        _taken_one(an_object(code), row, one, body)
        for code, row, one in zip(codes, rows, sent, strict=True)
    ]


def _are_displaced(rows: Sequence[object], sent: Sequence[dict[str, object]]) -> bool:
    places = {one["orderLinkId"]: place for place, one in enumerate(sent)}
    names = (row.get("orderLinkId") if isinstance(row, dict) else None for row in rows)
    told = [name if isinstance(name, str) else "" for name in names]
    return any(places.get(name, place) != place for place, name in enumerate(told))


def _taken_one(
    code: Fields, row: object, sent: dict[str, object], body: object
) -> Fields | ExchangeError:
    if failure := failure_of(code):
        return failure
    answer = an_object(row)
    if answer.get("orderLinkId") != sent["orderLinkId"]:
        return OutcomeUnknown(OTHER_ORDER)
    return _beside(answer, sent, body)


def accepted(row: Fields, *, market_type: MarketType, requested_at: datetime) -> OrderSnapshot:
    """Read what is known of an order that was only just taken: its terms are those we sent.

    An order for an amount of the quote currency has no quantity until it has ended.
    """
    answer, sent = an_object(row["accepted"]), an_object(row.get("sent"))
    time_in_force = words.time_in_force(sent)
    is_waiting = "triggerPrice" in sent
    return OrderSnapshot(
        market_type=market_type,
        symbol_id=text(sent, "symbol"),
        exchange_order_id=text(answer, "orderId"),
        client_order_id=text(sent, "orderLinkId"),
        status=OrderStatus.NEW,
        exchange_status=ACCEPTED,
        side=words.side(sent),
        position_side=words.position_side(sent),
        order_type=words.order_type(sent | {"stopOrderType": words.STOP if is_waiting else ""}),
        time_in_force=time_in_force,
        quantity=ZERO if sent.get("marketUnit") == "quoteCoin" else amount(sent, "qty"),
        filled_quantity=ZERO,
        price=optional_amount(sent, "price"),
        stop_price=optional_amount(sent, "triggerPrice"),
        reduce_only=flag(sent, "reduceOnly"),
        post_only=time_in_force is TimeInForce.GTX,
        exchange_updated_at=moment(row, "time"),
        requested_at=requested_at,
        source=Source.SUBMIT,
        raw=row,
    )


def execution(answer: object, *, market_type: MarketType) -> ExecutionReport:
    """Read one row of the list of executions, if it is a fill."""
    row = an_object(answer)
    kind = words.fill_kind(row)
    if kind is None:
        msg = "execType: no fill"
        raise MalformedMessage(msg)
    return bybit_orders.execution(row, market_type, kind, source=Source.REST_TRADES, raw=row)


def closing_price(body: object, minute: datetime) -> Decimal | None:
    """Read the close of the candle that begins at `minute`; a market may be younger than it."""
    for row in map(a_list, a_list(result(body).get("list"))):
        candle = dict(zip(_CANDLE, row, strict=False))
        if words.moment(candle, "startTime") == minute:
            return optional_amount(candle, "close")
    return None


def last_price(body: object) -> Decimal | None:
    """Read the price of the last trade; a market that never had one tells none."""
    rows = a_list(result(body).get("list"))
    return optional_amount(an_object(rows[0]), "lastPrice") if rows else None
