"""
Binance's income history: what trades cost and earned, and what moved the balance without a trade.

Policy: the list is read page by page up to a limit; where it was not read to its end, the answer
says from where to go on. What only a trade leaves behind names a symbol that was traded; everything
else is a movement of its own, a kind we do not know too: money that moved is never left out.

Sources: USD-M and COIN-M "Get Income History"; `tranId` is unique within one `incomeType` of a
user.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from exchanges.messages import MovementKind, MovementReport
from exchanges.questions import Activity
from exchanges.understanding import understood
from exchanges.wire import (
    a_list,
    an_object,
    identifier,
    milliseconds,
    moment,
    optional_text,
    signed,
    text,
)

if TYPE_CHECKING:
    from exchanges.calls import Calls, Endpoint
    from exchanges.governor import Priority
    from exchanges.messages import MarketType
    from exchanges.wire import Fields

PAGE: Final = 1000
PAGES: Final = 5
#: Rows that only a trade leaves behind.
OF_TRADES: Final = frozenset({"COMMISSION", "REALIZED_PNL"})
FUNDING: Final = "FUNDING_FEE"
#: Everything that is not named here is a CORRECTION: a charge or a credit.
KINDS: Final = {
    FUNDING: MovementKind.FUNDING,
    "TRANSFER": MovementKind.TRANSFER,
    "INTERNAL_TRANSFER": MovementKind.TRANSFER,
    "CROSS_COLLATERAL_TRANSFER": MovementKind.TRANSFER,
    "STRATEGY_UMFUTURES_TRANSFER": MovementKind.TRANSFER,
    "COIN_SWAP_DEPOSIT": MovementKind.TRANSFER,
    "COIN_SWAP_WITHDRAW": MovementKind.TRANSFER,
    "AUTO_EXCHANGE": MovementKind.DUST,
    # spelled so by Binance
    "DELIVERED_SETTELMENT": MovementKind.SETTLEMENT,
}
_WINDOW: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One movement of the balance; `movement` is None for what a trade left behind."""

    symbol_id: str
    earned_at: datetime
    movement: MovementReport | None


def fetch_activity(
    api: Calls,
    endpoint: Endpoint,
    since: datetime,
    *,
    market_type: MarketType,
    only_funding: bool,
    timeout: float,
    priority: Priority,
) -> Activity:
    """Return what was traded and what moved since then, a week back at most."""
    rows: list[_Row] = []
    deadline = time.monotonic() + timeout
    start = max(since, datetime.now(UTC) - _WINDOW)
    fixed = {"limit": str(PAGE)} | ({"incomeType": FUNDING} if only_funding else {})
    for _ in range(PAGES):
        told = api.call(
            endpoint,
            fixed | {"startTime": str(milliseconds(start))},
            priority=priority,
            timeout=max(0.0, deadline - time.monotonic()),
        )
        page = _read(told.body, market_type)
        rows += page
        if len(page) < PAGE:
            return _activity(rows, None)
        # rows of the last millisecond come again, in case the page ended within it
        start = max(start + timedelta(milliseconds=1), page[-1].earned_at)
    return _activity(rows, start)


def _activity(rows: list[_Row], more_from: datetime | None) -> Activity:
    movements = {row.movement.key: row.movement for row in rows if row.movement}
    return Activity(
        traded_symbol_ids=frozenset(row.symbol_id for row in rows if row.movement is None),
        movements=tuple(movements.values()),
        more_from=more_from,
    )


def _read(body: object, market_type: MarketType) -> list[_Row]:
    """Read a page, oldest first."""
    page = understood(lambda: [_row(an_object(row), market_type) for row in a_list(body)])
    return sorted(page, key=lambda row: row.earned_at)


def _row(fields: Fields, market_type: MarketType) -> _Row:
    kind = text(fields, "incomeType")
    symbol_id, earned_at = optional_text(fields, "symbol"), moment(fields, "time")
    movement = None
    if kind not in OF_TRADES:
        movement = MovementReport(
            key=f"income:{kind}:{symbol_id}:{identifier(fields, 'tranId')}",
            kind=KINDS.get(kind, MovementKind.CORRECTION),
            market_type=market_type,
            symbol_id=symbol_id,
            asset=text(fields, "asset"),
            amount=signed(fields, "income"),
            posted_at=earned_at,
        )
    return _Row(symbol_id=symbol_id, earned_at=earned_at, movement=movement)
