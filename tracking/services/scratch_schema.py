"""
Tables of its own for one thread: a schema with empty copies of the live ones, gone afterwards.

The live schema is not on the search path of the connection, nor of any that replaces it while the
schema is used: whatever the thread writes lands in the copies or fails. Constraints, indexes and
identities are copied; foreign keys are not, so that rows may refer to what was left behind. The
database's user needs the right to create schemas.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator


class ScratchUnavailableError(Exception):
    """The connection does not take a search path of its own; connect to PostgreSQL directly."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(self.__doc__)


@contextmanager
def scratch_schema(name: str, *, keep: bool = False) -> Iterator[str]:
    """Work in a new schema `name`; yields the name of the live one, to be read by its full name.

    `keep` leaves the schema where it is. Raises ScratchUnavailableError.
    """
    live = _current_schema()
    _create(name, live)
    try:
        with _search_path(name):
            yield live
    finally:
        if not keep:
            with connection.cursor() as cursor:
                cursor.execute(f'DROP SCHEMA "{name}" CASCADE')


def _current_schema() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        (name,) = cursor.fetchone()
    return str(name)


def _create(name: str, live: str) -> None:
    models = apps.get_app_config("tracking").get_models()
    # a proxy is another name for a table, not one of its own
    tables = [model._meta.db_table for model in models if not model._meta.proxy]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA "{name}"')
        for table in tables:
            like = f'LIKE "{live}"."{table}" INCLUDING ALL'
            cursor.execute(f'CREATE TABLE "{name}"."{table}" ({like})')


@contextmanager
def _search_path(name: str) -> Iterator[None]:
    """Let this thread's connection, and each that follows it, see nothing but the schema."""
    wrapper = connections[DEFAULT_DB_ALIAS]
    before = wrapper.settings_dict
    options = before["OPTIONS"]
    path = f"{options.get('options', '')} -c search_path={name}".strip()
    wrapper.close()
    wrapper.settings_dict = before | {"OPTIONS": options | {"options": path}}
    try:
        if _current_schema() != name:
            raise ScratchUnavailableError
        yield
    finally:
        wrapper.close()
        wrapper.settings_dict = before
