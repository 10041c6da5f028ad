"""
What happened on a Bybit account, whoever did it: markets traded, funding paid.

Policy: the list of executions names both. Its `execFee` of funding is what was paid, so what moved
the balance is the opposite. Transfers belong to the wallet all market types share, and are left to
what holdings show.

Sources: v5 "Get Trade History", "Get Transaction Log" (2026-07).

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from exchanges import bybit_vocabulary as words
from exchanges.bybit_trades import ListReader, exchange_now
from exchanges.messages import MovementKind, MovementReport
from exchanges.questions import Activity
from exchanges.understanding import understood
from exchanges.wire import optional_text, signed, text

if TYPE_CHECKING:
    from datetime import datetime

    from exchanges.calls import Calls
    from exchanges.governor import Priority
    from exchanges.messages import MarketType
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
    """Return what was traded and what funding moved since then, a week back at most."""
    fixed = {"category": words.CATEGORIES[market_type]}
    reader = ListReader(
        api=api,
        fixed=fixed | ({"execType": words.FUNDING} if only_funding else {}),
        deadline=time.monotonic() + timeout,
        priority=priority,
    )
    start = max(since, exchange_now(api) - _WINDOW)
    is_all = reader.read_from(start)
    return understood(lambda: _activity(reader.rows(), market_type, start, is_all=is_all))


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
