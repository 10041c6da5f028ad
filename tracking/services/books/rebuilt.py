"""
Positions made again from nothing, beside the rows that are kept of them.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import connection

from tracking.domain.positions import PositionState, steps
from tracking.models import StrategyPosition
from tracking.services import market_terms
from tracking.services.payloads import plain
from tracking.services.position_columns import position_state
from tracking.services.position_entries import PositionKey, Stored, entries_after, opening_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracking.models import ExchangeAccount

#: every position that has a row or should have one
_KEYS = """
    SELECT strategy_account_id, market_type, symbol, position_side
    FROM tracking_strategyposition WHERE account_id = %(account)s
    UNION
    SELECT strategy_account_id, market_type, symbol, position_side
    FROM tracking_tradeexecution
    WHERE account_id = %(account)s AND voided_at IS NULL AND NOT is_history
    UNION
    SELECT strategy_account_id, market_type, symbol, position_side
    FROM tracking_posting WHERE account_id = %(account)s AND symbol <> '' AND quantity <> 0
    ORDER BY market_type, symbol, position_side, strategy_account_id NULLS FIRST
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuiltPosition:
    """One position: its row, if there is one, and the fold of all it is made of."""

    key: PositionKey
    row: StrategyPosition | None
    state: PositionState
    #: fills whose row says they realised something else: (order, what is wrong)
    misjudged: tuple[tuple[str, str], ...] = ()

    @property
    def subject(self) -> str:
        """Name the position."""
        owner = self.key.strategy_account_id
        whose = "residual" if owner is None else f"strategy account {owner}"
        return f"{self.key.market_type}:{self.key.symbol}:{self.key.position_side} ({whose})"

    @property
    def is_wrong(self) -> bool:
        """Whether its row, or what its fills realised, has to be written again."""
        return bool(self.misjudged or self.differences())

    def differences(self) -> list[str]:
        """Say, column by column, what the row has and what it should have."""
        if self.row is None:
            return ["there is no row"]
        kept = position_state(self.row)
        return [
            f"{field.name} is {_text(getattr(kept, field.name))}, "
            f"rebuilt {_text(getattr(self.state, field.name))}"
            for field in fields(PositionState)
            if getattr(kept, field.name) != getattr(self.state, field.name)
        ]


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        return str({key: _text(item) for key, item in sorted(value.items())})
    return str(value)


def canonical(state: PositionState) -> str:
    """Write a state as one line that is the same for the same state, however it was come by."""
    return "|".join(_text(getattr(state, field.name)) for field in fields(PositionState))


def rebuilt_positions(account: ExchangeAccount) -> Iterator[RebuiltPosition]:
    """Fold every position of an account from zero."""
    rows = {
        PositionKey(row.strategy_account_id, row.market_type, row.symbol, row.position_side): row
        for row in StrategyPosition.objects.filter(account=account)
    }
    for key in position_keys(account.pk):
        yield rebuilt_position(account, key, rows.get(key))


def rebuilt_position(
    account: ExchangeAccount, key: PositionKey, row: StrategyPosition | None
) -> RebuiltPosition:
    """Fold one position from zero, beside its row."""
    stored = {item.entry.key: item for item in entries_after(account.pk, key)}
    terms = market_terms.terms(account.exchange, key.market_type, key.symbol)
    state = opening_state(account.pk, key)
    misjudged = []
    for entry, after in steps(state, (item.entry for item in stored.values()), terms):
        closed = after.realized_pnl - state.realized_pnl
        if _is_misjudged(stored[entry.key], closed):
            misjudged.append(_misjudgement(key, stored[entry.key], closed))
        state = after
    return RebuiltPosition(key=key, row=row, state=state, misjudged=tuple(misjudged))


def _is_misjudged(stored: Stored, closed: Decimal) -> bool:
    """Whether a fill's row says otherwise; postings keep no such note."""
    return stored.pk is not None and stored.closed_pnl != closed


def _misjudgement(key: PositionKey, stored: Stored, closed: Decimal) -> tuple[str, str]:
    # the fold key tells the ids, each behind its length; see `domain.positions`
    _, order, trade, *_ = stored.entry.key.split("|")
    told = "nothing" if stored.closed_pnl is None else plain(stored.closed_pnl)
    return (
        f"{key.market_type}:{key.symbol}:{order[3:]}",
        f"execution {trade[3:]} says it realised {told}, rebuilt {plain(closed)}",
    )


def position_keys(account_id: int) -> list[PositionKey]:
    """Name the positions an account has, or should have."""
    with connection.cursor() as cursor:
        cursor.execute(_KEYS, {"account": account_id})
        return [PositionKey(*row) for row in cursor.fetchall()]
