"""
The canonical transaction of a fill, and how many of them this machine commits a second.

Five statements on the real tables with their constraints and foreign keys: the order locked, its
trade and its position moved, the execution inserted, the order updated. pgbench runs them prepared,
which is as fast as one fill a transaction can be; where there is no pgbench a loop in Python does,
and the figure is then not the machine's but Python's.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2
from django.db import connection

from ordertrack.embedded import pgbench_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.history import Accounts

CONNECTIONS = (1, 4, 16)
ORDER_KEY = "account_id, market_type, symbol, id_space, exchange_order_id"
POSITION_KEY = "account_id, strategy_account_id, market_type, symbol, position_side"
LOCK_ORDER = """
SELECT account_id AS account, symbol AS symbol, exchange_order_id AS number
FROM tracking_openorder WHERE id = {order} FOR NO KEY UPDATE
"""
MOVE_TRADE = f"""
INSERT INTO tracking_trade AS held
    ({ORDER_KEY}, side, position_side, filled_quantity, filled_quote, realized_pnl, commissions,
     execution_count, first_executed_at, last_executed_at)
VALUES ({{account}}, 'FUTURES', {{symbol}}, 'ORDER', {{number}}, 'BUY', 'NET', 0.001, 60, 0,
        '{{{{"USDT" : "0.012"}}}}', 1, now(), now())
ON CONFLICT ({ORDER_KEY}) DO UPDATE
SET filled_quantity = held.filled_quantity + 0.001, filled_quote = held.filled_quote + 60,
    execution_count = held.execution_count + 1,
    last_executed_at = greatest(held.last_executed_at, now())
RETURNING id AS trade
"""
INSERT_EXECUTION = f"""
INSERT INTO tracking_tradeexecution
    ({ORDER_KEY}, trade_id, exchange_trade_id, side, sequence, position_side, execution_price,
     execution_quantity, is_maker, commission, commission_asset, realized_pnl, executed_at, kind,
     source, verified, verified_at, verify_attempts, is_history, disclaimed, created_at)
VALUES ({{account}}, 'FUTURES', {{symbol}}, 'ORDER', {{number}}, {{trade}}, {{fill}}, 'BUY', 0,
        'NET', 60000, 0.001, true, 0.012, 'USDT', 0, now(), 'TRADE', 'WS', true, now(), 0, false,
        false, now())
"""
MOVE_POSITION = f"""
INSERT INTO tracking_strategyposition AS held
    ({POSITION_KEY}, quantity, average_price, realized_pnl, commissions, fees,
     unvalued_commissions, funding, execution_count, folded_key, version, updated_at)
VALUES ({{account}}, NULL, 'FUTURES', {{symbol}}, 'NET', 0.001, 60000, 0, '{{{{}}}}', 0, '{{{{}}}}',
        0, 1, '', 1, now())
ON CONFLICT ({POSITION_KEY}) DO UPDATE
SET quantity = held.quantity + 0.001, execution_count = held.execution_count + 1,
    version = held.version + 1, updated_at = now()
"""
UPDATE_ORDER = """
UPDATE tracking_openorder
SET filled_quantity = filled_quantity + 0.001, filled_quote = filled_quote + 60,
    status = 'PARTIALLY_FILLED', version = version + 1, exchange_updated_at = now(),
    updated_at = now(), verified = true
WHERE id = {order}
"""
PGBENCH_HEAD = """
\\set n :n + 1
\\set order random(:first_order, :last_order)
\\set fill :base + :client_id * 10000000 + :n
BEGIN;
"""
#: its statements and what becomes of their answers
STATEMENTS = (
    (LOCK_ORDER, " \\gset"),
    (MOVE_TRADE, " \\gset"),
    (INSERT_EXECUTION, ";"),
    (MOVE_POSITION, ";"),
    (UPDATE_ORDER, ";"),
)
NAMES = ("order", "account", "symbol", "number", "trade", "fill")
FIRST_FILL = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Transactions a second by number of connections, and what ran them."""

    kind: str
    per_second: dict[int, float]


def measure(
    accounts: Accounts,
    folder: Path,
    seconds: float,
    *,
    connections: Sequence[int] = CONNECTIONS,
    attempt: int = 0,
) -> Limit:
    """Run the transaction on the limit's own accounts, with few and with many connections.

    Each `attempt` numbers its fills apart.
    """
    program = pgbench_path()
    first, last = accounts.limit_orders()
    rates = {}
    for run, count in enumerate(connections, start=attempt * len(CONNECTIONS) + 1):
        place = (first, last, FIRST_FILL * run)
        if program:
            rates[count] = _by_pgbench(program, folder, count, seconds, place)
        else:
            rates[count] = _by_python(count, seconds, place)
    return Limit(kind="pgbench" if program else "python", per_second=rates)


def pgbench_script() -> str:
    """Write the transaction in pgbench's language."""
    names = {name: f":{name}" for name in NAMES}
    body = "".join(
        " ".join(statement.format(**names).split()) + ending + "\n"
        for statement, ending in STATEMENTS
    )
    return f"{PGBENCH_HEAD.strip()}\n{body}COMMIT;\n"


def _by_pgbench(
    program: Path, folder: Path, count: int, seconds: float, place: tuple[int, int, int]
) -> float:
    script = folder / "fill.sql"
    script.write_text(pgbench_script())
    first, last, base = place
    variables = {"n": 0, "first_order": first, "last_order": last, "base": base}
    argv: list[str | Path] = [program, "-n", "-M", "prepared", "-f", script, "-T", f"{seconds:.0f}"]
    argv += ["-c", str(count), "-j", str(min(count, 2))]
    argv += [f"-D{name}={value}" for name, value in variables.items()]
    told = subprocess.run(
        argv, capture_output=True, text=True, check=False, env=os.environ | _address()
    )
    found = re.search(r"tps = ([0-9.]+)", told.stdout)
    if told.returncode or not found:
        message = f"pgbench: {told.stderr.strip()[-500:]}"
        raise RuntimeError(message)
    return float(found.group(1))


def _address() -> dict[str, str]:
    parameters = connection.get_connection_params()
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password"}
    address = {variable: str(parameters[name]) for variable, name in names.items()}
    return address | {"PGDATABASE": str(parameters["dbname"])}


def _by_python(count: int, seconds: float, place: tuple[int, int, int]) -> float:
    done = [0] * count
    end = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_loop, args=(client, place, end, done)) for client in range(count)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.monotonic() - began)


def _loop(client: int, place: tuple[int, int, int], end: float, done: list[int]) -> None:
    first, last, base = place
    statements = [
        statement.format(**{name: f"%({name})s" for name in NAMES}) for statement, _ in STATEMENTS
    ]
    with psycopg2.connect(**connection.get_connection_params()) as link, link.cursor() as cursor:
        while time.monotonic() < end:
            number = done[client]
            # any spread over the orders will do
            order = first + (number * 7919 + client * 104_729) % (last - first + 1)
            fill = str(base + client * 10_000_000 + number)
            _one(cursor, statements, {"order": order, "fill": fill})
            link.commit()
            done[client] += 1


def _one(cursor: Any, statements: list[str], values: dict[str, object]) -> None:
    lock, trade, *rest = statements
    cursor.execute(lock, values)
    account, symbol, number = cursor.fetchone()
    values |= {"account": account, "symbol": symbol, "number": number}
    cursor.execute(trade, values)
    values["trade"] = cursor.fetchone()[0]
    for statement in rest:
        cursor.execute(statement, values)
