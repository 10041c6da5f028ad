"""
Empties the database between tests: only tables that have rows, and not what Django itself put in.

Django's own way truncates every table, which makes new files for each of them and their indexes,
and then writes all content types and permissions again. Half a second a test, and most of the
suite's time.
"""

from __future__ import annotations

from django.db import connection

#: written by migrations, the same for every test
KEPT = {"django_migrations", "django_content_type", "auth_permission"}
_EMPTY = """
    DO $$
    DECLARE
        name text;
        has_rows boolean;
    BEGIN
        -- foreign keys need not be looked at: everything goes
        SET LOCAL session_replication_role = replica;
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
            IF NOT name = ANY (ARRAY[{kept}]) THEN
                EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO has_rows;
                IF has_rows THEN
                    EXECUTE format('DELETE FROM %I', name);
                END IF;
            END IF;
        END LOOP;
    END $$
"""


def empty_database(_case: object) -> None:
    """Stand in for `TransactionTestCase._fixture_teardown`."""
    kept = ", ".join(f"'{name}'" for name in sorted(KEPT))
    with connection.cursor() as cursor:
        cursor.execute(_EMPTY.format(kept=kept))
