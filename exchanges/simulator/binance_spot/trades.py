"""Fills on spot: myTrades, oldest first, within a day or from an id on."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from exchanges.simulator import checks, rest_orders, rest_trades
from exchanges.simulator.binance_spot import rows
from exchanges.simulator.binance_spot.house import spot_endpoint
from exchanges.simulator.binance_spot.orders import window
from exchanges.simulator.errors import ApiError

if TYPE_CHECKING:
    from exchanges.simulator.call import Call, Endpoint
    from exchanges.simulator.orders import Execution

#: beside the symbol
CHOOSING: Final = ("orderId", "startTime", "endTime", "fromId")
COMBINATIONS: Final = (
    frozenset[str](),
    frozenset({"orderId"}),
    frozenset({"startTime"}),
    frozenset({"endTime"}),
    frozenset({"fromId"}),
    frozenset({"startTime", "endTime"}),
    frozenset({"orderId", "fromId"}),
)


def my_trades(call: Call) -> bytes:
    """GET myTrades: the newest, or the first from an id or a time on."""
    fills = chosen(call)
    if call.is_stale:
        fills = [fill for fill in fills if fill.time <= call.cutoff]
    limit = rest_orders.row_limit(call)
    is_from_start = any(call.whole(name) is not None for name in ("fromId", "startTime"))
    shown = fills[:limit] if is_from_start else fills[-limit:]
    return b"[" + b",".join(fill.encoded or rows.trade(fill) for fill in shown) + b"]"


def chosen(call: Call) -> list[Execution]:
    """The trades a request is about, oldest first."""
    symbol = checks.market_of(call.exchange, call.params).rules.symbol
    if frozenset(name for name in CHOOSING if call.params.get(name)) not in COMBINATIONS:
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    number, first, span = call.whole("orderId"), call.whole("fromId"), window(call)
    fills = call.account.trades.get(symbol, [])
    if number is not None:
        order = call.account.orders.get((symbol, number))
        fills = order.executions if order else []
    if first is not None:
        return fills[bisect_left(fills, first, key=lambda fill: fill.trade_id) :]
    return rest_trades.within(fills, *span) if span else fills


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    return [
        spot_endpoint(
            method="GET", name="myTrades", handler=my_trades, weight=20, weight_with_order=5
        )
    ]
