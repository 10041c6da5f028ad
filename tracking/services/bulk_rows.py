"""
New rows by COPY: as the ORM's `bulk_create` writes them, for a tenth of the work on either side.

`INSERT` has the ORM adapt each value field by field, and PostgreSQL parse and plan a statement as
long as its values. Constraints and foreign keys are checked by both alike. What an instance's
fields would do on saving (`auto_now`, encryption) does not happen: only for models that have none.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cache
from io import StringIO
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from django.db.models import Model

NULL = "\\N"
_ESCAPES = {ord("\\"): "\\\\", ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}


def _text(value: str) -> str:
    if value.isprintable() and "\\" not in value:
        return value
    return value.translate(_ESCAPES)


def _json(value: Any) -> str:
    return _text(orjson.dumps(value).decode())


def _array(values: tuple[Any, ...]) -> str:
    """Write a tuple as an array; a list is JSON."""
    return _text("{" + ",".join([_element(value) for value in values]) + "}")


def _element(value: Any) -> str:
    if not isinstance(value, str):
        return _WRITERS[type(value)](value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class _Writers(dict[type, "Callable[[Any], str]"]):
    """How a value is written, by its type; a subclass as its nearest known parent."""

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        for parent in kind.__mro__:
            if parent in self:
                self[kind] = self[parent]
                return self[kind]
        message = f"no way to write a {kind.__name__}"
        raise TypeError(message)


_WRITERS = _Writers(
    {
        type(None): lambda _: NULL,
        bool: lambda value: "t" if value else "f",
        int: int.__repr__,
        str: _text,
        bytes: lambda value: f"\\\\x{value.hex()}",
        Decimal: str,
        datetime: datetime.isoformat,
        UUID: str,
        dict: _json,
        list: _json,
        tuple: _array,
    }
)


def line(values: Iterable[object]) -> str:
    """Write one row in COPY's text format, without its end. Raises TypeError."""
    return "\t".join([_WRITERS[type(value)](value) for value in values])


def copy_lines(model: type[Model], columns: Sequence[str], lines: Iterable[str]) -> None:
    """Insert rows written by `line`, in one statement. Raises what an INSERT would."""
    names = ", ".join(f'"{name}"' for name in columns)
    text = "\n".join([*lines, ""])
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(f"COPY {model._meta.db_table} ({names}) FROM STDIN", StringIO(text))


def insert(rows: Sequence[Model]) -> None:
    """Insert new instances of one model; like `bulk_create`, but they get no primary keys."""
    if rows:
        model = type(rows[0])
        columns, read = _columns(model)
        copy_lines(model, columns, [line(read(row)) for row in rows])


def insert_with_keys(rows: Sequence[Model]) -> None:
    """Insert new instances of one model that others will refer to: they get primary keys."""
    if not rows:
        return
    model = type(rows[0])
    for row, key in zip(rows, _new_keys(model, len(rows)), strict=True):
        row.pk = key
    columns, read = _columns(model)
    lines = [f"{row.pk}\t{line(read(row))}" for row in rows]
    copy_lines(model, ["id", *columns], lines)


def _new_keys(model: type[Model], count: int) -> list[int]:
    sequence = f"SELECT nextval(pg_get_serial_sequence('{model._meta.db_table}', 'id'))"
    with connection.cursor() as cursor:
        cursor.execute(f"{sequence} FROM generate_series(1, %s)", [count])
        return [key for (key,) in cursor.fetchall()]


@cache
def _columns(model: type[Model]) -> tuple[list[str], Callable[[Model], tuple[Any, ...]]]:
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    read: Callable[[Model], tuple[Any, ...]] = attrgetter(*(field.attname for field in fields))
    return [str(field.column) for field in fields], read
