"""
Rows read by a condition written in SQL, as the instances the ORM would make of them.

A drain of one fill reads ten times. Building a query set, compiling it and asking each field how it
converts costs several times what PostgreSQL needs to answer; here the list of columns is written
once per model and process.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from django.db import connection, models

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = TypeVar("Row", bound=models.Model)


class _Shape(NamedTuple):
    """How a model is selected, and which of its columns are not ready to use as they come."""

    select: str
    names: list[str]
    converters: list[tuple[int, Callable[..., Any]]]


def read(
    model: type[Row],
    where: str,
    parameters: Sequence[Any],
    *,
    order: str = "id",
    lock: bool = False,
    leave_out: tuple[str, ...] = (),
) -> list[Row]:
    """Read rows in this order; `lock` takes them FOR NO KEY UPDATE, in the same order.

    Columns that are left out are read when they are looked at.
    """
    shape = _shape(model, leave_out)
    locking = " FOR NO KEY UPDATE" if lock else ""
    with connection.cursor() as cursor:
        cursor.execute(f"{shape.select} WHERE {where} ORDER BY {order}{locking}", parameters)
        found = cursor.fetchall()
    return [model.from_db(connection.alias, shape.names, _ready(row, shape)) for row in found]


def read_one(
    model: type[Row], pk: int, *, lock: bool = False, leave_out: tuple[str, ...] = ()
) -> Row:
    """Read the row of a primary key. Raises the model's DoesNotExist."""
    found = read(model, "id = %s", [pk], lock=lock, leave_out=leave_out)
    if not found:
        raise model.DoesNotExist  # type: ignore[attr-defined]  # made by each model
    return found[0]


def _ready(row: tuple[Any, ...], shape: _Shape) -> Sequence[Any]:
    if not shape.converters:
        return row
    values = list(row)
    for place, convert in shape.converters:
        values[place] = convert(values[place], None, connection)
    return values


@cache
def _shape(model: type[models.Model], leave_out: tuple[str, ...]) -> _Shape:
    fields = [f for f in model._meta.concrete_fields if f.attname not in leave_out]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    return _Shape(
        select=f"SELECT {columns} FROM {model._meta.db_table}",  # noqa: S608 - names of our models
        names=[field.attname for field in fields],
        converters=[
            (place, field.from_db_value)
            for place, field in enumerate(fields)
            if hasattr(field, "from_db_value")
        ],
    )
