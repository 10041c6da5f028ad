"""
What was traded on an account, and what moved without a trade, as far as ccxt can ask for it.

Policy: trades of all markets are asked for where the exchange does not insist on one; funding and
transfers come from their own lists, never from the ledger, whose rows each exchange sorts its own
way. What no list tells shows as a difference of holdings.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from exchanges.generic_answers import exact
from exchanges.generic_facts import features_of
from exchanges.generic_markets import type_of
from exchanges.generic_speaker import described
from exchanges.generic_trades import traded_symbols
from exchanges.messages import MarketType, MovementKind, MovementReport
from exchanges.questions import Activity
from exchanges.understanding import understood
from exchanges.wire import ZERO, milliseconds, moment, text

if TYPE_CHECKING:
    from exchanges.generic_calls import GenericCalls
    from exchanges.governor import Priority

_LOOK_BACK: Final = timedelta(days=7)


def fetch_activity(
    api: GenericCalls,
    since: datetime,
    *,
    only_funding: bool,
    timeout: float,
    priority: Priority,
) -> Activity:
    """Return what was traded and what funding moved since then, a week back at most."""
    deadline = time.monotonic() + timeout
    begin = milliseconds(max(since, datetime.now(UTC) - _LOOK_BACK))
    traded: frozenset[str] = frozenset()
    more_from: int | None = None
    movements: tuple[MovementReport, ...] = ()
    if not only_funding and _tells_trades_of_all(api):
        symbols, more_from = traded_symbols(api, begin, timeout=timeout, priority=priority)
        traded = frozenset(
            market.symbol_id
            for market in api.source.markets.all()
            if market.market_type is api.market_type and market.symbol in symbols
        )
    if api.market_type is not MarketType.SPOT and api.can("fetchFundingHistory"):
        said = api.ask(
            lambda ccxt: [
                (row, ccxt.markets[row["symbol"]]["id"])
                for row in ccxt.fetch_funding_history(None, begin)
                if type_of(ccxt.markets.get(row["symbol"], {})) is api.market_type
            ],
            priority=priority,
            timeout=max(0.0, deadline - time.monotonic()),
        )
        movements = understood(lambda: _movements(said.value, api.market_type))
    return Activity(
        traded_symbol_ids=traded,
        movements=movements,
        more_from=None if more_from is None else datetime.fromtimestamp(more_from / 1000, UTC),
    )


def _tells_trades_of_all(api: GenericCalls) -> bool:
    told = features_of(described(api.exchange), api.market_type, "fetchMyTrades")
    return api.can("fetchMyTrades") and told.get("symbolRequired") is False


def _movements(rows: Any, market_type: MarketType) -> tuple[MovementReport, ...]:
    return tuple(
        MovementReport(
            key=f"funding:{symbol_id}:{row.get('id') or text(row, 'datetime')}",
            kind=MovementKind.FUNDING,
            market_type=market_type,
            symbol_id=symbol_id,
            asset=text(row, "code"),
            amount=exact(row, "amount") or ZERO,
            posted_at=moment(row, "timestamp"),
        )
        for row, symbol_id in rows
    )
