"""How far the trades of each symbol are known. Cursors only move forward, with the books."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from exchanges.questions import TradeCursor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from tracking.services.statements import Statement

_MOVE = """
    INSERT INTO tracking_symbolsubscription
        (account_id, market_type, symbol, live_count, trade_cursor, verified_at)
    VALUES (%s, %s, %s, 0, %s, %s)
    ON CONFLICT (account_id, market_type, symbol) DO UPDATE
    SET trade_cursor = CASE
            WHEN EXCLUDED.trade_cursor IS NULL THEN tracking_symbolsubscription.trade_cursor
            WHEN tracking_symbolsubscription.trade_cursor IS NULL
              OR EXCLUDED.trade_cursor::numeric > tracking_symbolsubscription.trade_cursor::numeric
            THEN EXCLUDED.trade_cursor
            ELSE tracking_symbolsubscription.trade_cursor END,
        verified_at = EXCLUDED.verified_at
"""
_READ = """
    SELECT market_type, symbol, trade_cursor FROM tracking_symbolsubscription
    WHERE account_id = %s AND symbol = ANY(%s)
"""


def cursor_moves(
    account_id: int, cursors: Mapping[tuple[str, str], str | None], now: datetime
) -> list[Statement]:
    """Note that REST was asked about these symbols, and up to which trade id all is booked."""
    return [
        (_MOVE, [account_id, market_type, symbol, trade_id, now])
        for (market_type, symbol), trade_id in sorted(cursors.items())
    ]


def read_cursors(
    account_id: int, symbols: Iterable[tuple[str, str]], since: datetime | None
) -> dict[tuple[str, str], TradeCursor]:
    """Say where the trades query of each symbol goes on; `since` where none was made yet."""
    wanted = set(symbols)
    with connection.cursor() as cursor:
        cursor.execute(_READ, [account_id, [symbol for _, symbol in wanted]])
        known = {(market_type, symbol): at for market_type, symbol, at in cursor.fetchall()}
    return {
        key: TradeCursor(after_trade_id=known.get(key), since=None if known.get(key) else since)
        for key in wanted
    }
