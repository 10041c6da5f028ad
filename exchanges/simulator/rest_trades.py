"""Fills over REST: trade lists and the income statement, oldest first."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from exchanges.simulator import answers, checks
from exchanges.simulator.amounts import plain
from exchanges.simulator.call import Call, Endpoint, Json
from exchanges.simulator.errors import ApiError
from exchanges.simulator.rest_orders import row_limit, window

if TYPE_CHECKING:
    from exchanges.simulator.orders import Execution

DEFAULT_INCOME_LIMIT: Final = 100


def user_trades(call: Call) -> bytes:
    """GET userTrades: from a trade id on, of one order, or within a window of seven days."""
    fills = chosen_trades(call)
    if call.is_stale:
        fills = [fill for fill in fills if fill.time <= call.cutoff]
    limit, negative = row_limit(call), call.exchange.config.negative_rest_commission
    is_from_start = any(call.whole(name) is not None for name in ("fromId", "startTime"))
    shown = fills[:limit] if is_from_start else fills[-limit:]
    rows = [fill.encoded or answers.trade(fill, negative_commission=negative) for fill in shown]
    return b"[" + b",".join(rows) + b"]"


def chosen_trades(call: Call) -> list[Execution]:
    """The trades a request is about, oldest first."""
    symbol = checks.market_of(call.exchange, call.params).rules.symbol
    number, first = call.whole("orderId"), call.whole("fromId")
    if number is not None:
        order = call.account.orders.get((symbol, number))
        fills = order.executions if order else []
    else:
        fills = call.account.trades.get(symbol, [])
    if first is not None:
        check_no_times(call)
        fills = fills[bisect_left(fills, first, key=lambda fill: fill.trade_id) :]
        return within(fills, *kept(call))
    if number is not None and call.whole("startTime") is None:
        return within(fills, *kept(call))
    return within(fills, *window(call))


def check_no_times(call: Call) -> None:
    """Times and fromId exclude each other."""
    if call.whole("startTime") is not None or call.whole("endTime") is not None:
        raise ApiError(-1128, "Combination of optional parameters invalid.")


def kept(call: Call) -> tuple[int, int]:
    """The time for which trades are remembered."""
    now = call.exchange.clock.now()
    return now - call.exchange.config.history_retention_ms, now


def within(fills: list[Execution], start: int, end: int) -> list[Execution]:
    """The fills of a span of time; trade ids and times grow together."""
    low = bisect_left(fills, start, key=lambda fill: fill.time)
    high = bisect_left(fills, end + 1, key=lambda fill: fill.time)
    return fills[low:high]


def income(call: Call) -> list[Json]:
    """GET income: commissions, realised results, funding and transfers, oldest first."""
    now = call.exchange.clock.now()
    start = call.whole("startTime") or now - call.exchange.config.query_window_ms
    end = call.whole("endTime") or now
    kind, symbol = call.params.get("incomeType"), call.params.get("symbol")
    rows = [
        row
        for row in income_rows(call, start, end)
        if kind in {None, "", row["incomeType"]} and symbol in {None, "", row["symbol"]}
    ]
    rows.sort(key=lambda row: int(row["time"]))
    return rows[: min(call.whole("limit") or DEFAULT_INCOME_LIMIT, 1000)]


def income_rows(call: Call, start: int, end: int) -> list[Json]:
    """Every movement of the wallet in a span of time."""
    rows = [row for fill in within(call.account.executions, start, end) for row in fill_rows(fill)]
    return rows + [
        {
            "symbol": each.symbol,
            "incomeType": each.kind,
            "income": plain(each.amount),
            "asset": each.asset,
            "info": each.kind,
            "time": each.time,
            "tranId": each.transaction_id,
            "tradeId": "",
        }
        for each in call.account.incomes
        if start <= each.time <= end
    ]


def fill_rows(fill: Execution) -> list[Json]:
    """The commission of a fill and, if it closed something, its result."""
    common = {
        "symbol": fill.order.symbol,
        "asset": fill.order.rules.settlement,
        "info": str(fill.trade_id),
        "time": fill.time,
        "tradeId": str(fill.trade_id),
    }
    rows: list[Json] = [
        common
        | {
            "incomeType": "COMMISSION",
            "income": plain(-fill.commission),
            "asset": fill.commission_asset,
            "tranId": fill.trade_id * 2,
        }
    ]
    if fill.realized_pnl:
        rows.append(
            common
            | {
                "incomeType": "REALIZED_PNL",
                "income": plain(fill.realized_pnl),
                "tranId": fill.trade_id * 2 + 1,
            }
        )
    return rows


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    return [
        Endpoint(name="userTrades", method="GET", handler=user_trades, weight=5),
        Endpoint(name="income", method="GET", handler=income, weight=30),
    ]
