# ruff: noqa: S608 - every statement is put together from constants of this file
"""Checking the books of an account with 100,000 executions takes less than 20 seconds."""

from __future__ import annotations

import time

import pytest

from tests.books import run
from tests.factories import ExchangeAccountFactory, StrategyAccountFactory
from tests.unit.tracking.domain.builders import at
from tracking.services.books import check_account, rebuild

ORDERS, FILLS_AN_ORDER = 25_000, 4
LIMIT = 20.0

#: orders of three owners in ten markets, buying and selling by turns, each ended by its fourth fill
_ORDERS = f"""
    CREATE TEMP TABLE made AS
    SELECT n, 'COIN' || n % 10 || '/USDT:USDT' AS symbol, (1000000 + n)::text AS order_id,
        CASE WHEN n / 10 % 2 = 0 THEN 'BUY' ELSE 'SELL' END AS side,
        CASE WHEN n % 3 > 0 THEN (SELECT min(id) + n % 3 - 1 FROM tracking_strategyaccount) END
            AS owner,
        TIMESTAMPTZ '2026-11-22 12:00Z' + n * INTERVAL '1 second' AS at, 100 + n % 17 AS price
    FROM generate_series(1, {ORDERS}) AS n
"""
_CLOSED = f"""
    INSERT INTO tracking_closedorder (account_id, strategy_account_id, market_type, symbol,
        id_space, exchange_order_id, placed_by_us, side, position_side, order_type, time_in_force,
        price, quantity, filled_quantity, filled_quote, status, reason, reduce_only, post_only,
        exchange_updated_at, version, verified, resolved_by_absence, created_at, updated_at,
        closed_at, keep)
    SELECT a.id, owner, 'FUTURES', symbol, 'ORDER', order_id, FALSE, side, 'NET', 'LIMIT', 'GTC',
        price, {FILLS_AN_ORDER}, {FILLS_AN_ORDER}, {FILLS_AN_ORDER} * price, 'FILLED', '', FALSE,
        FALSE, at, {FILLS_AN_ORDER} + 1, TRUE, FALSE, at, at, at, TRUE
    FROM made, tracking_exchangeaccount AS a
"""
_TRADES = f"""
    INSERT INTO tracking_trade (account_id, strategy_account_id, market_type, symbol, id_space,
        exchange_order_id, side, position_side, filled_quantity, filled_quote, realized_pnl,
        commissions, execution_count, first_executed_at, last_executed_at)
    SELECT account_id, strategy_account_id, market_type, symbol, id_space, exchange_order_id, side,
        position_side, filled_quantity, filled_quote, 0, '{{"USDT": "0.04"}}', {FILLS_AN_ORDER},
        updated_at + INTERVAL '1 millisecond',
        updated_at + {FILLS_AN_ORDER} * INTERVAL '1 millisecond'
    FROM tracking_closedorder
"""
_EXECUTIONS = f"""
    INSERT INTO tracking_tradeexecution (trade_id, account_id, strategy_account_id, market_type,
        symbol, id_space, exchange_order_id, exchange_trade_id, side, sequence, position_side,
        execution_price, execution_quantity, is_maker, commission, commission_asset, realized_pnl,
        executed_at, kind, source, verified, verify_attempts, is_history, disclaimed, created_at)
    SELECT id, account_id, strategy_account_id, market_type, symbol, id_space, exchange_order_id,
        (exchange_order_id::int * 10 + k)::text, side, 0, position_side,
        filled_quote / {FILLS_AN_ORDER}, 1, TRUE, 0.01, 'USDT', 0,
        first_executed_at + (k - 1) * INTERVAL '1 millisecond', 'TRADE', 'WS', TRUE, 0, FALSE,
        FALSE, last_executed_at
    FROM tracking_trade, generate_series(1, {FILLS_AN_ORDER}) AS k
"""
_EVENTS = f"""
    INSERT INTO tracking_orderevent (user_id, seq, account_id, kind, symbol, exchange_order_id,
        client_order_id, payload, created_at)
    SELECT a.user_id, row_number() OVER (ORDER BY o.id, k), a.id,
        CASE WHEN k = {FILLS_AN_ORDER} + 1 THEN 'order_filled' ELSE 'pending_order' END,
        o.symbol, o.exchange_order_id, '',
        jsonb_build_object('action', CASE WHEN k < {FILLS_AN_ORDER} THEN 'upsert' ELSE 'remove' END,
            'reason', '', 'order', jsonb_build_object('market_type', o.market_type,
            'symbol', o.symbol, 'id_space', o.id_space, 'exchange_order_id', o.exchange_order_id,
            'client_order_id', NULL, 'placed_by_us', FALSE, 'side', o.side,
            'filled_quantity', least(k, {FILLS_AN_ORDER})::text, 'version',
            least(k, {FILLS_AN_ORDER}) + 1, 'status', CASE WHEN k < {FILLS_AN_ORDER}
                THEN 'PARTIALLY_FILLED' ELSE 'FILLED' END,
            'exchange_updated_at', '2026-11-22T12:00:00+00:00')), o.updated_at
    FROM tracking_closedorder AS o, tracking_exchangeaccount AS a,
        generate_series(0, {FILLS_AN_ORDER} + 1) AS k
"""
_COUNTER = """
    INSERT INTO tracking_eventcounter (user_id, seq)
    SELECT user_id, max(seq) FROM tracking_orderevent GROUP BY user_id
"""


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("transactional_db")
def test_a_hundred_thousand_executions_are_checked_in_time() -> None:
    account = ExchangeAccountFactory.create(baseline_at=at(-10))
    StrategyAccountFactory.create_batch(2, account=account)
    run(_ORDERS, _CLOSED, _TRADES, _EXECUTIONS, _EVENTS, _COUNTER, "DROP TABLE made", "ANALYZE")
    warrant = rebuild.Warrant(actor="test", reason="positions of invented fills")
    rebuild.apply(rebuild.plan(account.pk), warrant)

    began = time.monotonic()
    check = check_account(account.pk)
    took = time.monotonic() - began

    assert check.violations == []
    assert check.rows_checked > ORDERS * FILLS_AN_ORDER
    assert took < LIMIT
