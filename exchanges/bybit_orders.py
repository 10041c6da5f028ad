"""
Orders and fills as Bybit writes them: the same rows on the stream and in REST's answers. Pure.

Policy: an order's row is a statement, cumulative and never summed; a row of executions is a fill
and says nothing reliable about its order. A spot order that is given in quote currency (a market
buy, unless it says otherwise) has no quantity of its own: what it filled is all there is.
Sources: v5 "Get Open & Closed Orders", "Order", "Get Trade History", "Execution", "Place Order".

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from exchanges import bybit_vocabulary as words
from exchanges.errors import MalformedMessage
from exchanges.messages import ExecutionKind, ExecutionReport, MarketType, OrderStatus, TimeInForce
from exchanges.wire import (
    ZERO,
    amount,
    flag,
    optional_amount,
    optional_signed,
    optional_text,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from exchanges.messages import OrderType, PositionSide, Side, Source
    from exchanges.wire import Fields


class Terms(TypedDict):
    """What a row says of its order, on the stream and in an answer alike."""

    market_type: MarketType
    symbol_id: str
    exchange_order_id: str
    client_order_id: str | None
    status: OrderStatus | None
    exchange_status: str
    side: Side
    position_side: PositionSide
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    filled_quantity: Decimal
    filled_quote: Decimal | None
    average_price: Decimal | None
    price: Decimal | None
    stop_price: Decimal | None
    reduce_only: bool
    post_only: bool
    reason: str
    exchange_updated_at: datetime


def terms(row: Fields, market_type: MarketType) -> Terms:
    """Read a row about an order. Raises MalformedMessage."""
    status_name, time_in_force = text(row, "orderStatus"), words.time_in_force(row)
    status, filled = words.status(status_name), optional_amount(row, "cumExecQty") or ZERO
    return Terms(
        market_type=market_type,
        symbol_id=text(row, "symbol"),
        exchange_order_id=text(row, "orderId"),
        client_order_id=optional_text(row, "orderLinkId") or None,
        status=status,
        exchange_status=status_name,
        side=words.side(row),
        position_side=words.position_side(row),
        order_type=words.order_type(row),
        time_in_force=time_in_force,
        quantity=_quantity(row, market_type, status, filled),
        filled_quantity=filled,
        filled_quote=_filled_quote(row, market_type, filled),
        average_price=optional_amount(row, "avgPrice") if filled else None,
        price=optional_amount(row, "price"),
        stop_price=optional_amount(row, "triggerPrice"),
        reduce_only=flag(row, "reduceOnly"),
        post_only=time_in_force is TimeInForce.GTX,
        reason=words.reason(row, status),
        exchange_updated_at=words.moment(row, "updatedTime"),
    )


def _quantity(
    row: Fields, market_type: MarketType, status: OrderStatus | None, filled: Decimal
) -> Decimal:
    told = amount(row, "qty")
    if market_type is not MarketType.SPOT or not _is_in_quote(row):
        return told
    is_working = status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, None)
    return ZERO if is_working else filled


def _is_in_quote(row: Fields) -> bool:
    """Whether a spot order's quantity is an amount of the quote currency."""
    unit = optional_text(row, "marketUnit")
    if row.get("orderType") != "Market" or unit == "baseCoin":
        return False
    return unit == "quoteCoin" or row.get("side") == "Buy"


def _filled_quote(row: Fields, market_type: MarketType, filled: Decimal) -> Decimal | None:
    """Take the value filled; an inverse contract's is told in its coin, not in its quote."""
    if market_type is MarketType.COIN_FUTURES or not filled:
        return None
    return optional_amount(row, "cumExecValue")


def execution(
    row: Fields,
    market_type: MarketType,
    kind: ExecutionKind,
    *,
    source: Source,
    raw: Mapping[str, object] | None = None,
) -> ExecutionReport:
    """Read a row about a fill of this kind. Raises MalformedMessage.

    Which of two positions of a symbol it moved only its order tells.
    """
    fee = optional_signed(row, "execFee")
    is_spot = market_type is MarketType.SPOT
    return ExecutionReport(
        market_type=market_type,
        symbol_id=text(row, "symbol"),
        exchange_order_id=text(row, "orderId"),
        exchange_trade_id=text(row, "execId"),
        side=words.side(row),
        execution_price=more_than_zero(row, "execPrice"),
        execution_quantity=more_than_zero(row, "execQty"),
        executed_at=words.moment(row, "execTime"),
        source=source,
        kind=kind,
        is_maker=flag(row, "isMaker") if "isMaker" in row else None,
        commission=fee,
        commission_asset=None if fee is None else words.fee_coin(market_type, row, fee),
        realized_pnl=None if is_spot else optional_signed(row, "execPnl"),
        raw=raw,
    )


def more_than_zero(fields: Fields, key: str) -> Decimal:
    """Take an amount that is not nothing. Raises MalformedMessage."""
    value = amount(fields, key)
    if not value:
        msg = f"{key}: expected more than zero"
        raise MalformedMessage(msg)
    return value
