"""
Trades and executions among themselves.

OL-2 every trade is the sum of its live executions. OL-14 an execution lies where its trade does.
OL-16 execution, trade and order have one owner, and that is a use of this account or nobody.
OL-4 and RE-2: no fill twice.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import Final

from tracking.services.books.moment import Statement
from tracking.services.books.quotes import QUOTE

_EXECUTIONS = "SELECT count(*) FROM tracking_tradeexecution WHERE account_id = %(account)s"
_TRADES = "SELECT count(*) FROM tracking_trade WHERE account_id = %(account)s"

#: what each trade should be
SUMS: Final = f"""
    WITH live AS (
        SELECT trade_id, market_type, execution_quantity, execution_price, realized_pnl,
               executed_at, commission, commission_asset
        FROM tracking_tradeexecution
        WHERE account_id = %(account)s AND voided_at IS NULL
    ), fees AS (
        SELECT trade_id, jsonb_object_agg(commission_asset, trim_scale(fee)) AS commissions
        FROM (SELECT trade_id, commission_asset, sum(commission) AS fee FROM live
              WHERE commission IS NOT NULL AND commission_asset IS NOT NULL
              GROUP BY trade_id, commission_asset) AS by_asset
        GROUP BY trade_id
    ), sums AS (
        SELECT trade_id, count(*) AS executions, sum(execution_quantity) AS quantity,
            sum({QUOTE}) AS quote,
            CASE WHEN count(*) = count(realized_pnl) THEN sum(realized_pnl) END AS pnl,
            min(executed_at) AS first_at, max(executed_at) AS last_at
        FROM live GROUP BY trade_id
    ), trades AS (
        SELECT trade.*, (
            SELECT jsonb_object_agg(key, trim_scale(value::numeric))
            FROM jsonb_each_text(trade.commissions)) AS kept_fees
        FROM tracking_trade AS trade WHERE account_id = %(account)s
    ), compared AS (
        SELECT trades.*, coalesce(executions, 0) AS executions, coalesce(quantity, 0) AS quantity,
            coalesce(quote, 0) AS quote, pnl, first_at, last_at, fees.commissions AS fees
        FROM trades LEFT JOIN sums ON sums.trade_id = trades.id
                    LEFT JOIN fees ON fees.trade_id = trades.id
    )
"""  # noqa: S608 - names of our own
_DIFFERS = """
    (execution_count, filled_quantity, filled_quote) IS DISTINCT FROM (executions, quantity, quote)
    OR executions > 0 AND (realized_pnl, first_executed_at, last_executed_at)
       IS DISTINCT FROM (pnl, first_at, last_at)
    OR coalesce(kept_fees, '{}') <> coalesce(fees, '{}')
"""
#: the trades that are not the sum of their executions
WRONG_IDS: Final = f"{SUMS} SELECT id FROM compared WHERE {_DIFFERS} ORDER BY id"  # noqa: S608
SUMMED: Final = Statement(
    count=_TRADES,
    finds=f"""{SUMS}
    SELECT market_type || ':' || symbol || ':' || exchange_order_id,
        concat_ws('; ',
            CASE WHEN execution_count <> executions
                 THEN 'trade of ' || execution_count || ' executions, there are ' || executions END,
            CASE WHEN filled_quantity <> quantity
                 THEN 'trade of ' || trim_scale(filled_quantity) || ', its executions are '
                      || trim_scale(quantity) END,
            CASE WHEN filled_quote <> quote
                 THEN 'trade for ' || trim_scale(filled_quote) || ', its executions are for '
                      || trim_scale(quote) END,
            CASE WHEN realized_pnl IS DISTINCT FROM pnl
                 THEN 'realized_pnl is ' || coalesce(trim_scale(realized_pnl)::text, 'not known')
                      || ', rebuilt ' || coalesce(trim_scale(pnl)::text, 'not known') END,
            CASE WHEN coalesce(kept_fees, '{{}}') <> coalesce(fees, '{{}}')
                 THEN 'commissions are ' || coalesce(kept_fees, '{{}}')::text || ', rebuilt '
                      || coalesce(fees, '{{}}')::text END,
            CASE WHEN executions > 0 AND (first_executed_at, last_executed_at)
                      IS DISTINCT FROM (first_at, last_at)
                 THEN 'executed from ' || first_executed_at || ' to ' || last_executed_at
                      || ', rebuilt ' || first_at || ' to ' || last_at END)
    FROM compared WHERE {_DIFFERS}
    """,  # noqa: S608 - names of our own
)
AT_HOME: Final = Statement(
    count=_EXECUTIONS,
    finds="""
    SELECT e.market_type || ':' || e.symbol || ':' || e.exchange_order_id,
        CASE WHEN e.side <> t.side
             THEN 'execution ' || e.exchange_trade_id || ' is a ' || e.side || ', its trade a '
                  || t.side
             ELSE 'execution ' || e.exchange_trade_id || ' lies with the trade of '
                  || t.market_type || ':' || t.symbol || ':' || t.exchange_order_id
                  || CASE WHEN t.account_id <> e.account_id THEN ' of another account' ELSE '' END
        END
    FROM tracking_tradeexecution AS e JOIN tracking_trade AS t ON t.id = e.trade_id
    WHERE (e.account_id = %(account)s OR t.account_id = %(account)s)
      AND (e.account_id, e.market_type, e.symbol, e.id_space, e.exchange_order_id, e.position_side,
           e.side)
          IS DISTINCT FROM
          (t.account_id, t.market_type, t.symbol, t.id_space, t.exchange_order_id, t.position_side,
           t.side)
    """,
)
_SAME_OWNER = """
    SELECT market_type || ':' || symbol || ':' || exchange_order_id, what || ' belongs to '
        || coalesce('strategy account ' || mine, 'the residual') || ', its ' || whose || ' to '
        || coalesce('strategy account ' || theirs, 'the residual')
    FROM (
        SELECT e.market_type, e.symbol, e.exchange_order_id,
            'execution ' || e.exchange_trade_id AS what, 'trade' AS whose,
            e.strategy_account_id AS mine, t.strategy_account_id AS theirs
        FROM tracking_tradeexecution AS e JOIN tracking_trade AS t ON t.id = e.trade_id
        WHERE e.account_id = %(account)s
        UNION ALL
        SELECT t.market_type, t.symbol, t.exchange_order_id, 'trade', 'order',
            t.strategy_account_id, o.strategy_account_id
        FROM (SELECT * FROM tracking_trade WHERE account_id = %(account)s) AS t JOIN (
            SELECT market_type, symbol, id_space, exchange_order_id, strategy_account_id
            FROM tracking_openorder WHERE account_id = %(account)s
            UNION ALL
            SELECT market_type, symbol, id_space, exchange_order_id, strategy_account_id
            FROM tracking_closedorder WHERE account_id = %(account)s
        ) AS o USING (market_type, symbol, id_space, exchange_order_id)
    ) AS owners
    WHERE mine IS DISTINCT FROM theirs
"""
SAME_OWNER: Final = Statement(count=_EXECUTIONS, finds=_SAME_OWNER)
OWN_STRATEGIES: Final = Statement(
    count="SELECT count(*) FROM tracking_strategyposition WHERE account_id = %(account)s",
    finds="""
    SELECT market_type || ':' || symbol || ':' || owned.id,
           what || ' belongs to a strategy''s use of another account'
    FROM (
        SELECT market_type, symbol, exchange_order_id AS id, 'execution' AS what,
               strategy_account_id
        FROM tracking_tradeexecution WHERE account_id = %(account)s
        UNION ALL
        SELECT market_type, symbol, exchange_order_id, 'trade', strategy_account_id
        FROM tracking_trade WHERE account_id = %(account)s
        UNION ALL
        SELECT market_type, symbol, coalesce(exchange_order_id, client_order_id), 'open order',
               strategy_account_id
        FROM tracking_openorder WHERE account_id = %(account)s
        UNION ALL
        SELECT market_type, symbol, coalesce(exchange_order_id, client_order_id), 'closed order',
               strategy_account_id
        FROM tracking_closedorder WHERE account_id = %(account)s
        UNION ALL
        SELECT market_type, symbol, position_side, 'position', strategy_account_id
        FROM tracking_strategyposition WHERE account_id = %(account)s
        UNION ALL
        SELECT market_type, symbol, key, 'posting', strategy_account_id
        FROM tracking_posting WHERE account_id = %(account)s
    ) AS owned JOIN tracking_strategyaccount AS use ON use.id = strategy_account_id
    WHERE use.account_id <> %(account)s
    """,
)
ONCE: Final = Statement(
    count=_EXECUTIONS,
    finds="""
    SELECT market_type || ':' || symbol || ':' || exchange_order_id,
           'trade id ' || exchange_trade_id || ' is booked ' || count(*) || ' times alike'
    FROM tracking_tradeexecution WHERE account_id = %(account)s
    GROUP BY market_type, symbol, id_space, exchange_order_id, exchange_trade_id, side,
             execution_price, execution_quantity
    HAVING count(*) > 1
    """,
)
ONE_GUESS: Final = Statement(
    count=_TRADES,
    finds="""
    SELECT market_type || ':' || symbol || ':' || exchange_order_id,
           count(*) || ' live inferred executions'
    FROM tracking_tradeexecution
    WHERE account_id = %(account)s AND source = 'INFERRED' AND voided_at IS NULL
    GROUP BY market_type, symbol, id_space, exchange_order_id HAVING count(*) > 1
    """,
)
