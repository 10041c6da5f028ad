"""
Whose books are measured, and the history they begin with.

An empty database flatters: its tables fit one page and its plans were made for none. So every
account has traded before: at least 25,000 orders that filled in four pieces each, spread evenly
over all accounts, and the tables analysed. The history lies before the accounts' baselines and
moves no position; its order ids are below those of the simulated exchange.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.db import connection
from psycopg2 import Binary

from exchanges.messages import Exchange
from tracking.models import AccountState, ExchangeAccount, OpenOrder
from tracking.models.fields import compressed

if TYPE_CHECKING:
    from collections.abc import Iterable

TRADES = 26_000
PIECES = 4
LIMIT_ACCOUNTS = 20
LIMIT_ORDERS = 10_000
TRACKED_ACCOUNTS = 4
STREAMED_ACCOUNTS = 200
GROUPS = ("ours", "naive", "enforced", "placing")
SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
#: ids of history orders begin here; those of the simulated exchange are greater
FIRST_ID = 1_000_000

_IDENTITY = "account_id, market_type, symbol, id_space, exchange_order_id"
_ROWS = """
    SELECT n, (%(accounts)s)[1 + n %% cardinality(%(accounts)s)] AS account_id,
           (%(symbols)s)[1 + (n / 7) %% cardinality(%(symbols)s)] AS symbol,
           (%(first)s + n)::text AS exchange_order_id,
           CASE WHEN n %% 2 = 0 THEN 'BUY' ELSE 'SELL' END AS side,
           now() - interval '1 day' - n * interval '30 seconds' AS at
    FROM generate_series(1, %(count)s) AS n
"""
_TRADES = f"""
    INSERT INTO tracking_trade ({_IDENTITY}, client_order_id, side, position_side,
        filled_quantity, filled_quote, realized_pnl, commissions, execution_count,
        first_executed_at, last_executed_at)
    SELECT account_id, 'FUTURES', symbol, 'ORDER', exchange_order_id, 'history-' || n, side, 'NET',
           0.04, 2400, 0, '{{"USDT": "0.48"}}', %(pieces)s, at, at + interval '3 seconds'
    FROM ({_ROWS}) AS made
"""
_EXECUTIONS = f"""
    INSERT INTO tracking_tradeexecution ({_IDENTITY}, trade_id, exchange_trade_id, side, sequence,
        position_side, execution_price, execution_quantity, is_maker, commission, commission_asset,
        realized_pnl, executed_at, kind, source, verified, verified_at, verify_attempts, is_history,
        disclaimed, created_at)
    SELECT {_IDENTITY}, id, exchange_order_id || piece, side, 0, position_side, 60000, 0.01, true,
           0.12, 'USDT', 0, first_executed_at + piece * interval '1 second', 'TRADE', 'WS', true,
           first_executed_at, 0, true, false, first_executed_at
    FROM tracking_trade CROSS JOIN generate_series(0, %(pieces)s - 1) AS piece
"""
_CLOSED = f"""
    INSERT INTO tracking_closedorder ({_IDENTITY}, client_order_id, placed_by_us, side,
        position_side, order_type, time_in_force, price, quantity, filled_quantity, filled_quote,
        status, reason, reduce_only, post_only, exchange_updated_at, version, verified,
        resolved_by_absence, created_at, updated_at, closed_at, keep)
    SELECT {_IDENTITY}, client_order_id, false, side, 'NET', 'LIMIT', 'GTC', 60000, 0.04, 0.04,
           2400, 'FILLED', '', false, false, last_executed_at, 6, true, false, first_executed_at,
           last_executed_at, last_executed_at, true
    FROM tracking_trade
"""
_OPEN = f"""
    INSERT INTO tracking_openorder ({_IDENTITY}, client_order_id, placed_by_us, side,
        position_side, order_type, time_in_force, price, quantity, filled_quantity, filled_quote,
        status, reason, reduce_only, post_only, exchange_updated_at, version, verified,
        resolved_by_absence, created_at, updated_at, verify_attempts, not_found_count)
    SELECT account_id, 'FUTURES', symbol, 'ORDER', exchange_order_id, 'limit-' || n, false, 'BUY',
           'NET', 'LIMIT', 'GTC', 60000, 1000, 0, 0, 'NEW', '', false, false, now(), 1, true, false,
           now(), now(), 0, 0
    FROM ({_ROWS}) AS made
"""
_INBOX = """
    INSERT INTO tracking_streamevent (account_id, market_type, epoch, raw, received_at,
        processed_at, attempts, error)
    SELECT account_id, market_type, 1, %(frame)s, executed_at, executed_at, 0, ''
    FROM tracking_tradeexecution WHERE id %% 4 = 0
"""
_JOURNAL = """
    INSERT INTO tracking_orderevent (user_id, seq, account_id, kind, symbol, exchange_order_id,
        client_order_id, payload, received_at, created_at)
    SELECT account.user_id, row_number() OVER (), trade.account_id, 'trade', trade.symbol,
           trade.exchange_order_id, trade.client_order_id, to_jsonb(trade), last_executed_at,
           last_executed_at
    FROM tracking_trade AS trade JOIN tracking_exchangeaccount AS account
      ON account.id = trade.account_id
"""
_COUNTER = """
    INSERT INTO tracking_eventcounter (user_id, seq)
    SELECT user_id, max(seq) FROM tracking_orderevent GROUP BY user_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The accounts of each part; a part touches no rows but those of its own."""

    user: User
    limit: list[ExchangeAccount]
    groups: dict[str, list[ExchangeAccount]]
    #: without a past
    lone: list[ExchangeAccount]
    streamed: list[ExchangeAccount]

    def limit_orders(self) -> tuple[int, int]:
        """Give the first and the last row id of the orders that the limit fills."""
        orders = OpenOrder.objects.filter(account__in=self.limit).order_by("id")
        ids = list(orders.values_list("id", flat=True))
        if ids[-1] - ids[0] + 1 != len(ids):
            message = "the ids of the limit's orders have holes"
            raise RuntimeError(message)
        return ids[0], ids[-1]


def make_accounts() -> Accounts:
    """Open all accounts, none of them tracked yet."""
    user = User.objects.create(username="bench")
    return Accounts(
        user=user,
        limit=_accounts(user, "limit", LIMIT_ACCOUNTS),
        groups={group: _accounts(user, group, TRACKED_ACCOUNTS) for group in GROUPS},
        lone=_accounts(user, "lone", 1),
        streamed=_accounts(user, "streamed", STREAMED_ACCOUNTS),
    )


def _accounts(user: User, group: str, count: int) -> list[ExchangeAccount]:
    return ExchangeAccount.objects.bulk_create(
        ExchangeAccount(
            user=user,
            name=f"{group} {number}",
            exchange=Exchange.BINANCE.value,
            simulated=True,
            api_key=f"bench-{group}-{number}",
            api_secret=f"secret of {group} {number}",
            state=AccountState.DISABLED.value,
        )
        for number in range(1, count + 1)
    )


def load(accounts: Accounts) -> None:
    """Write the history and the orders of the limit; analyse the tables."""
    everyone = [*accounts.limit, *(one for group in accounts.groups.values() for one in group)]
    with connection.cursor() as cursor:
        past = _values(everyone, TRADES, FIRST_ID)
        for statement in (_TRADES, _EXECUTIONS, _CLOSED, _INBOX, _JOURNAL, _COUNTER):
            cursor.execute(statement, past if "%(" in statement else None)
        cursor.execute(_OPEN, _values(accounts.limit, LIMIT_ORDERS, FIRST_ID + TRADES))
        cursor.execute("VACUUM ANALYZE")


def _values(accounts: Iterable[ExchangeAccount], count: int, first: int) -> dict[str, Any]:
    return {
        "accounts": [account.pk for account in accounts],
        "symbols": list(SYMBOLS),
        "first": first,
        "count": count,
        "pieces": PIECES,
        "frame": Binary(compressed('{"e":"ORDER_TRADE_UPDATE"}' * 25)),
    }
