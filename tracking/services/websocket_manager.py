"""
How many live interests an account has in a symbol.

Private streams always carry all symbols; the counts steer which symbols the sync asks about. They
live in the database so that every process agrees, and move in the transaction that writes the
order rows, so that a crash cannot leave them behind.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracking.services import statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracking.services.statements import Statement

_MOVE = """
    INSERT INTO tracking_symbolsubscription (account_id, market_type, symbol, live_count)
    VALUES (%s, %s, %s, GREATEST(%s, 0))
    ON CONFLICT (account_id, market_type, symbol) DO UPDATE
    SET live_count = GREATEST(tracking_symbolsubscription.live_count + %s, 0)
"""


def subscribe_symbol(account_id: int, market_type: str, symbol: str) -> None:
    """Add one live interest. Call inside the transaction that opens the order."""
    move_counts(account_id, {(market_type, symbol): 1})


def unsubscribe_symbol(account_id: int, market_type: str, symbol: str) -> None:
    """Take one live interest away. Call inside the transaction that closes the order."""
    move_counts(account_id, {(market_type, symbol): -1})


def move_counts(account_id: int, deltas: Mapping[tuple[str, str], int]) -> None:
    """Move the counts of several symbols at once, in symbol order."""
    statements.run(count_moves(account_id, deltas))


def count_moves(account_id: int, deltas: Mapping[tuple[str, str], int]) -> list[Statement]:
    """Give the statements of `move_counts`."""
    return [
        (_MOVE, [account_id, market_type, symbol, delta, delta])
        for (market_type, symbol), delta in sorted(deltas.items())
        if delta
    ]
