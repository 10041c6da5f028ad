"""
The inbox, the repairs and the anomalies: nothing vanished on its way, nothing changed unseen.

RE-20 a frame is either done, waiting or set aside, and none waits for long. OL-17 each repair keeps
what was before and after; a fill disclaimed has its repair; what should be noticed was noticed;
whatever waits for REST's word has a time at which REST is asked (while a key is refused nobody
asks, but the time stays).

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import Final

from tracking.services.books.moment import Statement

#: A frame that waited longer than this was forgotten: the sweep comes every two seconds. Where an
#: account has two sides a fill may wait ten minutes for its order, see `lone_fills`.
WAITS_AT_MOST, WITH_TWO_SIDES = "2 minutes", "12 minutes"

INBOX: Final = Statement(
    count="SELECT count(*) FROM tracking_streamevent WHERE account_id = %(account)s",
    finds=f"""
    SELECT 'frame ' || frame.id, CASE WHEN processed_at IS NOT NULL
        THEN 'both processed and set aside'
        ELSE 'has waited since ' || received_at END
    FROM tracking_streamevent AS frame JOIN tracking_exchangeaccount AS a ON a.id = account_id
    WHERE account_id = %(account)s AND quarantined_at IS NOT NULL AND processed_at IS NOT NULL
       OR account_id = %(account)s AND quarantined_at IS NULL AND processed_at IS NULL
          AND a.state = 'ACTIVE' AND received_at < now() - CASE a.position_mode
              WHEN 'HEDGE' THEN INTERVAL '{WITH_TWO_SIDES}' ELSE INTERVAL '{WAITS_AT_MOST}' END
    """,  # noqa: S608 - names of our own
)
REPAIRS: Final = Statement(
    count="SELECT count(*) FROM tracking_repair WHERE account_id = %(account)s",
    finds="""
    SELECT subject, action || ' by ' || actor || ' does not say what was before and after'
    FROM tracking_repair
    WHERE account_id = %(account)s AND (
        jsonb_typeof(before) = 'null' OR jsonb_typeof(after) = 'null'
        OR before IN ('{}', '[]') OR after IN ('{}', '[]'))
    """,
)
DISCLAIMED: Final = Statement(
    count="""
    SELECT count(*) FROM tracking_tradeexecution
    WHERE account_id = %(account)s AND voided_at IS NOT NULL
    """,
    finds="""
    SELECT market_type || ':' || symbol || ':' || exchange_order_id,
        'execution ' || exchange_trade_id || CASE
            WHEN disclaimed THEN ' was disclaimed, and no repair says by whom'
            ELSE ' was voided, and by nobody' END
    FROM tracking_tradeexecution AS e
    WHERE account_id = %(account)s AND voided_at IS NOT NULL
      AND (disclaimed OR source <> 'INFERRED') AND NOT EXISTS (
        SELECT FROM tracking_repair AS r
        WHERE r.account_id = %(account)s AND r.action = 'VOID_EXECUTION'
          AND r.subject = left(e.market_type || ':' || e.symbol || ':' || e.exchange_order_id
                               || ' #' || e.exchange_trade_id, 200))
    """,
)
_KEY = "left(market_type || ':' || symbol || ':' || exchange_order_id, 200)"
NOTICED: Final = Statement(
    count="""
    SELECT count(*) FROM tracking_tradeexecution
    WHERE account_id = %(account)s AND sequence > 0
    """,
    finds=f"""
    SELECT DISTINCT {_KEY}, 'trade id ' || exchange_trade_id || ' was used twice, and nobody told'
    FROM tracking_tradeexecution
    WHERE account_id = %(account)s AND sequence > 0 AND NOT EXISTS (
        SELECT FROM tracking_anomaly AS seen
        WHERE seen.account_id = %(account)s AND seen.kind = 'SAME_TRADE_ID' AND seen.key = {_KEY})
    """,  # noqa: S608 - names of our own
)
SET_ASIDE: Final = Statement(
    count="""
    SELECT count(*) FROM tracking_streamevent
    WHERE account_id = %(account)s AND quarantined_at IS NOT NULL
    """,
    finds="""
    SELECT 'frame ' || id, 'was set aside, and nobody was told'
    FROM tracking_streamevent AS frame
    WHERE account_id = %(account)s AND quarantined_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM tracking_anomaly AS seen
        WHERE seen.account_id = %(account)s
            AND seen.kind IN ('QUARANTINED', 'MALFORMED_FRAME', 'UNKNOWN_SYMBOL'))
    """,
)
ASKED_ABOUT: Final = Statement(
    count="""
    SELECT (SELECT count(*) FROM tracking_tradeexecution
            WHERE account_id = %(account)s AND NOT verified AND voided_at IS NULL)
         + (SELECT count(*) FROM tracking_openorder
            WHERE account_id = %(account)s AND status = 'UNKNOWN')
    """,
    finds="""
    SELECT market_type || ':' || symbol || ':' || exchange_order_id,
        'execution ' || exchange_trade_id || ' is not verified, and REST is not being asked'
    FROM tracking_tradeexecution
    WHERE account_id = %(account)s AND NOT verified AND voided_at IS NULL
      AND next_verify_at IS NULL AND unverifiable_at IS NULL
    UNION ALL
    SELECT market_type || ':' || symbol || ':' || coalesce(exchange_order_id, client_order_id, ''),
        'open order is UNKNOWN, and REST is not being asked'
    FROM tracking_openorder
    WHERE account_id = %(account)s AND status = 'UNKNOWN' AND next_verify_at IS NULL
    """,
)
