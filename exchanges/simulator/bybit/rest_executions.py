"""
Fills over REST, newest first: trades, forced closings and funding, as executions.

Naming an order overrides every other parameter. Source: "Get Trade History" of v5.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A fill, or a movement that is shown as one."""

    at: int
    exec_id: str
    what: Execution | Income


def execution_list(call: Call) -> Json:
    """GET execution/list."""
    if call.params.get("execType", "") not in EXEC_TYPES:
        text = "execType invalid"
        raise bad_parameter(text)
    found = of_order(call) if rest_orders.is_named(call) else within(call)
    cutoff = call.cutoff
    newest = sorted(
        (each for each in found if each.at <= cutoff), key=lambda each: each.at, reverse=True
    )
    shown, cursor = paging.page(
        call, newest, name=lambda each: each.exec_id, usual=USUAL, most=MOST
    )
    return paging.answer(terms.category_of(call), [row_of(call, each) for each in shown], cursor)


def of_order(call: Call) -> list[Booked]:
    """The fills of the named order."""
    order = rest_orders.by_name(call)
    return [booked(call, fill) for fill in order.executions] if order else []


def within(call: Call) -> list[Booked]:
    """What happened in the asked span of time, of the asked symbols and kind."""
    start, end = paging.window(call)
    kept = call.exchange.clock.now() - call.exchange.config.history_retention_ms
    fills = call.account.executions
    low = bisect_left(fills, max(start, kept), key=lambda fill: fill.time)
    high = bisect_left(fills, end + 1, key=lambda fill: fill.time)
    wanted = call.params.get("execType", "")
    found = [
        booked(call, fill)
        for fill in fills[low:high]
        if rest_orders.in_scope(call, fill.order.symbol)
        and wanted in {"", words.cause_of(fill.order).exec_type}
    ]
    if wanted in {"", FUNDING}:
        found += [each for each in fundings(call) if start <= each.at <= end]
    return found


def booked(call: Call, fill: Execution) -> Booked:
    """A fill and its id."""
    return Booked(at=fill.time, exec_id=rows.trade_id(call.exchange.market_type, fill), what=fill)


def fundings(call: Call) -> Iterator[Booked]:
    """What was paid or got as funding."""
    house = call.exchange.market_type
    for income in call.account.incomes:
        if income.kind == "FUNDING_FEE" and rest_orders.in_scope(call, income.symbol):
            exec_id = holdings.income_id(house, call.account, income)
            yield Booked(at=income.time, exec_id=exec_id, what=income)


def row_of(call: Call, each: Booked) -> rows.Row:
    """A row of the list."""
    house, config = call.exchange.market_type, call.exchange.config
    if isinstance(each.what, Income):
        return holdings.funding_row(house, call.account, each.what)
    rate = config.maker_fee if each.what.is_maker else config.taker_fee
    return rows.execution_row(house, each.what, rate)


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    return [private("execution/list", "GET", execution_list)]
