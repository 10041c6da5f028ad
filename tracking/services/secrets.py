"""Re-encrypting stored secrets under the newest key, so that an old key can be retired."""

from __future__ import annotations

import structlog
from django.db import connection, transaction

from tracking.models import fields

log = structlog.get_logger(__name__)

_READ = """
    SELECT id, api_key, api_secret, api_password FROM tracking_exchangeaccount
    WHERE id = %s FOR NO KEY UPDATE
"""
_WRITE = """
    UPDATE tracking_exchangeaccount
    SET api_key = %s, api_secret = %s, api_password = %s
    WHERE id = %s
"""


def rotate_secrets() -> int:
    """Rotate every account's secrets; return how many accounts were.

    Works on the stored tokens, so no secret is ever held in the clear for long. May be run again
    at any time. Raises SecretUnreadableError for a token written with a key that is gone; what was
    rotated before stays so.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM tracking_exchangeaccount ORDER BY id")
        account_ids = [row[0] for row in cursor.fetchall()]
    for account_id in account_ids:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(_READ, [account_id])
            for pk, *tokens in cursor.fetchall():
                cursor.execute(_WRITE, [*map(fields.rotate, tokens), pk])
    log.info("secrets.rotated", accounts=len(account_ids))
    return len(account_ids)
