"""
Orders against their executions and trades.

OL-1 Σ live executions is what the order says it filled. Staff may have disclaimed a fill the
exchange counts: then the sum may fall short by so much. An open order may have filled more than was
seen, while REST is being asked about it (`next_verify_at`).
OL-7 an order that has ended is covered by executions. RE-3 order, trade and executions agree, and
whatever filled beyond its quantity was noticed. RE-6 no order is both open and closed.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import Final

from tracking.services.books.moment import Statement
from tracking.services.books.quotes import QUOTE

_COLUMNS = """
    account_id, market_type, symbol, id_space, exchange_order_id, client_order_id, status,
    quantity, filled_quantity, filled_quote, strategy_account_id
"""
#: all orders, and what their executions come to
_BOOKS: Final = f"""
    WITH orders AS (
        SELECT {_COLUMNS}, 'open' AS book, next_verify_at IS NOT NULL AS is_asked_about
        FROM tracking_openorder WHERE account_id = %(account)s
        UNION ALL
        SELECT {_COLUMNS}, 'closed', FALSE
        FROM tracking_closedorder WHERE account_id = %(account)s
    ), fills AS (
        SELECT market_type, symbol, id_space, exchange_order_id,
            coalesce(sum(execution_quantity) FILTER (WHERE voided_at IS NULL), 0) AS live,
            coalesce(sum({QUOTE})
                     FILTER (WHERE voided_at IS NULL), 0) AS live_quote,
            coalesce(sum(execution_quantity) FILTER (WHERE disclaimed), 0) AS disclaimed,
            coalesce(sum(execution_quantity)
                     FILTER (WHERE disclaimed AND source <> 'INFERRED'), 0) AS denied,
            coalesce(sum({QUOTE})
                     FILTER (WHERE disclaimed AND source <> 'INFERRED'), 0) AS denied_quote
        FROM tracking_tradeexecution WHERE account_id = %(account)s
        GROUP BY market_type, symbol, id_space, exchange_order_id
    ), booked AS (
        SELECT market_type, symbol, id_space, exchange_order_id, book, status, quantity,
            client_order_id, is_asked_about,
            coalesce(filled_quantity, 0) AS filled, coalesce(filled_quote, 0) AS quote,
            coalesce(live, 0) AS live, coalesce(live_quote, 0) AS live_quote,
            coalesce(live, 0) + coalesce(disclaimed, 0) AS most,
            coalesce(live, 0) + coalesce(denied, 0) AS seen,
            coalesce(live_quote, 0) + coalesce(denied_quote, 0) AS seen_quote
        FROM orders FULL JOIN fills USING (market_type, symbol, id_space, exchange_order_id)
    )
"""  # noqa: S608 - names of our own
_SUBJECT = "market_type || ':' || symbol || ':' || coalesce(exchange_order_id, client_order_id, '')"
_ORDER_COUNT = """
    SELECT (SELECT count(*) FROM tracking_openorder WHERE account_id = %(account)s)
         + (SELECT count(*) FROM tracking_closedorder WHERE account_id = %(account)s)
"""

CONSERVED: Final = Statement(
    count="SELECT count(*) FROM tracking_tradeexecution WHERE account_id = %(account)s",
    finds=f"""{_BOOKS}
    SELECT {_SUBJECT},
        CASE WHEN book IS NULL THEN 'executions of an order that does not exist'
             WHEN live > filled OR filled > most
             THEN book || ' order filled ' || trim_scale(filled)
                  || ', its executions ' || trim_scale(live)
             ELSE book || ' order filled for ' || trim_scale(quote)
                  || ', its executions for ' || trim_scale(live_quote) END
    FROM booked
    WHERE book IS NULL
       OR NOT (is_asked_about AND live < filled) AND (
            live > filled OR filled > most
            OR (filled = live AND quote <> live_quote)
            OR (filled > live AND filled = seen AND quote <> seen_quote))
    """,  # noqa: S608 - names of our own
)
COVERED: Final = Statement(
    count="SELECT count(*) FROM tracking_closedorder WHERE account_id = %(account)s",
    finds=f"""{_BOOKS}
    SELECT {_SUBJECT},
        CASE WHEN filled > most
             THEN status || ' with ' || trim_scale(filled) || ' filled, executions cover '
                  || trim_scale(most)
             ELSE status || ' although ' || trim_scale(live) || ' filled' END
    FROM booked
    WHERE book = 'closed' AND (filled > most OR (status IN ('REJECTED', 'FAILED') AND live > 0))
    """,  # noqa: S608 - names of our own
)
NOT_BEYOND: Final = Statement(
    count=_ORDER_COUNT,
    finds=f"""{_BOOKS}
    SELECT {_SUBJECT}, 'filled ' || trim_scale(filled) || ' of ' || trim_scale(quantity)
                       || ', and nobody was told'
    FROM booked
    WHERE filled > quantity AND quantity > 0 AND NOT EXISTS (
        SELECT FROM tracking_anomaly
        WHERE account_id = %(account)s AND kind = 'OVERFILL' AND key = left({_SUBJECT}, 200))
    """,  # noqa: S608 - names of our own
)
TRADES_OF_ORDERS: Final = Statement(
    count="SELECT count(*) FROM tracking_trade WHERE account_id = %(account)s",
    finds=f"""{_BOOKS}
    SELECT {_SUBJECT},
        'trade of ' || coalesce(trim_scale(trade.filled_quantity)::text, 'nothing')
        || ' for ' || coalesce(trim_scale(trade.filled_quote)::text, 'nothing')
        || ', executions of ' || trim_scale(live) || ' for ' || trim_scale(live_quote)
    FROM booked LEFT JOIN (
        SELECT market_type, symbol, id_space, exchange_order_id, filled_quantity, filled_quote
        FROM tracking_trade WHERE account_id = %(account)s
    ) AS trade USING (market_type, symbol, id_space, exchange_order_id)
    WHERE coalesce(trade.filled_quantity, 0) <> live
       OR coalesce(trade.filled_quote, 0) <> live_quote
    """,  # noqa: S608 - names of our own
)
APART: Final = Statement(
    count=_ORDER_COUNT,
    finds="""
    SELECT market_type || ':' || symbol || ':' || exchange_order_id,
           'open as ' || o.status || ' and closed as ' || c.status
    FROM (SELECT * FROM tracking_openorder WHERE account_id = %(account)s) AS o
    JOIN (SELECT * FROM tracking_closedorder WHERE account_id = %(account)s) AS c
        USING (market_type, symbol, id_space, exchange_order_id)
    """,
)
