"""
The database's own promises: every constraint and index our models declare is there and in force.

OL-4 and RE-2: what must not be twice cannot be, because a unique index forbids it; the index itself
is looked at, and that it was not left invalid or narrowed. OL-14: what identifies an order or a
fill contains account, market and symbol, since exchanges number per symbol.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db import connection
from django.db.models import CheckConstraint, UniqueConstraint

from tracking.models import (
    Anomaly,
    ClosedOrder,
    Halt,
    OpenOrder,
    OrderEvent,
    OrderRequest,
    Posting,
    StrategyPosition,
    SymbolSubscription,
    Trade,
    TradeExecution,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model

    from tracking.services.books.moment import Found, Moment

BOOKS: Final[tuple[type[Model], ...]] = (
    OpenOrder,
    ClosedOrder,
    Trade,
    TradeExecution,
    Posting,
    StrategyPosition,
    OrderEvent,
    OrderRequest,
    Halt,
    SymbolSubscription,
    Anomaly,
)
#: what only all three together identify at an exchange
SCOPE: Final = frozenset({"account_id", "market_type", "symbol"})
SCOPED: Final = (OpenOrder, ClosedOrder, Trade, TradeExecution, StrategyPosition)

_INDEXES = """
    SELECT i.relname, x.indisunique AND x.indisvalid, x.indnullsnotdistinct,
        x.indpred IS NOT NULL, ARRAY(
            SELECT a.attname::text FROM unnest(x.indkey) WITH ORDINALITY AS k(number, place)
            JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = k.number
            ORDER BY place)
    FROM pg_index AS x
    JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS t ON t.oid = x.indrelid
    WHERE t.relname = ANY(%s) AND pg_table_is_visible(t.oid)
"""
_CHECKS = """
    SELECT c.conname FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid
    WHERE t.relname = ANY(%s) AND c.contype = 'c' AND c.convalidated AND pg_table_is_visible(t.oid)
"""


class Index(NamedTuple):
    """One index as it should be, or as the catalogue has it."""

    is_in_force: bool
    nulls_alike: bool
    is_partial: bool
    columns: list[str]


def _ask(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, [[model._meta.db_table for model in BOOKS]])
        return list(cursor.fetchall())


def _unique() -> Iterator[tuple[type[Model], UniqueConstraint]]:
    for model in BOOKS:
        for constraint in model._meta.constraints:
            if isinstance(constraint, UniqueConstraint):
                yield model, constraint


def _promised(model: type[Model], constraint: UniqueConstraint) -> Index:
    return Index(
        is_in_force=True,
        nulls_alike=constraint.nulls_distinct is False,
        is_partial=constraint.condition is not None,
        columns=[_column(model, name) for name in constraint.fields],
    )


def _column(model: type[Model], name: str) -> str:
    return str(next(field.column for field in model._meta.fields if field.name == name))


def unique_in_force(_moment: Moment) -> Found:
    """Look at every unique index of the books."""
    found = {name: Index(*rest) for name, *rest in _ask(_INDEXES)}
    promised = [(m, c.name, _promised(m, c)) for m, c in _unique()]
    return len(promised), [
        (f"{model._meta.db_table}:{name}", _instead(found.get(name), index))
        for model, name, index in promised
        if found.get(name) != index
    ]


def _instead(found: Index | None, promised: Index) -> str:
    return f"expected {promised}, found {found}" if found else "there is no such index"


def checks_in_force(_moment: Moment) -> Found:
    """Look at every check constraint of the books."""
    found = {name for (name,) in _ask(_CHECKS)}
    promised = [
        (model._meta.db_table, constraint.name)
        for model in BOOKS
        for constraint in model._meta.constraints
        if isinstance(constraint, CheckConstraint)
    ]
    return len(promised), [
        (f"{table}:{name}", "there is no such check, or it was never validated")
        for table, name in promised
        if name not in found
    ]


def identities_scoped(_moment: Moment) -> Found:
    """See that no identity is narrower than account, market and symbol."""
    found = {name: Index(*rest) for name, *rest in _ask(_INDEXES)}
    names = [
        (model, constraint.name)
        for model, constraint in _unique()
        if model in SCOPED and "client_order_id" not in constraint.fields
    ]
    return len(names), [
        (f"{model._meta.db_table}:{name}", f"identifies by {', '.join(found[name].columns)} only")
        for model, name in names
        if name in found and not set(found[name].columns) >= SCOPE
    ]
