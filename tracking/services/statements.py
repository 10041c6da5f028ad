"""
Several statements in one round trip.

What a transaction does to its bookkeeping rows at its end needs no answers in between, and on a
busy machine each answer costs a turn at the processor. Outside a transaction PostgreSQL makes one
of the statements that arrive together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Statement = tuple[str, "Sequence[Any]"]


def run(statements: Iterable[Statement]) -> list[tuple[Any, ...]]:
    """Run statements one after the other; return what the last one returns, if it does."""
    with connection.cursor() as cursor:
        texts = [cursor.mogrify(query, values).decode() for query, values in statements]
        if not texts:
            return []
        cursor.execute(";\n".join(texts))
        return cursor.fetchall() if cursor.description else []
