"""
Rows as the JSON that the journal keeps, the stream sends and the pages draw.

One spelling from socket to screen: keys are the column names; amounts are plain decimal strings
without trailing zeros, times are ISO 8601 in UTC, ids of exchanges are strings.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.messages import MarketType
from tracking.domain.executions import average_of
from tracking.services import stream_quality

if TYPE_CHECKING:
    from tracking.models import (
        Anomaly,
        Halt,
        OrderRequest,
        OrderTrackingSession,
        StrategyPosition,
        StreamQuality,
        Trade,
        TradeExecution,
    )
    from tracking.models.orders import OrderColumns

Json = str | int | bool | None | dict[str, "Json"] | list["Json"]
Payload = dict[str, Json]

ORDER_KEYS = (
    "market_type",
    "symbol",
    "id_space",
    "exchange_order_id",
    "client_order_id",
    "side",
    "position_side",
    "order_type",
    "time_in_force",
    "price",
    "stop_price",
    "quantity",
    "filled_quantity",
    "filled_quote",
    "status",
    "reason",
    "reduce_only",
    "post_only",
    "placed_by_us",
    "exchange_updated_at",
    "version",
    "verified",
    "created_at",
    "updated_at",
)
TRADE_KEYS = (
    "market_type",
    "symbol",
    "id_space",
    "exchange_order_id",
    "client_order_id",
    "side",
    "position_side",
    "filled_quantity",
    "filled_quote",
    "realized_pnl",
    "commissions",
    "execution_count",
    "first_executed_at",
    "last_executed_at",
)
EXECUTION_KEYS = (
    "market_type",
    "symbol",
    "id_space",
    "exchange_order_id",
    "exchange_trade_id",
    "side",
    "sequence",
    "position_side",
    "execution_price",
    "execution_quantity",
    "is_maker",
    "commission",
    "commission_asset",
    "realized_pnl",
    "executed_at",
    "kind",
    # where it was first seen, never rewritten; since when; and when REST agreed
    "source",
    "created_at",
    "verified",
    "verified_at",
)
POSITION_KEYS = (
    "market_type",
    "symbol",
    "position_side",
    "quantity",
    "average_price",
    "realized_pnl",
    "commissions",
    "fees",
    "unvalued_commissions",
    "funding",
    "net_pnl",
    "execution_count",
    "version",
    "updated_at",
)
SESSION_KEYS = (
    "session_id",
    "market_type",
    "owner",
    "status",
    "started_at",
    "connected_at",
    "last_ping",
    "last_event_at",
    "ended_at",
    "end_reason",
    "reconnect_count",
)
QUALITY_KEYS = (
    "hour",
    "frames",
    "first_by_stream",
    "first_by_rest",
    "duplicates",
    "reorderings",
    "gaps",
    "lag_count",
    "lag_max_ms",
    "lag_buckets",
    "newest_event_at",
)
ANOMALY_KEYS = (
    "kind",
    "key",
    "detail",
    "seen_count",
    "opened_at",
    "last_seen_at",
    "closed_at",
    "closed_reason",
)
REQUEST_KEYS = (
    "id",
    "action",
    "source",
    "outcome",
    "detail",
    "market_type",
    "symbol",
    "client_order_id",
    "exchange_order_id",
    "terms",
    "notional",
    "notional_asset",
    "created_at",
    "attempted_at",
    "sent_at",
    "answered_at",
)
HALT_KEYS = ("id", "reason", "set_by", "set_at", "lifted_by", "lifted_at")


def plain(amount: Decimal) -> str:
    """Write an amount without exponent and trailing zeros: `0.100` is "0.1", `1E+2` is "100"."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


def to_json(value: object) -> Json:
    """Write one column's value."""
    match value:
        case None | bool() | int():
            return value
        case Decimal():
            return plain(value)
        case datetime():
            return value.isoformat()
        case dict():
            return {str(key): to_json(item) for key, item in value.items()}
        case list() | tuple():
            return [to_json(item) for item in value]
        case _:
            return str(value)


def _columns(row: object, keys: tuple[str, ...]) -> Payload:
    return {key: to_json(getattr(row, key)) for key in keys}


def average_price(filled: OrderColumns | Trade) -> Decimal | None:
    """Give the average fill price from the exact sums; None while nothing is filled."""
    if not filled.filled_quantity:
        return None
    return average_of(
        filled.filled_quote,
        filled.filled_quantity,
        is_inverse=filled.market_type == MarketType.COIN_FUTURES.value,
    )


def order_payload(order: OrderColumns) -> Payload:
    """Write an order; a working order whose cancel was asked for shows as CANCELLING."""
    payload = _columns(order, ORDER_KEYS)
    average = average_price(order)
    if getattr(order, "cancel_requested_at", None):
        payload["status"] = "CANCELLING"
    return payload | {
        "account": order.account_id,
        "strategy_account": order.strategy_account_id,
        "average_price": None if average is None else plain(round(average, 18)),
    }


def trade_payload(trade: Trade) -> Payload:
    """Write a trade."""
    average = average_price(trade)
    return _columns(trade, TRADE_KEYS) | {
        "account": trade.account_id,
        "strategy_account": trade.strategy_account_id,
        "average_price": None if average is None else plain(round(average, 18)),
    }


def execution_payload(execution: TradeExecution) -> Payload:
    """Write an execution."""
    return _columns(execution, EXECUTION_KEYS) | {
        "account": execution.account_id,
        "strategy_account": execution.strategy_account_id,
        "voided": execution.voided_at is not None,
    }


def position_payload(position: StrategyPosition) -> Payload:
    """Write a position."""
    return _columns(position, POSITION_KEYS) | {
        "account": position.account_id,
        "strategy_account": position.strategy_account_id,
    }


def session_payload(session: OrderTrackingSession) -> Payload:
    """Write a tracking session."""
    return _columns(session, SESSION_KEYS) | {"account": session.account_id}


def quality_payload(row: StreamQuality) -> Payload:
    """Write an hour of a stream."""
    return _columns(row, QUALITY_KEYS) | {
        "account": row.account_id,
        "score": to_json(stream_quality.score(row)),
        "lag_mean_ms": stream_quality.mean_lag_ms(row),
    }


def anomaly_payload(anomaly: Anomaly) -> Payload:
    """Write an anomaly."""
    return _columns(anomaly, ANOMALY_KEYS) | {"account": anomaly.account_id, "id": anomaly.pk}


def halt_payload(halt: Halt) -> Payload:
    """Write a halt; without an account it stops all."""
    return _columns(halt, HALT_KEYS) | {
        "account": halt.account_id,
        "is_standing": halt.lifted_at is None,
    }


def request_payload(request: OrderRequest) -> Payload:
    """Write what was asked for, and what is known of it."""
    return _columns(request, REQUEST_KEYS) | {
        "account": request.account_id,
        "strategy_account": request.strategy_account_id,
    }
