"""
Positions against what they are made of.

OL-2 every position is the fold of its executions and postings, from zero. RE-4 each execution moved
its position once. RE-14 the quantity is the signed sum, added up by the database alone, so that a
mistake in the fold cannot hide itself; on spot less what was paid in the base asset itself, and
beside it what fills moved of the quote asset.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tracking.services.books.moment import Statement

if TYPE_CHECKING:
    from tracking.services.books.moment import Found, Moment

_POSITIONS = "SELECT count(*) FROM tracking_strategyposition WHERE account_id = %(account)s"
_SUBJECT = """
    market_type || ':' || symbol || ':' || position_side || CASE WHEN strategy_account_id IS NULL
    THEN ' (residual)' ELSE ' (strategy account ' || strategy_account_id || ')' END
"""
#: each position beside the sums of what moved it
_SUMS = """
    WITH moves AS (
        SELECT strategy_account_id, market_type, symbol, position_side, 1 AS fills,
            CASE WHEN symbol LIKE '%%:%%' THEN 0
                 WHEN side = 'BUY' THEN -execution_quantity * execution_price
                 ELSE execution_quantity * execution_price END AS quote_moved,
            CASE side WHEN 'BUY' THEN execution_quantity ELSE -execution_quantity END
            - CASE WHEN symbol NOT LIKE '%%:%%' AND commission_asset = split_part(symbol, '/', 1)
                   THEN coalesce(commission, 0) ELSE 0 END AS moved
        FROM tracking_tradeexecution
        WHERE account_id = %(account)s AND voided_at IS NULL AND NOT is_history
        UNION ALL
        SELECT strategy_account_id, market_type, symbol, position_side, 0, 0, quantity
        FROM tracking_posting WHERE account_id = %(account)s AND symbol <> '' AND quantity <> 0
    ), sums AS (
        SELECT strategy_account_id, market_type, symbol, position_side, sum(fills) AS fills,
            sum(moved) AS moved, sum(quote_moved) AS quote_moved
        FROM moves GROUP BY strategy_account_id, market_type, symbol, position_side
    ), compared AS (
        SELECT coalesce(p.strategy_account_id, s.strategy_account_id) AS strategy_account_id,
            coalesce(p.market_type, s.market_type) AS market_type,
            coalesce(p.symbol, s.symbol) AS symbol,
            coalesce(p.position_side, s.position_side) AS position_side,
            coalesce(p.quantity, 0) AS quantity, coalesce(p.execution_count, 0) AS execution_count,
            coalesce(p.quote_change, 0) AS quote_change,
            coalesce(s.moved, 0) AS moved, coalesce(s.fills, 0) AS fills,
            coalesce(s.quote_moved, 0) AS quote_moved
        FROM (SELECT * FROM tracking_strategyposition WHERE account_id = %(account)s) AS p
        FULL JOIN sums AS s
            ON coalesce(s.strategy_account_id, 0) = coalesce(p.strategy_account_id, 0)
            AND s.market_type = p.market_type AND s.symbol = p.symbol
            AND s.position_side = p.position_side
    )
"""

COUNTED: Final = Statement(
    count=_POSITIONS,
    finds=f"""{_SUMS}
    SELECT {_SUBJECT}, 'folded ' || execution_count || ' executions, there are ' || fills
    FROM compared WHERE execution_count <> fills
    """,  # noqa: S608 - names of our own
)
ADDED_UP: Final = Statement(
    count=_POSITIONS,
    finds=f"""{_SUMS}
    SELECT {_SUBJECT}, 'holds ' || trim_scale(quantity) || ', its executions and postings come to '
        || trim_scale(moved)
    FROM compared WHERE quantity <> moved
    UNION ALL
    SELECT {_SUBJECT}, 'moved its quote asset by ' || trim_scale(quote_change)
        || ', its executions by ' || trim_scale(quote_moved)
    FROM compared WHERE quote_change <> quote_moved
    """,  # noqa: S608 - names of our own
)


def folded(moment: Moment) -> Found:
    """Compare every position, and what each of its fills realised, with its fold from zero."""
    rows, wrong = 0, list[tuple[str, str]]()
    for item in moment.positions:
        rows += item.state.execution_count + 1
        wrong += item.misjudged
        if differences := item.differences():
            wrong.append((item.subject, "; ".join(differences)))
    return rows, wrong
