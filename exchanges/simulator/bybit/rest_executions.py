"""
Fills over REST, newest first: trades, forced closings and funding, as executions.

Naming an order overrides every other parameter. Source: "Get Trade History" of v5.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, TypeAlias

from exchanges.simulator.accounts import Income
from exchanges.simulator.bybit import holdings, paging, rest_orders, rows, terms, words
from exchanges.simulator.bybit.endpoints import private
from exchanges.simulator.bybit.errors import bad_parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchanges.simulator.call import Call, Endpoint, Json
    from exchanges.simulator.orders import Execution

USUAL: Final = 50
MOST: Final = 100
FUNDING: Final = "Funding"
EXEC_TYPES: Final = frozenset({
    "", "Trade", "AdlTrade", FUNDING, "BustTrade", "Delivery", "Settle", "BlockTrade",
    "MovePosition", "FutureSpread", "CorporateAction",
})  # fmt: skip


#: a fill, or a movement that is shown as one
Booked: TypeAlias = "Execution | Income"


def execution_list(call: Call) -> Json:
    """GET execution/list."""
    if call.params.get("execType", "") not in EXEC_TYPES:
        text = "execType invalid"
        raise bad_parameter(text)
    found = of_order(call) if rest_orders.is_named(call) else within(call)
    cutoff = call.cutoff
    newest = sorted(
        (each for each in found if each.time <= cutoff), key=lambda each: each.time, reverse=True
    )
    shown, cursor = paging.page(call, newest, name=name_of, usual=USUAL, most=MOST)
    return paging.answer(terms.category_of(call), [row_of(call, each) for each in shown], cursor)


def name_of(each: Booked) -> str:
    """How a cursor names a row; cheaper than its id, since every row may be asked."""
    if isinstance(each, Income):
        return f"{each.time}.{each.symbol}.{each.transaction_id}"
    return f"{each.time}.{each.order.symbol}.{each.order.order_id}.{each.trade_id}"


def of_order(call: Call) -> list[Booked]:
    """The fills of the named order."""
    order = rest_orders.by_name(call)
    return [*order.executions] if order else []


def within(call: Call) -> list[Booked]:
    """What happened in the asked span of time, of the asked symbols and kind."""
    start, end = paging.window(call)
    kept = call.exchange.clock.now() - call.exchange.config.history_retention_ms
    fills = call.account.executions
    low = bisect_left(fills, max(start, kept), key=lambda fill: fill.time)
    high = bisect_left(fills, end + 1, key=lambda fill: fill.time)
    wanted = call.params.get("execType", "")
    found: list[Booked] = [
        fill
        for fill in fills[low:high]
        if rest_orders.in_scope(call, fill.order.symbol)
        and wanted in {"", words.cause_of(fill.order).exec_type}
    ]
    if wanted in {"", FUNDING}:
        found += [each for each in fundings(call) if start <= each.time <= end]
    return found


def fundings(call: Call) -> Iterator[Income]:
    """What was paid or got as funding."""
    for income in call.account.incomes:
        if income.kind == "FUNDING_FEE" and rest_orders.in_scope(call, income.symbol):
            yield income


def row_of(call: Call, each: Booked) -> rows.Row:
    """A row of the list."""
    house, config = call.exchange.market_type, call.exchange.config
    if isinstance(each, Income):
        return holdings.funding_row(house, call.account, each)
    rate = config.maker_fee if each.is_maker else config.taker_fee
    return rows.execution_row(house, each, rate)


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    return [private("execution/list", "GET", execution_list)]
