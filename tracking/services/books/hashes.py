"""
RE-23: the derived tables, and what the executions and postings make of them, have one hash.

OL-2 compares row by row; this says the same in one word that two hosts or two backups can compare.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from django.db import connection

from tracking.services.books.rebuilt import canonical
from tracking.services.books.trades import SUMS
from tracking.services.position_columns import position_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracking.domain.positions import PositionState
    from tracking.services.books.moment import Found, Moment

#: hashes of the trades as kept and as rebuilt; what only executions know is left out where none is
_TRADES: Final = f"""{SUMS}
    SELECT count(*), md5(string_agg(concat_ws('|', market_type, symbol, id_space, exchange_order_id,
            execution_count, trim_scale(filled_quantity), trim_scale(filled_quote),
            CASE WHEN executions > 0 THEN trim_scale(realized_pnl) END,
            CASE WHEN executions > 0 THEN first_executed_at END,
            CASE WHEN executions > 0 THEN last_executed_at END, coalesce(kept_fees, '{{}}')),
            E'\\n' ORDER BY id)),
        md5(string_agg(concat_ws('|', market_type, symbol, id_space, exchange_order_id,
            executions, trim_scale(quantity), trim_scale(quote), trim_scale(pnl), first_at, last_at,
            coalesce(fees, '{{}}')), E'\\n' ORDER BY id))
    FROM compared
"""  # noqa: S608 - names of our own


def hashed(moment: Moment) -> Found:
    """Compare the hashes of trades and of positions."""
    with connection.cursor() as cursor:
        cursor.execute(_TRADES, moment.parameters)
        trades, kept_trades, rebuilt_trades = cursor.fetchone()
    kept = _hash(position_state(item.row) if item.row else None for item in moment.positions)
    rebuilt = _hash(item.state for item in moment.positions)
    pairs = (("trades", kept_trades, rebuilt_trades), ("positions", kept, rebuilt))
    return trades + len(moment.positions), [
        (table, f"hash to {left}, rebuilt to {right}")
        for table, left, right in pairs
        if left != right
    ]


def _hash(states: Iterable[PositionState | None]) -> str:
    lines = "\n".join(map(_line, states))
    return hashlib.sha256(lines.encode()).hexdigest()[:32]


def _line(state: PositionState | None) -> str:
    return "" if state is None else canonical(state)
