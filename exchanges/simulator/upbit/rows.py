"""
Orders, fills, assets and markets as Upbit writes them: strings in REST, doubles on the socket.

A time of REST has whole seconds and Seoul's offset. Sources: "Get Order", "My Order", "My Asset".
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator.amounts import EXACT, trimmed

if TYPE_CHECKING:
    from exchanges.simulator.accounts import Balance
    from exchanges.simulator.orders import Execution
    from exchanges.simulator.upbit.ids import Ids
    from exchanges.simulator.upbit.progress import Seen

SEOUL: Final = timezone(timedelta(hours=9))
SIDES: Final = {"BUY": "bid", "SELL": "ask"}
Row = dict[str, Any]


def order_row(seen: Seen, ids: Ids) -> Row:
    """An order as REST shows it; what is null is left out, but for what a client may rely on."""
    order = seen.order
    row = {
        "market": order.symbol,
        "uuid": ids.of_order(order),
        "side": SIDES[order.terms.side],
        "ord_type": seen.kind,
        "price": text(seen.price),
        "state": seen.state,
        "created_at": seoul(order.created),
        "volume": text(seen.volume),
        "remaining_volume": text(seen.remaining),
        "executed_volume": text(seen.executed),
        "executed_funds": text(seen.funds),
        "reserved_fee": text(seen.reserved),
        "remaining_fee": text(seen.remaining_fee),
        "paid_fee": text(seen.paid),
        "locked": text(seen.locked),
        "prevented_volume": "0",
        "prevented_locked": "0",
        "trades_count": len(seen.fills),
        "time_in_force": seen.time_in_force,
        "identifier": seen.identifier,
    }
    return {name: value for name, value in row.items() if value is not None}


def trade_row(fill: Execution, ids: Ids) -> Row:
    """A fill as its order brings it along: without its fee."""
    return {
        "market": fill.order.symbol,
        "uuid": ids.of_fill(fill),
        "price": text(fill.price),
        "volume": text(fill.quantity),
        "funds": text(fill.price * fill.quantity),
        "trend": "up",
        "created_at": seoul(fill.time),
        "side": SIDES[fill.order.terms.side],
    }


def account_row(balance: Balance) -> Row:
    """An asset: `balance` is what no order has locked."""
    return {
        "currency": balance.asset,
        "balance": text(balance.free),
        "locked": text(balance.held),
        "avg_buy_price": "0",
        "avg_buy_price_modified": True,
        "unit_currency": "KRW",
    }


def my_order(seen: Seen, state: str, fill: Execution | None, ids: Ids, at: int) -> str:
    """A frame about an order: of a fill, `price` and `volume` are the fill's."""
    order = seen.order
    average = EXACT.divide(seen.funds, seen.executed) if seen.executed else Decimal(0)
    last = seen.fills[-1].time if seen.fills else None
    return written(
        {
            "type": "myOrder",
            "code": order.symbol,
            "uuid": ids.of_order(order),
            "ask_bid": SIDES[order.terms.side].upper(),
            "order_type": seen.kind,
            "state": state,
            "trade_uuid": ids.of_fill(fill) if fill else None,
            "price": fill.price if fill else seen.price,
            "avg_price": average,
            "volume": fill.quantity if fill else seen.volume,
            "remaining_volume": seen.remaining,
            "executed_volume": seen.executed,
            "trades_count": len(seen.fills),
            "reserved_fee": seen.reserved,
            "remaining_fee": seen.remaining_fee,
            "paid_fee": seen.paid,
            "locked": seen.locked,
            "executed_funds": seen.funds,
            "time_in_force": seen.time_in_force,
            "trade_fee": fill.commission if fill else None,
            "is_maker": fill.is_maker if fill else None,
            "identifier": seen.identifier,
            "smp_type": None,
            "prevented_volume": Decimal(0),
            "prevented_locked": Decimal(0),
            "trade_timestamp": fill.time if fill else last,
            "order_timestamp": order.created,
            "timestamp": at,
            "stream_type": "REALTIME",
        }
    )


def my_asset(balances: list[Balance], asset_id: str, at: int) -> str:
    """A frame about the assets that changed."""
    assets = [
        {"currency": each.asset, "balance": each.free, "locked": each.held} for each in balances
    ]
    return written(
        {
            "type": "myAsset",
            "asset_uuid": asset_id,
            "assets": assets,
            "asset_timestamp": at,
            "timestamp": at,
            "stream_type": "REALTIME",
        }
    )


def written(value: object) -> str:
    """JSON in which every amount is a double."""
    if isinstance(value, Decimal):
        return double(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def double(amount: Decimal) -> str:
    """An amount as a double is written: with a point, without trailing zeros."""
    found = trimmed(amount)
    return found if "." in found else f"{found}.0"


def text(amount: Decimal | None) -> str | None:
    """An amount of REST."""
    return None if amount is None else trimmed(amount)


def seoul(milliseconds: int) -> str:
    """2025-08-09T16:44:00+09:00."""
    return datetime.fromtimestamp(milliseconds // 1000, SEOUL).isoformat()


def utc(milliseconds: int) -> str:
    """2025-08-09T07:44:00."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
