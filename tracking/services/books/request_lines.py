"""
Orders out are requests in: what we placed was asked for once, and what was asked for is there.

RE-10 a client order id is sent under one request, after its attempt. RE-13 each order of ours has
the one request that asked for it, and each request that was attempted or accepted has its order.
RE-11 what was told not to have been accepted does not rest, and did not end as an order does.

An order that was made and never claimed for sending is PENDING, and then FAILED.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import Final

from tracking.services.books.moment import Statement

#: placements as SQL names them, and the orders of ours
_BOOKS: Final = """
    WITH requests AS (
        SELECT id, market_type, symbol, client_order_id, outcome, attempted_at, sent_at
        FROM tracking_orderrequest WHERE account_id = %(account)s AND action = 'PLACE'
    ), orders AS (
        SELECT market_type, symbol, exchange_order_id, client_order_id, status
        FROM tracking_openorder WHERE account_id = %(account)s AND placed_by_us
        UNION ALL
        SELECT market_type, symbol, exchange_order_id, client_order_id, status
        FROM tracking_closedorder WHERE account_id = %(account)s AND placed_by_us
    )
"""
_ORDER = """o.market_type || ':' || o.symbol || ':'
    || coalesce(o.exchange_order_id, o.client_order_id, '')"""
_REQUEST = "r.market_type || ':' || r.symbol || ':' || coalesce(r.client_order_id, '')"
_COUNT = """
    SELECT count(*) FROM tracking_orderrequest
    WHERE account_id = %(account)s AND action = 'PLACE'
"""
SENT_ONCE: Final = Statement(
    count=_COUNT,
    finds=f"""{_BOOKS}
    SELECT min({_REQUEST}), count(*) || ' requests have this client order id'
    FROM requests AS r GROUP BY client_order_id HAVING count(*) > 1
    UNION ALL
    SELECT {_REQUEST}, 'request ' || id || CASE
        WHEN client_order_id IS NULL THEN ' was sent without a client order id'
        ELSE ' was sent, and no order was made before' END
    FROM requests AS r
    WHERE sent_at IS NOT NULL AND (attempted_at IS NULL OR client_order_id IS NULL)
    """,  # noqa: S608 - names of our own
)
ASKED_FOR: Final = Statement(
    count="""
    SELECT (SELECT count(*) FROM tracking_openorder
            WHERE account_id = %(account)s AND placed_by_us)
         + (SELECT count(*) FROM tracking_closedorder
            WHERE account_id = %(account)s AND placed_by_us)
    """,
    finds=f"""{_BOOKS}
    SELECT {_ORDER}, CASE
        WHEN r.asked IS NULL THEN o.status || ', and no request asked for it'
        WHEN r.asked > 1 THEN r.asked || ' requests asked for it'
        ELSE o.status || ', and its request was never sent' END
    FROM orders AS o LEFT JOIN (
        SELECT client_order_id, count(*) AS asked, bool_or(sent_at IS NOT NULL) AS sent
        FROM requests GROUP BY client_order_id
    ) AS r USING (client_order_id)
    WHERE r.asked IS NULL OR r.asked > 1 OR NOT (r.sent OR o.status IN ('PENDING', 'FAILED'))
    """,  # noqa: S608 - names of our own
)
THERE: Final = Statement(
    count=f"{_COUNT} AND (attempted_at IS NOT NULL OR outcome = 'ACCEPTED')",
    finds=f"""{_BOOKS}
    SELECT {_REQUEST}, 'request ' || id || ' is ' || outcome || ', and there is no order of it'
    FROM requests AS r
    WHERE (attempted_at IS NOT NULL OR outcome = 'ACCEPTED')
      AND NOT EXISTS (SELECT FROM orders AS o WHERE o.client_order_id = r.client_order_id)
    """,  # noqa: S608 - names of our own
)
NOT_THERE: Final = Statement(
    count=_COUNT,
    finds=f"""{_BOOKS}
    SELECT {_ORDER}, o.status || ', and its request is told to be ' || r.outcome
    FROM requests AS r JOIN orders AS o USING (client_order_id)
    WHERE r.outcome IN ('REJECTED', 'FAILED', 'NOT_ACCEPTED')
      AND o.status NOT IN ('PENDING', 'UNKNOWN', 'REJECTED', 'FAILED')
    """,  # noqa: S608 - names of our own
)
