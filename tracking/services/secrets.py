"""Re-encrypting stored secrets under the newest key, so that an old key can be retired."""

from __future__ import annotations

from typing import Final

import structlog
from django.db import connection, transaction

from tracking.models import fields

log = structlog.get_logger(__name__)

#: every table with encrypted columns, and these columns
_SECRETS: Final = {
    "tracking_exchangeaccount": ("api_key", "api_secret", "api_password"),
    "tracking_webhook": ("secret",),
    "tracking_noticechannel": ("url",),
}


def rotate_secrets() -> int:
    """Rotate every row's secrets; return how many rows were.

    Works on the stored tokens, so no secret is ever held in the clear for long. May be run again
    at any time. Raises SecretUnreadableError for a token written with a key that is gone; what was
    rotated before stays so.
    """
    rotated = {table: _rotate(table, columns) for table, columns in _SECRETS.items()}
    log.info("secrets.rotated", **rotated)
    return sum(rotated.values())


def _rotate(table: str, columns: tuple[str, ...]) -> int:
    """Rotate a table's secrets row by row, each in a commit of its own."""
    names = ", ".join(columns)
    changes = ", ".join(f"{column} = %s" for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} ORDER BY id")  # noqa: S608 - a name of ours
        ids = [row[0] for row in cursor.fetchall()]
    for pk in ids:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            read = f"SELECT {names} FROM {table} WHERE id = %s FOR NO KEY UPDATE"  # noqa: S608
            cursor.execute(read, [pk])
            for tokens in cursor.fetchall():
                written = [token and fields.rotate(token) for token in tokens]
                cursor.execute(
                    f"UPDATE {table} SET {changes} WHERE id = %s",  # noqa: S608
                    [*written, pk],
                )
    return len(ids)
