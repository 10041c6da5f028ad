"""
What happened on a Bybit account, whoever did it: markets traded, money that moved.

Policy: the list of executions names what was traded, and of contracts the funding as well: its
`execFee` is what was paid, so what moved the balance is the opposite. All market types share one
wallet, which is what spot holds; what moved it beside spot's own trades is told of spot alone
(`bybit_wallet`). Contracts are compared by positions, which no transfer moves.

Sources: v5 "Get Trade History" (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from exchanges import bybit_vocabulary as words
from exchanges.bybit_trades import ListReader, exchange_now
from exchanges.bybit_wallet import fetch_movements
from exchanges.messages import MarketType, MovementKind, MovementReport
from exchanges.questions import Activity
from exchanges.understanding import understood
from exchanges.wire import optional_text, signed, text

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.calls import Calls
    from exchanges.governor import Priority
    from exchanges.wire import Fields

_WINDOW: Final = timedelta(days=7)


def fetch_activity(
    api: Calls,
    since: datetime,
    *,
    market_type: MarketType,
    only_funding: bool,
    timeout: float,
    priority: Priority,
) -> Activity:
    """Return what was traded and what moved since then, a week back at most.

    `only_funding` leaves out what was traded.
    """
    deadline = time.monotonic() + timeout
    start = max(since, exchange_now(api) - _WINDOW)
    is_spot = market_type is MarketType.SPOT
    moved = Activity()
    if is_spot:
        moved = fetch_movements(api, start, deadline=deadline, priority=priority)
    if is_spot and only_funding:
        return moved
    fixed = {"category": words.CATEGORIES[market_type]}
    reader = ListReader(
        api=api,
        fixed=fixed | ({"execType": words.FUNDING} if only_funding else {}),
        deadline=deadline,
        priority=priority,
    )
    is_all = reader.read_from(start)
    traded = understood(lambda: _activity(reader.rows(), market_type, start, is_all=is_all))
    return _of_both(traded, moved)


def _of_both(traded: Activity, moved: Activity) -> Activity:
    """Tell both; reading goes on where the list that was not read to its end broke off first."""
    ends = [each.more_from for each in (traded, moved) if each.more_from is not None]
    return replace(
        traded, movements=traded.movements + moved.movements, more_from=min(ends, default=None)
    )


def _activity(
    rows: list[Fields], market_type: MarketType, start: datetime, *, is_all: bool
) -> Activity:
    funding = [row for row in rows if row.get("execType") == words.FUNDING]
    traded = {text(row, "symbol") for row in rows if row.get("execType") != words.FUNDING}
    more_from = words.moment(rows[-1], "execTime") if rows else start
    return Activity(
        traded_symbol_ids=frozenset(traded),
        movements=tuple(_funding(row, market_type) for row in funding),
        more_from=None if is_all else more_from,
    )


def _funding(row: Fields, market_type: MarketType) -> MovementReport:
    symbol_id = text(row, "symbol")
    coin = optional_text(row, "feeCurrency") or words.settle_coin(market_type, symbol_id)
    return MovementReport(
        key=f"funding:{text(row, 'execId')}",
        kind=MovementKind.FUNDING,
        market_type=market_type,
        symbol_id=symbol_id,
        asset=coin,
        amount=-signed(row, "execFee"),
        posted_at=words.moment(row, "execTime"),
    )
